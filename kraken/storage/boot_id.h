#ifndef KRAKEN_STORAGE_BOOT_ID_H_
#define KRAKEN_STORAGE_BOOT_ID_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace kraken::storage {

// Names one run of the machine's kernel: what was written to the page cache is there as long as it
// stays the same.
using BootId = std::array<uint8_t, 16>;

// Reads a UUID from `path` (/proc/sys/kernel/random/boot_id). FAILED_PRECONDITION.
absl::StatusOr<BootId> ReadBootId(const std::string& path);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_BOOT_ID_H_
