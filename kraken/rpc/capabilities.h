// What one of our processes tells another about itself: `GET /x/capabilities` on its HTTP port.
#ifndef KRAKEN_RPC_CAPABILITIES_H_
#define KRAKEN_RPC_CAPABILITIES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken::rpc {

inline constexpr absl::string_view kCapabilitiesPath = "/x/capabilities";

struct Capabilities {
  std::string role;        // "tracker", "origin", …
  uint16_t grpc_port = 0;  // on the same host
  bool grpc_tls = false;
};

// {"role":"tracker","grpc":{"port":15013,"tls":true}}
std::string ToJson(const Capabilities& capabilities);
// INVALID_ARGUMENT says what is wrong. Members that it does not know are ignored.
absl::StatusOr<Capabilities> ParseCapabilities(absl::string_view json);

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_CAPABILITIES_H_
