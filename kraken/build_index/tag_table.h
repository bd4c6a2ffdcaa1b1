#ifndef KRAKEN_BUILD_INDEX_TAG_TABLE_H_
#define KRAKEN_BUILD_INDEX_TAG_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"
#include "kraken/base/tag.h"

struct sqlite3;

namespace kraken::build_index {

// A tag as it is kept.
struct TagRow {
  // Nothing: there is no such tag any more. Kept for a while, so that what was asked before the tag
  // went can't bring it back.
  std::optional<Digest> digest;
  // Milliseconds since the epoch at which Harbor was asked. Never goes backward.
  uint64_t revision = 0;
  // When this was last confirmed upstream.
  absl::Time confirmed_at;
};

// Which tags of a namespace are gone.
using GoneTags = std::variant<Tag,                   // this one
                              Digest,                // those that stand for it
                              std::set<std::string>  // all but these
                              >;

struct DroppedTag {
  std::string tag;
  Digest digest;

  friend bool operator==(const DroppedTag&, const DroppedTag&) = default;
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

  // Nothing if the tag is unknown; a row without a digest if it is known to be gone.
  absl::StatusOr<std::optional<TagRow>> Get(const std::string& ns, const std::string& tag);

  // Stores the tag unless what is there is newer, and returns what is there now.
  absl::StatusOr<TagRow> Put(const std::string& ns, const std::string& tag, const TagRow& row);

  // Marks tags as gone whose revision is older than `gone.revision`, and returns those that were
  // there. One that is named is marked though it is unknown. REQUIRES: no digest in `gone`.
  absl::StatusOr<std::vector<DroppedTag>> Drop(const std::string& ns, const GoneTags& which,
                                               const TagRow& gone);
  // Marks a tag as gone, if it is known and its revision is older.
  absl::Status DropIfKnown(const std::string& ns, const std::string& tag, const TagRow& gone);

  // Tags that are there.
  absl::StatusOr<int64_t> Count();

  // How long it is known that a tag is gone: longer than a question to Harbor can be under way.
  static constexpr absl::Duration kKeepGone = absl::Hours(24);

 private:
  explicit TagTable(sqlite3* db) : db_(db) {}
  absl::Status Prepare();
  absl::StatusOr<std::vector<DroppedTag>> Select(const std::string& ns, const GoneTags& which,
                                                 uint64_t older_than);
  absl::StatusOr<std::vector<DroppedTag>> Mark(const std::string& ns, const GoneTags& which,
                                               const TagRow& gone);

  sqlite3* const db_;
};

}  // namespace kraken::build_index

#endif  // KRAKEN_BUILD_INDEX_TAG_TABLE_H_
