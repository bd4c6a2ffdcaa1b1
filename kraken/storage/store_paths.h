#ifndef KRAKEN_STORAGE_STORE_PATHS_H_
#define KRAKEN_STORAGE_STORE_PATHS_H_

#include <string>
#include <string_view>

#include "kraken/base/digest.h"

namespace kraken::storage {

// Names within a store (blob_store.h has the layout). Digests are types, so no name from outside
// ever becomes a path. Immutable.
class StorePaths {
 public:
  explicit StorePaths(std::string root);

  const std::string& root() const { return root_; }
  // The directory that holds the root.
  std::string Parent() const;
  const std::string& blobs() const { return blobs_; }
  const std::string& partials() const { return partials_; }
  const std::string& trash() const { return trash_; }
  std::string lock() const { return root_ + "/lock"; }

  // blobs/ab, blobs/ab/cd, blobs/ab/cd/<hex>
  std::string OuterShard(const Digest& digest) const;
  std::string Shard(const Digest& digest) const;
  std::string BlobDirectory(const Digest& digest) const;
  std::string PartialDirectory(const Digest& digest) const;

 private:
  std::string root_;
  std::string blobs_;
  std::string partials_;
  std::string trash_;
};

// Files within the directory of a blob or a partial.
inline constexpr std::string_view kDataFile = "data";
inline constexpr std::string_view kPieceListFile = "pieces";
inline constexpr std::string_view kPieceMapFile = "map";
inline constexpr std::string_view kKeepFile = "keep";

std::string JoinPath(std::string_view directory, std::string_view name);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_STORE_PATHS_H_
