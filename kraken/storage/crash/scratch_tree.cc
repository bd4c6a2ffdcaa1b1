#include "kraken/storage/crash/scratch_tree.h"

#include <sys/stat.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/file_system.h"

namespace kraken::storage {

ScratchTree::ScratchTree() : path_("/dev/shm/kh_XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) path_ = MakeTestDir();
}

ScratchTree::~ScratchTree() { RemoveTree(path_); }

void RemoveTree(const std::string& directory) {
  FileSystem& files = PosixFileSystem();
  std::vector<std::string> paths;
  KH_CHECK(files
               .List(directory,
                     [&paths, &directory](std::string_view name) {
                       paths.push_back(absl::StrCat(directory, "/", name));
                       return true;
                     })
               .ok());
  for (const std::string& path : paths) {
    const absl::StatusOr<struct stat> info = files.Stat(path);
    if (info.ok() && S_ISDIR(info->st_mode)) {
      RemoveTree(path);
    } else {
      KH_CHECK(files.Unlink(path).ok());
    }
  }
  KH_CHECK(files.RemoveDirectory(directory).ok());
}

}  // namespace kraken::storage
