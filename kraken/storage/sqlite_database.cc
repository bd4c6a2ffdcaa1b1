#include "kraken/storage/sqlite_database.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "sqlite3.h"

namespace kraken::storage {
namespace {

// Memory that a database's cache may take.
constexpr int kCacheKiB = 2048;
// The log is kept at this size when it has been larger for a while: its blocks are overwritten in
// place, so that an fsync has no file size to record.
constexpr int64_t kLogBytes = 16 << 20;
// SQLite copies what is bound.
const sqlite3_destructor_type kCopies = SQLITE_TRANSIENT;  // NOLINT: its macro casts

absl::StatusCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

// --- Statements.

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

SqliteStatement& SqliteStatement::operator=(SqliteStatement&& other) noexcept {
  sqlite3_finalize(statement_);
  database_ = other.database_;
  statement_ = std::exchange(other.statement_, nullptr);
  return *this;
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

SqliteStatement& SqliteStatement::Bind(int parameter, int64_t value) {
  const int code = sqlite3_bind_int64(statement_, parameter, value);
  KH_CHECK(code == SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int parameter, std::string_view text) {
  const int code =
      sqlite3_bind_text64(statement_, parameter, text.data(), text.size(), kCopies, SQLITE_UTF8);
  KH_CHECK(code == SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(int parameter, std::string_view bytes) {
  // A null pointer would bind NULL.
  const char* data = bytes.empty() ? "" : bytes.data();
  const int code = sqlite3_bind_blob64(statement_, parameter, data, bytes.size(), kCopies);
  KH_CHECK(code == SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::BindNull(int parameter) {
  const int code = sqlite3_bind_null(statement_, parameter);
  KH_CHECK(code == SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  absl::Status failed = database_->Failed(code);
  Reset();
  return failed;
}

absl::Status SqliteStatement::Run() {
  KH_ASSIGN_OR_RETURN(const bool row, Step());
  KH_CHECK(!row);
  return absl::OkStatus();
}

void SqliteStatement::Reset() {
  // Its code repeats that of the step.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int64_t SqliteStatement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqliteStatement::Text(int column) const { return Blob(column); }

std::string SqliteStatement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr) return std::string();
  return std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

// --- The database.

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path,
                                                                     int32_t application_id,
                                                                     int32_t version,
                                                                     const std::string& schema) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  auto database = std::unique_ptr<SqliteDatabase>(new SqliteDatabase(path, handle));
  if (code != SQLITE_OK) return database->Failed(code);
  KH_RETURN_IF_ERROR(database->Configure());
  KH_RETURN_IF_ERROR(database->CheckSchema(application_id, version, schema));
  return database;
}

SqliteDatabase::~SqliteDatabase() {
  // Statements are members declared after the database, gone by now.
  const int code = sqlite3_close(handle_);
  KH_CHECK(code == SQLITE_OK);
}

absl::Status SqliteDatabase::Configure() {
  // Exclusive before WAL: the log's index is then in our memory, and one process has the file.
  KH_RETURN_IF_ERROR(Execute("PRAGMA locking_mode = EXCLUSIVE"));
  KH_RETURN_IF_ERROR(Execute("PRAGMA journal_mode = WAL"));
  KH_RETURN_IF_ERROR(Execute("PRAGMA synchronous = FULL"));
  KH_RETURN_IF_ERROR(Execute("PRAGMA temp_store = MEMORY"));
  KH_RETURN_IF_ERROR(Execute(absl::StrCat("PRAGMA cache_size = -", kCacheKiB)));
  return Execute(absl::StrCat("PRAGMA journal_size_limit = ", kLogBytes));
}

absl::Status SqliteDatabase::CheckSchema(int32_t application_id, int32_t version,
                                         const std::string& schema) {
  KH_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  KH_ASSIGN_OR_RETURN(const int64_t found_application, Pragma("application_id"));
  KH_ASSIGN_OR_RETURN(const int64_t found_version, Pragma("user_version"));
  if (found_version == 0 && found_application == 0) {
    KH_RETURN_IF_ERROR(Execute(schema));
    KH_RETURN_IF_ERROR(Execute(absl::StrCat("PRAGMA application_id = ", application_id)));
    KH_RETURN_IF_ERROR(Execute(absl::StrCat("PRAGMA user_version = ", version)));
    return Execute("COMMIT");
  }
  KH_RETURN_IF_ERROR(Execute("COMMIT"));
  if (found_application != application_id) {
    return absl::FailedPreconditionError(absl::StrCat("database ", path_,
                                                      " is not of this kind: application id ",
                                                      found_application, ", not ", application_id));
  }
  if (found_version != version) {
    return absl::FailedPreconditionError(absl::StrCat(
        "database ", path_, " has version ", found_version, ", this program knows ", version));
  }
  return absl::OkStatus();
}

absl::Status SqliteDatabase::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Failed(code);
}

absl::StatusOr<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Failed(code);
  return SqliteStatement(this, statement);
}

absl::StatusOr<int64_t> SqliteDatabase::Pragma(const std::string& name) {
  KH_ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(absl::StrCat("PRAGMA ", name)));
  KH_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError(absl::StrCat("database ", path_, ": no ", name));
  return statement.Int(0);
}

int64_t SqliteDatabase::changes() const { return sqlite3_changes64(handle_); }

absl::Status SqliteDatabase::Begin() {
  TakeFailure().IgnoreError();
  return Execute("BEGIN IMMEDIATE");
}

void SqliteDatabase::Rollback() {
  // Fails when SQLite has rolled back by itself.
  Execute("ROLLBACK").IgnoreError();
}

absl::Status SqliteDatabase::TakeFailure() { return std::exchange(failure_, absl::OkStatus()); }

absl::Status SqliteDatabase::Failed(int code) {
  const bool busy = (code & 0xff) == SQLITE_BUSY;
  absl::Status status(
      CodeOf(code),
      absl::StrCat("database ", path_, ": ",
                   busy ? "in use by another process"
                        : (handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code))));
  if (failure_.ok()) failure_ = status;
  return status;
}

}  // namespace kraken::storage
