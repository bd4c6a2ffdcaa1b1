#include "kraken/storage/store_paths.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kraken::storage {

StorePaths::StorePaths(std::string root)
    : root_(std::move(root)),
      blobs_(JoinPath(root_, "blobs")),
      partials_(JoinPath(root_, "partial")),
      trash_(JoinPath(root_, "trash")) {}

std::string StorePaths::Parent() const {
  std::string_view path = root_;
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string StorePaths::OuterShard(const Digest& digest) const {
  return JoinPath(blobs_, digest.hex().substr(0, 2));
}

std::string StorePaths::Shard(const Digest& digest) const {
  const std::string hex = digest.hex();
  return absl::StrCat(blobs_, "/", hex.substr(0, 2), "/", hex.substr(2, 2));
}

std::string StorePaths::BlobDirectory(const Digest& digest) const {
  const std::string hex = digest.hex();
  return absl::StrCat(blobs_, "/", hex.substr(0, 2), "/", hex.substr(2, 2), "/", hex);
}

std::string StorePaths::PartialDirectory(const Digest& digest) const {
  return JoinPath(partials_, digest.hex());
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  return absl::StrCat(directory, "/", name);
}

}  // namespace kraken::storage
