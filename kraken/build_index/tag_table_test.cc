#include "kraken/build_index/tag_table.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::build_index {
namespace {

using ::testing::HasSubstr;

Digest DigestOf(uint8_t last) {
  Digest::Bytes bytes{};
  bytes[31] = last;
  return Digest::FromBytes(bytes);
}

class TagTableTest : public ::testing::Test {
 protected:
  std::unique_ptr<TagTable> Open() {
    auto table = TagTable::Open(path_);
    EXPECT_OK(table);
    return *std::move(table);
  }
  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "/",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".db");
};

TEST_F(TagTableTest, KeepsTagsApartAndAcrossReopening) {
  {
    auto table = Open();
    ASSERT_OK(table->Put("a", "x", {DigestOf(1), 5, absl::FromUnixMillis(5)}));
    ASSERT_OK(table->Put("a", "y", {DigestOf(2), 5, absl::FromUnixMillis(5)}));
    ASSERT_OK(table->Put("b", "x", {DigestOf(3), 5, absl::FromUnixMillis(6)}));
  }
  auto table = Open();
  ASSERT_OK_AND_ASSIGN(const auto row, table->Get("b", "x"));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->digest, DigestOf(3));
  EXPECT_EQ(row->revision, 5u);
  EXPECT_EQ(row->confirmed_at, absl::FromUnixMillis(6));
  ASSERT_OK_AND_ASSIGN(const auto none, table->Get("b", "y"));
  EXPECT_FALSE(none.has_value());
  EXPECT_THAT(table->Count(), IsOkAndHolds(3));
}

TEST_F(TagTableTest, ARevisionNeverGoesBackward) {
  auto table = Open();
  ASSERT_OK(table->Put("a", "x", {DigestOf(2), 20, absl::FromUnixMillis(20)}));
  ASSERT_OK_AND_ASSIGN(TagRow stored, table->Put("a", "x", {DigestOf(1), 10, absl::UnixEpoch()}));
  EXPECT_EQ(stored.digest, DigestOf(2));
  EXPECT_EQ(stored.revision, 20u);
  ASSERT_OK_AND_ASSIGN(stored, table->Put("a", "x", {DigestOf(3), 21, absl::UnixEpoch()}));
  EXPECT_EQ(stored.digest, DigestOf(3));
}

TEST_F(TagTableTest, ForgetsADeletedTag) {
  auto table = Open();
  ASSERT_OK(table->Put("a", "x", {DigestOf(2), 20, absl::UnixEpoch()}));
  EXPECT_OK(table->Delete("a", "x"));
  EXPECT_OK(table->Delete("a", "x"));
  ASSERT_OK_AND_ASSIGN(const auto row, table->Get("a", "x"));
  EXPECT_FALSE(row.has_value());
}

TEST_F(TagTableTest, SaysWhatIsWrongWithTheFile) {
  EXPECT_THAT(TagTable::Open("/nonexistent/tags.db"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("/nonexistent/tags.db")));
  std::ofstream(path_) << "this is no database, and long enough for SQLite to read as a header ...";
  EXPECT_THAT(TagTable::Open(path_), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace kraken::build_index
