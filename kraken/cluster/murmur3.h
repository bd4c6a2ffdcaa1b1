#ifndef KRAKEN_CLUSTER_MURMUR3_H_
#define KRAKEN_CLUSTER_MURMUR3_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace kraken::cluster {

// The first 64 bits of MurmurHash3 x64-128 with seed 0 over `data`. Kraken's rings hash with it, so
// the value is part of the contract between clusters. Source of the algorithm: Austin Appleby's
// MurmurHash3 (public domain), variant x64_128.
uint64_t Murmur3First64(absl::string_view data);

}  // namespace kraken::cluster

#endif  // KRAKEN_CLUSTER_MURMUR3_H_
