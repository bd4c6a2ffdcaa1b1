// Sizes as they are written in configuration files.
#ifndef KRAKEN_BASE_BYTE_SIZE_H_
#define KRAKEN_BASE_BYTE_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken {

// Bytes from a whole number and an optional unit, in any case: B, K, M, G, T, P, each optionally
// with B or iB behind it, all of them powers of 1024 as in Kraken: "4MB", "50G", "100KB", "512".
// INVALID_ARGUMENT if `text` is anything else; OUT_OF_RANGE if it does not fit in an int64_t.
absl::StatusOr<int64_t> ParseByteSize(absl::string_view text);

// The shortest exact spelling that ParseByteSize reads back: 4194304 is "4MB", 1000 is "1000B".
std::string FormatByteSize(int64_t size_bytes);

}  // namespace kraken

#endif  // KRAKEN_BASE_BYTE_SIZE_H_
