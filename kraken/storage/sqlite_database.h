#ifndef KRAKEN_STORAGE_SQLITE_DATABASE_H_
#define KRAKEN_STORAGE_SQLITE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/storage/commit_target.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kraken::storage {

class SqliteDatabase;

// A prepared statement. Used by the database's thread only.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&& other) noexcept;
  ~SqliteStatement();

  // Parameters count from 1. What a text or blob points to is copied.
  SqliteStatement& Bind(int parameter, int64_t value);
  SqliteStatement& Bind(int parameter, std::string_view text);
  SqliteStatement& BindBlob(int parameter, std::string_view bytes);
  SqliteStatement& BindNull(int parameter);

  // Runs on: true when a row can be read, false at the end (the statement is then reset).
  absl::StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  absl::Status Run();
  // Ends a run before its last row.
  void Reset();

  // Columns count from 0.
  int64_t Int(int column) const;
  std::string Text(int column) const;
  std::string Blob(int column) const;
  bool IsNull(int column) const;

 private:
  friend class SqliteDatabase;
  SqliteStatement(SqliteDatabase* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  SqliteDatabase* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

// An SQLite database used by one process: WAL, exclusive lock, fsync at each commit. Used by one
// thread at a time.
class SqliteDatabase final : public CommitTarget {
 public:
  // Opens or creates. `application_id` and `version` name the schema: FAILED_PRECONDITION when the
  // file is another program's, of a newer version, or in use by another process; DATA_LOSS when it
  // is damaged. `schema` creates the tables of a new database.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path,
                                                              int32_t application_id,
                                                              int32_t version,
                                                              const std::string& schema);
  ~SqliteDatabase() override;

  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  absl::Status Execute(const std::string& sql);
  absl::StatusOr<SqliteStatement> Prepare(std::string_view sql);
  // Rows changed by the last statement.
  int64_t changes() const;

  absl::Status Begin() override;
  // The first error since the last call, OK if none: what a transaction is rolled back for.
  absl::Status TakeFailure() override;
  absl::Status Commit() override { return Execute("COMMIT"); }
  void Rollback() override;

  const std::string& path() const override { return path_; }

 private:
  friend class SqliteStatement;
  SqliteDatabase(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  absl::Status Configure();
  absl::Status CheckSchema(int32_t application_id, int32_t version, const std::string& schema);
  absl::StatusOr<int64_t> Pragma(const std::string& name);
  absl::Status Failed(int code);

  const std::string path_;
  sqlite3* handle_;
  absl::Status failure_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_SQLITE_DATABASE_H_
