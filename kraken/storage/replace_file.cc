#include "kraken/storage/replace_file.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"

namespace kraken::storage {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::Status ReplaceFile(const std::string& path, absl::string_view content, FileSystem& files) {
  const std::string temporary = absl::StrCat(path, ".new");
  {
    KH_ASSIGN_OR_RETURN(const UniqueFd fd, files.Open(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    KH_RETURN_IF_ERROR(
        files.WriteMetadata(fd.get(), 0, {content.data(), content.size()}, temporary));
    KH_RETURN_IF_ERROR(files.Sync(fd.get(), temporary));
  }
  KH_RETURN_IF_ERROR(files.Rename(temporary, path));
  return files.SyncDirectory(FolderOf(path));
}

}  // namespace kraken::storage
