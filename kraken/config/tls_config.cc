#include "kraken/config/tls_config.h"

#include "absl/strings/str_cat.h"
#include "kraken/config/reader.h"

namespace kraken::config {

void ReadConfig(ObjectReader& r, FilePath* c) { r.Optional("path", &c->path); }

void ReadConfig(ObjectReader& r, TlsEndConfig* c) {
  r.Optional("disabled", &c->disabled);
  r.Optional("cert", &c->cert);
  r.Optional("key", &c->key);
  r.Optional("passphrase", &c->passphrase);
  if (c->disabled || c->cert.path.empty() == c->key.path.empty()) return;
  r.Error("", c->cert.path.empty() ? "key without cert" : "cert without key");
}

void ReadConfig(ObjectReader& r, TlsConfig* c) {
  r.Optional("name", &c->name);
  r.Optional("cas", &c->cas);
  r.Optional("server", &c->server);
  r.Optional("client", &c->client);
}

absl::Status CheckServerTls(const TlsConfig& tls, absl::string_view section) {
  if (tls.server.disabled || !tls.server.cert.path.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(section, ".server: needs cert.path and key.path, or disabled: true"));
}

}  // namespace kraken::config
