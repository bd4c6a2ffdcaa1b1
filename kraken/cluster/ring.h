#ifndef KRAKEN_CLUSTER_RING_H_
#define KRAKEN_CLUSTER_RING_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/cluster/rendezvous_hash.h"

namespace kraken::cluster {

// Which hosts hold which blobs, at one moment: an immutable value that may be shared between
// threads. Who watches a cluster builds a new one when members or their health change.
class Ring {
 public:
  // `healthy` names some of `members`; others are ignored. REQUIRES: max_replica >= 1.
  Ring(absl::Span<const std::string> members, absl::Span<const std::string> healthy,
       int max_replica);

  // Where the blob lives, best first: the healthy ones among the first `max_replica` members by
  // score; if none of those is healthy, the next healthy one; if nobody is healthy, the member
  // with the highest score. Empty only for a ring without members.
  std::vector<std::string> Locations(const Digest& digest) const;
  std::vector<std::string> Locations(const ShardKey& key) const;

  bool Contains(absl::string_view member) const;

  // Sorted, without duplicates.
  const std::vector<std::string>& members() const { return members_; }

 private:
  std::vector<std::string> members_;
  absl::flat_hash_set<std::string> healthy_;
  int max_replica_;
};

}  // namespace kraken::cluster

#endif  // KRAKEN_CLUSTER_RING_H_
