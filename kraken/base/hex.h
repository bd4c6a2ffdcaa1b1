// Lower-case hexadecimal.
#ifndef KRAKEN_BASE_HEX_H_
#define KRAKEN_BASE_HEX_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kraken {

// Two lower-case digits per byte.
std::string HexEncode(absl::Span<const uint8_t> bytes);

// Decodes exactly `out.size()` bytes from `hex`, which must be 2 * out.size() lower-case digits.
// Upper case is refused: digests and ids have one spelling. On false, `out` is unspecified.
bool HexDecode(absl::string_view hex, absl::Span<uint8_t> out);

}  // namespace kraken

#endif  // KRAKEN_BASE_HEX_H_
