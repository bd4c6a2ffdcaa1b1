#include "kraken/krakenctl/http_setup.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/host_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/http_client.h"
#include "kraken/net/tls_context.h"

namespace kraken::krakenctl {

void AddTlsFlags(config::FlagSet& flags, TlsFlags* tls) {
  flags.Strings("ca", &tls->ca_files,
                "for https: a file of certificates to check the other side against; none: the "
                "system's");
  flags.String("cert", &tls->certificate_file, "for https: our own certificate (PEM)");
  flags.String("key", &tls->key_file, "for https: its key (PEM)");
  flags.String("tls-name", &tls->server_name,
               "for https: the name that the other side's certificate must bear; none: the host's");
}

absl::StatusOr<std::unique_ptr<net::BlockingHttpClient>> MakeHttpClient(const TlsFlags& tls) {
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError("-cert and -key belong together: give both or neither");
  }
  net::HttpClientOptions options;
  options.user_agent = "krakenctl";
  auto context = net::TlsContext::CreateClient(
      {.ca_files = tls.ca_files,
       .identity = {.certificate_file = tls.certificate_file, .key_file = tls.key_file},
       .server_name = tls.server_name});
  if (context.ok()) {
    options.tls = *std::move(context);
  } else if (!tls.ca_files.empty() || !tls.certificate_file.empty()) {
    // Without files of our own it is only missing where https is asked for.
    return context.status();
  }
  return std::make_unique<net::BlockingHttpClient>(std::move(options));
}

absl::StatusOr<net::Url> ParseAddress(absl::string_view text) {
  const bool has_scheme = absl::StrContains(text, "://");
  if (!has_scheme && !IsValidHost(text.substr(0, text.find('/')))) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected host:port or https://host:port, found \"", text, "\""));
  }
  return net::Url::Parse(has_scheme ? std::string(text) : absl::StrCat("http://", text));
}

}  // namespace kraken::krakenctl
