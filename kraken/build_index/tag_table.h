#ifndef KRAKEN_BUILD_INDEX_TAG_TABLE_H_
#define KRAKEN_BUILD_INDEX_TAG_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"

struct sqlite3;

namespace kraken::build_index {

// A tag as it is kept.
struct TagRow {
  Digest digest;
  // Milliseconds since the epoch at which Harbor was asked. Never goes backward.
  uint64_t revision = 0;
  // When the digest was last confirmed upstream.
  absl::Time confirmed_at;
};

// Tags on disk: (namespace, tag) → digest, in an SQLite database of its own. What Put() has
// returned survives kill -9 and power loss. Used by one thread at a time; blocks on the disk.
class TagTable {
 public:
  // FAILED_PRECONDITION if the file can't be opened or is no database of ours.
  static absl::StatusOr<std::unique_ptr<TagTable>> Open(const std::string& path);
  ~TagTable();
  TagTable(const TagTable&) = delete;
  TagTable& operator=(const TagTable&) = delete;

  // Nothing if the tag is unknown.
  absl::StatusOr<std::optional<TagRow>> Get(const std::string& ns, const std::string& tag);

  // Stores the tag unless what is there is newer, and returns what is there now.
  absl::StatusOr<TagRow> Put(const std::string& ns, const std::string& tag, const TagRow& row);

  // No error if it is unknown.
  absl::Status Delete(const std::string& ns, const std::string& tag);

  absl::StatusOr<int64_t> Count();

 private:
  explicit TagTable(sqlite3* db) : db_(db) {}
  absl::Status Prepare();

  sqlite3* const db_;
};

}  // namespace kraken::build_index

#endif  // KRAKEN_BUILD_INDEX_TAG_TABLE_H_
