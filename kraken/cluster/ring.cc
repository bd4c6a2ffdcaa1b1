#include "kraken/cluster/ring.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/base/check.h"
#include "kraken/base/digest.h"
#include "kraken/cluster/rendezvous_hash.h"

namespace kraken::cluster {

Ring::Ring(absl::Span<const std::string> members, absl::Span<const std::string> healthy,
           int max_replica)
    : members_(members.begin(), members.end()),
      healthy_(healthy.begin(), healthy.end()),
      max_replica_(max_replica) {
  KH_CHECK(max_replica >= 1);
  std::sort(members_.begin(), members_.end());
  members_.erase(std::unique(members_.begin(), members_.end()), members_.end());
}

std::vector<std::string> Ring::Locations(const Digest& digest) const {
  return Locations(digest.ShardKey());
}

std::vector<std::string> Ring::Locations(const ShardKey& key) const {
  std::vector<std::string> ranked = RankByScore(key, members_);
  std::vector<std::string> locations;
  const size_t replicas = max_replica_;
  for (size_t i = 0; i < ranked.size() && (locations.empty() || i < replicas); ++i) {
    if (healthy_.contains(ranked[i])) locations.push_back(ranked[i]);
  }
  if (locations.empty() && !ranked.empty()) locations.push_back(std::move(ranked[0]));
  return locations;
}

bool Ring::Contains(absl::string_view member) const {
  return std::binary_search(members_.begin(), members_.end(), member);
}

}  // namespace kraken::cluster
