#include "kraken/storage/sqlite_database.h"

#include <string>

#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

using testing::HasSubstr;

constexpr int32_t kId = 0x1234;
constexpr char kSchema[] = "CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)";

class SqliteDatabaseTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(int32_t id = kId, int32_t version = 1) {
    return SqliteDatabase::Open(path_, id, version, kSchema);
  }
  const std::string path_ = MakeTestDir() + "/test.db";
};

TEST_F(SqliteDatabaseTest, RowsSurviveReopening) {
  const std::string bytes("\0\xff'\"x", 5);
  {
    ASSERT_OK_AND_ASSIGN(const auto database, Open());
    ASSERT_OK_AND_ASSIGN(SqliteStatement insert,
                         database->Prepare("INSERT INTO t VALUES (?1, ?2)"));
    ASSERT_OK(insert.Bind(1, int64_t{7}).BindBlob(2, bytes).Run());
    ASSERT_OK(insert.Bind(1, int64_t{8}).BindBlob(2, "").Run());
    EXPECT_EQ(database->changes(), 1);
  }
  ASSERT_OK_AND_ASSIGN(const auto database, Open());
  ASSERT_OK_AND_ASSIGN(SqliteStatement select, database->Prepare("SELECT a, b FROM t ORDER BY a"));
  EXPECT_THAT(select.Step(), IsOkAndHolds(true));
  EXPECT_EQ(select.Int(0), 7);
  EXPECT_EQ(select.Blob(1), bytes);
  EXPECT_THAT(select.Step(), IsOkAndHolds(true));
  EXPECT_FALSE(select.IsNull(1));
  EXPECT_THAT(select.Step(), IsOkAndHolds(false));
}

TEST_F(SqliteDatabaseTest, OtherProgramsAndOtherVersionsFilesAreRefused) {
  ASSERT_OK(Open());
  EXPECT_THAT(Open(kId + 1), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path_)));
  EXPECT_THAT(Open(kId, 2),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 1")));
}

TEST_F(SqliteDatabaseTest, OneUserAtATime) {
  ASSERT_OK_AND_ASSIGN(const auto database, Open());
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in use")));
}

TEST_F(SqliteDatabaseTest, GarbageAndMissingDirectoriesAreErrors) {
  WriteTestFile(path_, std::string(5000, 'x'));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path_)));
  EXPECT_THAT(SqliteDatabase::Open("/proc/no/such.db", kId, 1, kSchema),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SqliteDatabaseTest, FirstFailureIsRememberedUntilTaken) {
  ASSERT_OK_AND_ASSIGN(const auto database, Open());
  EXPECT_OK(database->TakeFailure());
  EXPECT_FALSE(database->Execute("NONSENSE").ok());
  EXPECT_FALSE(database->Execute("SELECT nothing").ok());
  EXPECT_THAT(database->TakeFailure(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("NONSENSE")));
  EXPECT_OK(database->TakeFailure());
}

}  // namespace
}  // namespace kraken::storage
