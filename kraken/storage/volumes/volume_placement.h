#ifndef KRAKEN_STORAGE_VOLUMES_VOLUME_PLACEMENT_H_
#define KRAKEN_STORAGE_VOLUMES_VOLUME_PLACEMENT_H_

#include <string>
#include <vector>

#include "kraken/base/digest.h"

namespace kraken::storage {

// Where blobs belong among volumes: weighted rendezvous hashing, so that a volume gets blobs in
// proportion to its weight, and one that comes or goes moves only its own. Depends on nothing but
// labels, weights and the digest, today and after the next start. Immutable.
class VolumePlacement {
 public:
  struct Volume {
    std::string label;
    double weight = 1;
  };

  // REQUIRES: each weight > 0.
  explicit VolumePlacement(std::vector<Volume> volumes);

  // Indices of all volumes, first where the blob belongs.
  std::vector<int> OrderFor(const Digest& digest) const;

 private:
  struct Seat {
    uint64_t seed;
    double weight;
  };
  std::vector<Seat> seats_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_VOLUMES_VOLUME_PLACEMENT_H_
