#include "kraken/storage/volumes/volume_placement.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <string_view>

#include "kraken/base/check.h"

namespace kraken::storage {
namespace {

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
uint64_t HashOf(std::string_view label) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : label) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// OOPSLA 2014).
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

VolumePlacement::VolumePlacement(std::vector<Volume> volumes) {
  for (const Volume& volume : volumes) {
    KH_CHECK(volume.weight > 0);
    seats_.push_back({.seed = HashOf(volume.label), .weight = volume.weight});
  }
}

std::vector<int> VolumePlacement::OrderFor(const Digest& digest) const {
  uint64_t key = 0;
  // The last bytes: shards take the first, hash rings too.
  const Digest::Bytes& bytes = digest.bytes();
  for (size_t i = bytes.size() - 8; i < bytes.size(); ++i) key = key << 8 | bytes[i];
  std::vector<double> scores;
  for (const Seat& seat : seats_) {
    // Uniform in (0, 1); the score is that of Schindelhauer and Schomaker, Weighted distributed
    // hash tables, SPAA 2005.
    const double uniform = (static_cast<double>(Mix(key ^ seat.seed) >> 11) + 0.5) * 0x1p-53;
    scores.push_back(-seat.weight / std::log(uniform));
  }
  std::vector<int> order(seats_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&scores](int a, int b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  return order;
}

}  // namespace kraken::storage
