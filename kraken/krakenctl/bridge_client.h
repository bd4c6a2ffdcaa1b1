#ifndef KRAKEN_KRAKENCTL_BRIDGE_CLIENT_H_
#define KRAKEN_KRAKENCTL_BRIDGE_CLIENT_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/config/flags.h"
#include "kraken/krakenctl/http_setup.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/url.h"

namespace kraken::krakenctl {

// How a command reaches a harbor-bridge.
struct BridgeFlags {
  std::string bridge = "http://localhost:10050";
  std::string username;
  std::string password_file;
  absl::Duration timeout = absl::Seconds(10);
  TlsFlags tls;
};
// Adds -bridge, -username, -password-file, -timeout and those of AddTlsFlags().
void AddBridgeFlags(config::FlagSet& flags, BridgeFlags* bridge);

// Asks a harbor-bridge's API (harbor_bridge/status/api_routes.h). Blocks.
class BridgeClient {
 public:
  // INVALID_ARGUMENT: a flag that can't be used.
  static absl::StatusOr<BridgeClient> Create(const BridgeFlags& flags);

  // `path` with its query, escaped. The answer's document; else an error with what the bridge says,
  // NOT_FOUND for 404, UNAVAILABLE if it does not answer.
  absl::StatusOr<nlohmann::json> Get(absl::string_view path);
  absl::StatusOr<nlohmann::json> Post(absl::string_view path, const nlohmann::json& body);

 private:
  BridgeClient() = default;
  absl::StatusOr<nlohmann::json> Ask(absl::string_view method, absl::string_view path,
                                     std::string body);

  std::unique_ptr<net::BlockingHttpClient> http_;
  net::Url bridge_;
  std::string authorization_;
  absl::Duration timeout_;
};

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_BRIDGE_CLIENT_H_
