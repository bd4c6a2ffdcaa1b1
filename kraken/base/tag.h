#ifndef KRAKEN_BASE_TAG_H_
#define KRAKEN_BASE_TAG_H_

#include <compare>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken {

// A tag, for example "latest", checked against the grammar of the OCI distribution specification
// 1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. Never empty, except after a move.
class Tag {
 public:
  static constexpr size_t kMaxLength = 128;

  // INVALID_ARGUMENT if `text` is not a tag.
  static absl::StatusOr<Tag> Parse(absl::string_view text);

  const std::string& ToString() const { return tag_; }
  const std::string& value() const { return tag_; }

  friend bool operator==(const Tag&, const Tag&) = default;
  friend auto operator<=>(const Tag&, const Tag&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const Tag& tag) {
    return H::combine(std::move(state), tag.tag_);
  }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const Tag& tag) {
    stream << tag.tag_;
    return stream;
  }

 private:
  explicit Tag(absl::string_view tag) : tag_(tag) {}

  std::string tag_;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_TAG_H_
