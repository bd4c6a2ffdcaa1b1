#ifndef KRAKEN_KRAKENCTL_CONFIG_FILE_H_
#define KRAKEN_KRAKENCTL_CONFIG_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/storage/file_system.h"

namespace kraken::krakenctl {

// The largest configuration file that is edited.
inline constexpr int64_t kMaxConfigFileBytes = 1 << 20;

// The content of somebody's configuration file; nothing if there is none. FAILED_PRECONDITION for a
// symbolic link or anything else that is no regular file, RESOURCE_EXHAUSTED for a larger one.
absl::StatusOr<absl::optional<std::string>> ReadConfigFile(const std::string& path);

// Whether there is such a folder, or a link to one.
bool IsFolder(const std::string& path);

// A file as it was read, and as it shall be. Nothing: it is not there.
struct FileChange {
  std::string path;
  absl::optional<std::string> before;
  absl::optional<std::string> after;
  // When the file goes, and its folder is empty then, that goes too.
  bool remove_folder = false;
};

// Makes the change so that at any instant, also after a crash, the file is whole, the old or the
// new one: a new file beside it is synced and takes its name, then the folder is synced. Mode and
// owner stay; a new file is for everybody to read. Folders that are missing are made. ABORTED if
// the file is no longer as it was read.
absl::Status ApplyFileChange(const FileChange& change, storage::FileSystem& files);

// What a reader needs to see of a change, line by line, as diff(1) shows it.
std::string DescribeFileChange(const FileChange& change);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_CONFIG_FILE_H_
