#ifndef HARBOR_BRIDGE_ROUTING_ROUTE_CONFIG_H_
#define HARBOR_BRIDGE_ROUTING_ROUTE_CONFIG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harbor_bridge/routing/agent_selector.h"
#include "kraken/registry/platform.h"

namespace re2 {
class RE2;
}
namespace kraken::config {
class ObjectReader;
}

namespace harbor_bridge {

// Has origins cache an image.
struct PrefetchAction {
  // Which images of an index; empty: all. A missing key `platforms` is the bridge's own.
  std::vector<kraken::registry::Platform> platforms;
  bool has_platforms = false;
  // Also what refers to the image: signatures, SBOMs, attestations.
  bool referrers = false;
  // An image with more bytes is not cached at all; 0: no limit.
  int64_t max_image_bytes = 0;
  // A larger layer is left out; 0: no limit.
  int64_t max_blob_bytes = 0;
};
void ReadConfig(kraken::config::ObjectReader& r, PrefetchAction* c);

// What the build-index is told of the tag.
enum class TagAction {
  kKeep,  // nothing
  kSet,   // what it stands for at Harbor now
  kDrop,  // that nothing is known of it: who asks next has Harbor asked
};

// What a rule has done. Members that are empty or false say nothing.
struct RouteActions {
  // Nothing is done, whatever later rules say.
  bool ignore = false;
  std::optional<PrefetchAction> prefetch;
  // These agents are to have what is prefetched, too; without `prefetch` it is all of the image.
  std::optional<AgentSelector> preheat;
  std::optional<TagAction> tag;
  // What is gone at Harbor is taken out of the swarm.
  bool invalidate = false;
  // Names of other clusters that are to have the image too.
  std::vector<std::string> replicate;
};

// One entry of `routes`.
struct RouteRule {
  // For messages; without a key `name`, where the rule stands: "routes[2]".
  std::string name;
  // Key `image`: RE2, unanchored.
  std::shared_ptr<const re2::RE2> image;
  // Only images of these Harbors; empty: of all.
  std::vector<std::string> harbors;
  RouteActions actions;
  // Key `continue`: rules below may add what this one does not say.
  bool goes_on = false;
};
void ReadConfig(kraken::config::ObjectReader& r, RouteRule* c);

// A list "linux/amd64", … at `key`. True if it is there.
bool ReadPlatforms(kraken::config::ObjectReader& r, const char* key,
                   std::vector<kraken::registry::Platform>* platforms);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_ROUTING_ROUTE_CONFIG_H_
