#include "kraken/cluster/rendezvous_hash.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/cluster/murmur3.h"

namespace kraken::cluster {
namespace {

constexpr double kWeight = 100;
constexpr uint64_t kTwoTo53 = uint64_t{1} << 53;

std::string BigEndian(uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i) {
    bytes[i] = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return bytes;
}

// `hash` as a number in (0, 1).
double UnitInterval(uint64_t hash) {
  uint64_t v = hash & (kTwoTo53 - 1);
  while (v == 0) {
    hash = Murmur3First64(BigEndian(hash));
    v = hash & (kTwoTo53 - 1);
  }
  return static_cast<double>(v) / static_cast<double>(kTwoTo53);
}

}  // namespace

double RendezvousScore(const ShardKey& key, absl::string_view label) {
  std::string bytes(key.begin(), key.end());
  bytes.append(label.data(), label.size());
  return -kWeight / std::log(UnitInterval(Murmur3First64(bytes)));
}

std::vector<std::string> RankByScore(const ShardKey& key, absl::Span<const std::string> labels) {
  std::vector<std::pair<double, absl::string_view>> scored;
  scored.reserve(labels.size());
  for (const std::string& label : labels) scored.emplace_back(RendezvousScore(key, label), label);
  std::sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(-a.first, a.second) < std::make_tuple(-b.first, b.second);
  });
  std::vector<std::string> ranked;
  ranked.reserve(scored.size());
  for (const auto& [score, label] : scored) ranked.emplace_back(label);
  return ranked;
}

}  // namespace kraken::cluster
