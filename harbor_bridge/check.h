#ifndef HARBOR_BRIDGE_CHECK_H_
#define HARBOR_BRIDGE_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "harbor_bridge/bridge_config.h"

namespace harbor_bridge {

// For people: what a configuration that was read means: its Harbors and its routes and, unless
// `image` is empty, what is done with that image and why. Asks nobody. Errors as FindSubject().
absl::StatusOr<std::string> CheckConfig(const BridgeConfig& config, const std::string& image);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_CHECK_H_
