#ifndef KRAKEN_ACCESS_ACCESS_CONFIG_H_
#define KRAKEN_ACCESS_ACCESS_CONFIG_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/backend/backend_config.h"

namespace re2 {
class RE2;
}
namespace kraken::config {
class ObjectReader;
}

namespace kraken::access {

// Who may pull.
enum class AccessMode {
  kOpen,         // whoever reaches the process
  kPassthrough,  // whom the Harbor that owns the repository lets pull it
  kNode,         // whoever reaches the process, as far as the node's own robot account may pull
};

// What holds while the Harbor that has to be asked does not answer.
enum class WhenHarborIsDown {
  kDeny,    // nothing is served
  kCached,  // what it said before holds; what it was never asked is not served
  kAllow,   // everything is served
};

// How Harbor asks for credentials, and so how we do.
enum class ChallengeKind { kBearer, kBasic };

// One entry of `access.rules`.
struct AccessRule {
  // Key `namespace`: RE2, tried unanchored on "host/repository" and then on "repository".
  std::shared_ptr<const re2::RE2> pattern;
  AccessMode mode = AccessMode::kOpen;
  // Whom to ask. Needed unless the mode is `open`; there it serves lists of tags and of referrers.
  // Its `security.basic` is the robot account of mode `node`, and is not used in `passthrough`.
  std::optional<backend::RegistryConfig> harbor;
  ChallengeKind challenge = ChallengeKind::kBearer;
};
void ReadConfig(config::ObjectReader& r, AccessRule* c);

// Section `access`. Without rules everything is open.
struct AccessConfig {
  std::vector<AccessRule> rules;
  WhenHarborIsDown when_harbor_is_down = WhenHarborIsDown::kCached;
  // For so long Harbor is not asked the same again.
  absl::Duration decision_ttl = absl::Minutes(1);
  // For so long a decision holds while Harbor is down and `cached` says so.
  absl::Duration stale_ttl = absl::Hours(24);
  // A manifest that is pulled is fetched from Harbor at least so often instead of only asked for:
  // Harbor's pull time, which retention rules look at, counts nothing else.
  absl::Duration pull_time_interval = absl::Hours(1);
  // Where it is kept which blobs the manifests of a repository name, 16 bytes for each. Empty: in
  // memory only. Its directory exists.
  std::string edges_file;
};
void ReadConfig(config::ObjectReader& r, AccessConfig* c);

}  // namespace kraken::access

#endif  // KRAKEN_ACCESS_ACCESS_CONFIG_H_
