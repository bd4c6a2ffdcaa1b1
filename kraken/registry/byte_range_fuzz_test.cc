#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/check.h"
#include "kraken/base/strong_index.h"
#include "kraken/registry/byte_range.h"

// The first byte is the blob's size, the rest is the field: a Range and, as such, a Content-Range.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::ByteCount;
  using kraken::registry::RangeDecision;
  if (size == 0) return 0;
  const ByteCount blob_size(data[0]);
  const absl::string_view field(reinterpret_cast<const char*>(data) + 1, size - 1);

  const RangeDecision decision =
      kraken::registry::DecideRange(field, absl::nullopt, "\"etag\"", blob_size);
  if (decision.kind == RangeDecision::Kind::kPartial) {
    const int64_t offset = decision.range.offset.value();
    const int64_t length = decision.range.length.value();
    KH_CHECK(offset >= 0 && length > 0 && offset + length <= blob_size.value());
    const auto received = kraken::registry::ParseContentRange(
        kraken::registry::ContentRange(decision.range, blob_size));
    KH_CHECK(received.ok());
    KH_CHECK(received->range == decision.range && received->size == blob_size);
  }

  const auto received = kraken::registry::ParseContentRange(field);
  if (received.ok()) {
    KH_CHECK(received->range.offset.value() >= 0 && received->range.length.value() > 0);
    KH_CHECK(!received->size.has_value() ||
             received->range.offset.value() + received->range.length.value() <=
                 received->size->value());
  }
  return 0;
}
