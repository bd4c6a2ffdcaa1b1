#ifndef KRAKEN_STORAGE_FILE_IO_H_
#define KRAKEN_STORAGE_FILE_IO_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace kraken::storage {

// Positioned reads and writes of whole spans, across short counts and EINTR. `name` is for the
// error's message. The read says OUT_OF_RANGE at the end of the file.
absl::Status WriteFully(int fd, int64_t offset, absl::Span<const uint8_t> bytes,
                        const std::string& name);
absl::Status ReadFully(int fd, int64_t offset, absl::Span<uint8_t> out, const std::string& name);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_FILE_IO_H_
