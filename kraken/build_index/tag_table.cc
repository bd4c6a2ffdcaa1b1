#include "kraken/build_index/tag_table.h"

#include <sqlite3.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kraken/base/status_macros.h"

namespace kraken::build_index {
namespace {

constexpr char kSchema[] = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS tag (
  namespace    TEXT NOT NULL,
  tag          TEXT NOT NULL,
  digest       BLOB NOT NULL,
  revision     INTEGER NOT NULL,
  confirmed_ms INTEGER NOT NULL,
  PRIMARY KEY (namespace, tag)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gone_tag ON tag (revision) WHERE length(digest) = 0;
)";

absl::Status ErrorOf(sqlite3* db, absl::string_view what) {
  const int code = sqlite3_errcode(db);
  const std::string message = absl::StrCat(what, ": ", sqlite3_errmsg(db));
  if (code == SQLITE_FULL) return absl::ResourceExhaustedError(message);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return absl::DataLossError(message);
  return absl::InternalError(message);
}

// One prepared statement with its parameters.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Text(const std::string& text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
  }
  // No bytes: nothing.
  Statement& Bytes(const std::optional<Digest>& digest) {
    const void* data = digest.has_value() ? static_cast<const void*>(digest->bytes().data()) : "";
    const size_t size = digest.has_value() ? digest->bytes().size() : 0;
    sqlite3_bind_blob(statement_, ++bound_, data, static_cast<int>(size), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& Integer(int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }

  // True: a row is there; false: the statement has ended.
  absl::StatusOr<bool> Step() {
    const int code = statement_ == nullptr ? SQLITE_ERROR : sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return ErrorOf(db_, "tags");
  }

  int64_t IntegerAt(int column) { return sqlite3_column_int64(statement_, column); }
  std::string TextAt(int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text == nullptr ? "" : text;
  }
  absl::StatusOr<std::optional<Digest>> DigestAt(int column) {
    Digest::Bytes bytes{};
    if (sqlite3_column_bytes(statement_, column) == 0) return std::optional<Digest>();
    if (sqlite3_column_bytes(statement_, column) != static_cast<int>(bytes.size())) {
      return absl::DataLossError("tags: a digest of the wrong length");
    }
    std::memcpy(bytes.data(), sqlite3_column_blob(statement_, column), bytes.size());
    return std::optional<Digest>(Digest::FromBytes(bytes));
  }

 private:
  sqlite3* const db_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TagTable>> TagTable::Open(const std::string& path) {
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  auto table = std::unique_ptr<TagTable>(new TagTable(db));
  if (code != SQLITE_OK) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", path, ": ", db == nullptr ? "no memory" : sqlite3_errmsg(db)));
  }
  const absl::Status prepared = table->Prepare();
  if (!prepared.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("open ", path, ": ", prepared.message()));
  }
  return table;
}

TagTable::~TagTable() { sqlite3_close(db_); }

absl::Status TagTable::Prepare() {
  if (sqlite3_exec(db_, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return ErrorOf(db_, "schema");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TagRow>> TagTable::Get(const std::string& ns, const std::string& tag) {
  Statement select(
      db_, "SELECT digest, revision, confirmed_ms FROM tag WHERE namespace = ? AND tag = ?");
  KH_ASSIGN_OR_RETURN(const bool found, select.Text(ns).Text(tag).Step());
  if (!found) return std::optional<TagRow>();
  TagRow row;
  KH_ASSIGN_OR_RETURN(row.digest, select.DigestAt(0));
  row.revision = static_cast<uint64_t>(select.IntegerAt(1));
  row.confirmed_at = absl::FromUnixMillis(select.IntegerAt(2));
  return std::optional<TagRow>(row);
}

absl::StatusOr<TagRow> TagTable::Put(const std::string& ns, const std::string& tag,
                                     const TagRow& row) {
  Statement upsert(
      db_,
      "INSERT INTO tag (namespace, tag, digest, revision, confirmed_ms) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (namespace, tag) DO UPDATE SET digest = excluded.digest, "
      "revision = excluded.revision, confirmed_ms = excluded.confirmed_ms "
      "WHERE excluded.revision > revision");
  KH_RETURN_IF_ERROR(upsert.Text(ns)
                         .Text(tag)
                         .Bytes(row.digest)
                         .Integer(static_cast<int64_t>(row.revision))
                         .Integer(absl::ToUnixMillis(row.confirmed_at))
                         .Step()
                         .status());
  KH_ASSIGN_OR_RETURN(const std::optional<TagRow> stored, Get(ns, tag));
  if (!stored.has_value()) return absl::InternalError("tags: a stored tag is not there");
  return *stored;
}

absl::StatusOr<std::vector<DroppedTag>> TagTable::Select(const std::string& ns,
                                                         const GoneTags& which,
                                                         uint64_t older_than) {
  Statement select(db_,
                   "SELECT tag, digest FROM tag WHERE namespace = ? AND revision < ? AND "
                   "length(digest) > 0 ORDER BY tag");
  select.Text(ns).Integer(static_cast<int64_t>(older_than));
  std::vector<DroppedTag> selected;
  while (true) {
    KH_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return selected;
    const std::string tag = select.TextAt(0);
    KH_ASSIGN_OR_RETURN(const std::optional<Digest> digest, select.DigestAt(1));
    const bool is_gone = std::holds_alternative<Tag>(which) ? std::get<Tag>(which).ToString() == tag
                         : std::holds_alternative<Digest>(which)
                             ? std::get<Digest>(which) == *digest
                             : !std::get<std::set<std::string>>(which).contains(tag);
    if (is_gone) selected.push_back({.tag = tag, .digest = *digest});
  }
}

absl::StatusOr<std::vector<DroppedTag>> TagTable::Mark(const std::string& ns, const GoneTags& which,
                                                       const TagRow& gone) {
  Statement forget(db_, "DELETE FROM tag WHERE length(digest) = 0 AND revision < ?");
  const int64_t kept_since = absl::ToUnixMillis(absl::Now() - kKeepGone);
  KH_RETURN_IF_ERROR(forget.Integer(kept_since).Step().status());
  KH_ASSIGN_OR_RETURN(std::vector<DroppedTag> dropped, Select(ns, which, gone.revision));
  for (const DroppedTag& tag : dropped) KH_RETURN_IF_ERROR(Put(ns, tag.tag, gone).status());
  if (const Tag* tag = std::get_if<Tag>(&which)) {
    KH_RETURN_IF_ERROR(Put(ns, tag->ToString(), gone).status());
  }
  return dropped;
}

absl::StatusOr<std::vector<DroppedTag>> TagTable::Drop(const std::string& ns, const GoneTags& which,
                                                       const TagRow& gone) {
  // One transaction: one fsync, however many tags go.
  if (sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK) {
    return ErrorOf(db_, "tags");
  }
  absl::StatusOr<std::vector<DroppedTag>> dropped = Mark(ns, which, gone);
  const char* const end = dropped.ok() ? "COMMIT" : "ROLLBACK";
  if (sqlite3_exec(db_, end, nullptr, nullptr, nullptr) != SQLITE_OK && dropped.ok()) {
    dropped = ErrorOf(db_, "tags");
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return dropped;
}

absl::Status TagTable::DropIfKnown(const std::string& ns, const std::string& tag,
                                   const TagRow& gone) {
  Statement update(
      db_,
      "UPDATE tag SET digest = x'', revision = ?, confirmed_ms = ? WHERE namespace = ? "
      "AND tag = ? AND revision < ?");
  const auto revision = static_cast<int64_t>(gone.revision);
  return update.Integer(revision)
      .Integer(absl::ToUnixMillis(gone.confirmed_at))
      .Text(ns)
      .Text(tag)
      .Integer(revision)
      .Step()
      .status();
}

absl::StatusOr<int64_t> TagTable::Count() {
  Statement count(db_, "SELECT COUNT(*) FROM tag WHERE length(digest) > 0");
  KH_RETURN_IF_ERROR(count.Step().status());
  return count.IntegerAt(0);
}

}  // namespace kraken::build_index
