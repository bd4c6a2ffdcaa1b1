#ifndef KRAKEN_BASE_TWENTY_BYTES_H_
#define KRAKEN_BASE_TWENTY_BYTES_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/hex.h"

namespace kraken {

// What PeerId and InfoHash have in common: twenty bytes, written as 40 lower-case hex digits.
// `Derived` names itself in kTypeName for error messages.
template <typename Derived>
class TwentyBytes {
 public:
  static constexpr size_t kSizeBytes = 20;
  using Bytes = std::array<uint8_t, kSizeBytes>;

  // Accepts exactly 40 lower-case hex digits; INVALID_ARGUMENT else.
  static absl::StatusOr<Derived> Parse(absl::string_view hex) {
    Derived result;
    if (!HexDecode(hex, absl::MakeSpan(result.bytes_))) {
      return absl::InvalidArgumentError(std::string(Derived::kTypeName) +
                                        ": expected 40 lower-case hex digits");
    }
    return result;
  }

  static Derived FromBytes(const Bytes& bytes) {
    Derived result;
    result.bytes_ = bytes;
    return result;
  }

  const Bytes& bytes() const { return bytes_; }

  // 40 lower-case hex digits.
  std::string hex() const { return HexEncode(bytes_); }
  std::string ToString() const { return hex(); }

  friend bool operator==(const Derived& a, const Derived& b) { return a.bytes_ == b.bytes_; }
  friend auto operator<=>(const Derived& a, const Derived& b) { return a.bytes_ <=> b.bytes_; }

  template <typename H>
  friend H AbslHashValue(H state, const Derived& value) {
    return H::combine(std::move(state), value.bytes_);
  }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const Derived& value) {
    stream << value.hex();
    return stream;
  }

 protected:
  TwentyBytes() = default;

 private:
  Bytes bytes_{};
};

}  // namespace kraken

#endif  // KRAKEN_BASE_TWENTY_BYTES_H_
