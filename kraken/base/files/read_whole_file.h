#ifndef KRAKEN_BASE_FILES_READ_WHOLE_FILE_H_
#define KRAKEN_BASE_FILES_READ_WHOLE_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace kraken {

// All bytes of a file, or of what is read as one, such as a pipe. RESOURCE_EXHAUSTED if there are
// more than `max_bytes`; else as ErrnoToStatus() says. Errors name the file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes);

}  // namespace kraken

#endif  // KRAKEN_BASE_FILES_READ_WHOLE_FILE_H_
