#include "kraken/backend/backend_config.h"

#include "kraken/config/reader.h"

namespace kraken::backend {
namespace {

// More connections to one registry than its file descriptors usually allow.
constexpr int kMaxConcurrent = 4096;

struct BasicConfig {
  std::string username;
  std::string password;
};
void ReadConfig(config::ObjectReader& r, BasicConfig* c) {
  r.Optional("username", &c->username);
  r.Optional("password", &c->password);
}

struct SecurityConfig {
  BasicConfig basic;
  config::TlsConfig tls;
};
void ReadConfig(config::ObjectReader& r, SecurityConfig* c) {
  r.Optional("basic", &c->basic);
  r.Optional("tls", &c->tls);
  r.IgnoredKrakenKey("enableHTTPFallback", "tls.client.disabled says whether it is plain HTTP");
}

// The member `backend` of an entry.
struct KindConfig {
  std::optional<RegistryConfig> registry_blob;
  std::optional<RegistryConfig> registry_tag;
  std::optional<FileConfig> file;
};
void ReadConfig(config::ObjectReader& r, KindConfig* c) {
  r.Optional("registry_blob", &c->registry_blob);
  r.Optional("registry_tag", &c->registry_tag);
  r.Optional("file", &c->file);
  const int kinds =
      (r.Has("registry_blob") ? 1 : 0) + (r.Has("registry_tag") ? 1 : 0) + (r.Has("file") ? 1 : 0);
  if (kinds != 1) {
    r.Error("", "exactly one of registry_blob, registry_tag and file must be here");
  }
}

}  // namespace

// What `*c` holds already are defaults.
void ReadConfig(config::ObjectReader& r, RegistryConfig* c) {
  if (c->address.empty()) {
    r.Required("address", &c->address);
  } else {
    r.Optional("address", &c->address);
  }
  r.Optional("timeout", &c->timeout, {.min = absl::Milliseconds(1), .zero_is_default = true});
  SecurityConfig security = {
      .basic = {.username = c->credentials.username, .password = c->credentials.password},
      .tls = c->tls};
  r.Optional("security", &security);
  c->credentials = {.username = security.basic.username, .password = security.basic.password};
  c->tls = security.tls;
}

void ReadConfig(config::ObjectReader& r, FileConfig* c) {
  r.Required("root_directory", &c->root_directory);
}

void ReadConfig(config::ObjectReader& r, BackendEntryConfig* c) {
  r.Required("namespace", &c->pattern);
  KindConfig kind;
  r.Required("backend", &kind);
  c->registry_blob = std::move(kind.registry_blob);
  c->registry_tag = std::move(kind.registry_tag);
  c->file = std::move(kind.file);
  r.Optional("must_ready", &c->must_ready);
  r.Optional("bandwidth", &c->bandwidth);
  r.Optional("max_concurrent", &c->max_concurrent, {.min = 1, .max = kMaxConcurrent});
}

}  // namespace kraken::backend
