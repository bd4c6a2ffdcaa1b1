#ifndef KRAKEN_KRAKENCTL_HTTP_SETUP_H_
#define KRAKEN_KRAKENCTL_HTTP_SETUP_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/config/flags.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/url.h"

namespace kraken::krakenctl {

// How a command reaches a process of ours that has TLS on.
struct TlsFlags {
  std::vector<std::string> ca_files;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
};
// Adds -ca, -cert, -key and -tls-name.
void AddTlsFlags(config::FlagSet& flags, TlsFlags* tls);

// Errors name a file that can't be used.
absl::StatusOr<std::unique_ptr<net::BlockingHttpClient>> MakeHttpClient(const TlsFlags& tls);

// "host:port", "host:port/path" or a URL; without a scheme it is plain HTTP. INVALID_ARGUMENT says
// what is expected.
absl::StatusOr<net::Url> ParseAddress(absl::string_view text);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_HTTP_SETUP_H_
