#ifndef KRAKEN_BASE_INFO_HASH_H_
#define KRAKEN_BASE_INFO_HASH_H_

#include "kraken/base/twenty_bytes.h"

namespace kraken {

// Kraken's name of a swarm: SHA-1 of the bencoded metainfo. Among our own processes it is only an
// alias of (digest, piece length). Default-constructed: all zeros, which names no swarm.
class InfoHash : public TwentyBytes<InfoHash> {
 public:
  static constexpr char kTypeName[] = "info hash";

  InfoHash() = default;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_INFO_HASH_H_
