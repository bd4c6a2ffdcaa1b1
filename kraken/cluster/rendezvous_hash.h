#ifndef KRAKEN_CLUSTER_RENDEZVOUS_HASH_H_
#define KRAKEN_CLUSTER_RENDEZVOUS_HASH_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kraken::cluster {

// Rendezvous (highest random weight) hashing exactly as Kraken does it, so that our processes and
// Kraken's agree about who owns a blob:
//
//   h     = first 64 bits of MurmurHash3 x64-128 (seed 0) over key || label
//   v     = h & (2^53 - 1); while v is 0, h is hashed again, as eight big-endian bytes
//   score = -100 / ln(v / 2^53)
//
// A label is the `host:port` string exactly as it is configured or resolved.

// The first two bytes of a digest: all that a ring looks at.
using ShardKey = std::array<uint8_t, 2>;

// The score of `label` for `key`; the highest score owns the key. Always finite and positive,
// since 0 < v / 2^53 < 1.
double RendezvousScore(const ShardKey& key, absl::string_view label);

// Labels with the highest score first. Equal scores are ordered by label, so that the order never
// depends on the order of the input.
std::vector<std::string> RankByScore(const ShardKey& key, absl::Span<const std::string> labels);

}  // namespace kraken::cluster

#endif  // KRAKEN_CLUSTER_RENDEZVOUS_HASH_H_
