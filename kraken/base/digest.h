#ifndef KRAKEN_BASE_DIGEST_H_
#define KRAKEN_BASE_DIGEST_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken {

// The SHA-256 digest of a blob: its name everywhere in the system. Other algorithms of the OCI
// image specification are not supported; registries and clients use none.
//
// A small value type. A default-constructed Digest is all zeros, which names no blob.
class Digest {
 public:
  static constexpr size_t kSizeBytes = 32;
  using Bytes = std::array<uint8_t, kSizeBytes>;

  constexpr Digest() = default;

  // Accepts exactly "sha256:" and 64 lower-case hex digits; INVALID_ARGUMENT else.
  static absl::StatusOr<Digest> Parse(absl::string_view text);

  // Accepts exactly 64 lower-case hex digits; INVALID_ARGUMENT else.
  static absl::StatusOr<Digest> FromHex(absl::string_view hex);

  static constexpr Digest FromBytes(const Bytes& bytes) { return Digest(bytes); }

  // "sha256:" and 64 lower-case hex digits.
  std::string ToString() const;

  // 64 lower-case hex digits.
  std::string hex() const;

  const Bytes& bytes() const { return bytes_; }

  // The key under which hash rings place this blob: the first two bytes, which makes 65,536 shards,
  // as in Kraken.
  std::array<uint8_t, 2> ShardKey() const { return {bytes_[0], bytes_[1]}; }

  friend bool operator==(const Digest&, const Digest&) = default;
  friend auto operator<=>(const Digest&, const Digest&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const Digest& digest) {
    return H::combine(std::move(state), digest.bytes_);
  }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const Digest& digest) {
    stream << digest.ToString();
    return stream;
  }

 private:
  explicit constexpr Digest(const Bytes& bytes) : bytes_(bytes) {}

  Bytes bytes_{};
};

}  // namespace kraken

#endif  // KRAKEN_BASE_DIGEST_H_
