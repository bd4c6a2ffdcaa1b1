#ifndef KRAKEN_REGISTRY_BYTE_RANGE_H_
#define KRAKEN_REGISTRY_BYTE_RANGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/strong_index.h"

namespace kraken::registry {

// Ranges of bytes in HTTP (RFC 9110 §14), as far as registries use them.

struct ByteRange {
  ByteOffset offset;
  ByteCount length;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// What a server does about a Range field.
struct RangeDecision {
  enum class Kind {
    kWhole,          // 200 and everything
    kPartial,        // 206 and `range`
    kUnsatisfiable,  // 416
  };
  Kind kind = Kind::kWhole;
  ByteRange range;  // of kPartial; never empty

  friend bool operator==(const RangeDecision&, const RangeDecision&) = default;
};

// Decides for a blob of `size` bytes. One range of bytes is served: "bytes=5-9", "bytes=5-",
// "bytes=-5". An inverted range is unsatisfiable, as OCI's conformance suite wants it. Several
// ranges, other units and what cannot be read are ignored, which the RFC allows.
//
// `if_range` is the If-Range field, `etag` what the blob has: if they differ, the range is ignored.
RangeDecision DecideRange(absl::optional<absl::string_view> range_header,
                          absl::optional<absl::string_view> if_range, absl::string_view etag,
                          ByteCount size);

// "bytes 5-9/100". REQUIRES: range is not empty.
std::string ContentRange(const ByteRange& range, ByteCount size);
// "bytes */100".
std::string UnsatisfiedContentRange(ByteCount size);

// What a 206 says it carries.
struct ReceivedRange {
  ByteRange range;
  absl::optional<ByteCount> size;  // of the whole; missing for "bytes 5-9/*"

  friend bool operator==(const ReceivedRange&, const ReceivedRange&) = default;
};

// Reads a Content-Range field. INVALID_ARGUMENT if it is none or contradicts itself.
absl::StatusOr<ReceivedRange> ParseContentRange(absl::string_view header);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_BYTE_RANGE_H_
