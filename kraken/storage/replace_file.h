#ifndef KRAKEN_STORAGE_REPLACE_FILE_H_
#define KRAKEN_STORAGE_REPLACE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/storage/file_system.h"

namespace kraken::storage {

// Gives a small file new content as a whole: whoever reads it, after whatever loss of power, finds
// the old content or the new one; after OK the new one. Blocks on the disk. One writer at a time:
// what is written first stands under `path` + ".new".
absl::Status ReplaceFile(const std::string& path, absl::string_view content,
                         FileSystem& files = PosixFileSystem());

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_REPLACE_FILE_H_
