#include "kraken/cluster/murmur3.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace kraken::cluster {
namespace {

constexpr size_t kBlockBytes = 16;
constexpr uint64_t kC1 = 0x87c37b91114253d5;
constexpr uint64_t kC2 = 0x4cf5ad432745937f;

uint64_t RotateLeft(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

// Reads up to eight bytes, little endian; missing high bytes count as zero.
uint64_t ReadLittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < sizeof(value); ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  return value;
}

uint64_t MixK1(uint64_t k) { return RotateLeft(k * kC1, 31) * kC2; }
uint64_t MixK2(uint64_t k) { return RotateLeft(k * kC2, 33) * kC1; }

uint64_t Finalize(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53;
  h ^= h >> 33;
  return h;
}

}  // namespace

uint64_t Murmur3First64(absl::string_view data) {
  const uint64_t total = data.size();
  uint64_t h1 = 0;
  uint64_t h2 = 0;
  while (data.size() >= kBlockBytes) {
    h1 ^= MixK1(ReadLittleEndian(data.substr(0, 8)));
    h1 = (RotateLeft(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= MixK2(ReadLittleEndian(data.substr(8, 8)));
    h2 = (RotateLeft(h2, 31) + h1) * 5 + 0x38495ab5;
    data.remove_prefix(kBlockBytes);
  }
  if (data.size() > 8) h2 ^= MixK2(ReadLittleEndian(data.substr(8)));
  if (!data.empty()) h1 ^= MixK1(ReadLittleEndian(data.substr(0, 8)));
  h1 ^= total;
  h2 ^= total;
  h1 += h2;
  h2 += h1;
  h1 = Finalize(h1);
  h2 = Finalize(h2);
  return h1 + h2;
}

}  // namespace kraken::cluster
