#include "kraken/build_index/tag_table.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
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

constexpr uint64_t kLongAgo = 20;

uint64_t NowRevision() { return static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())); }

Tag TagOf(const std::string& name) { return *Tag::Parse(name); }

TEST_F(TagTableTest, WhatIsGoneCannotBeBroughtBackByWhatWasAskedBefore) {
  auto table = Open();
  const uint64_t now = NowRevision();
  ASSERT_OK(table->Put("a", "x", {DigestOf(2), kLongAgo, absl::UnixEpoch()}));
  ASSERT_OK_AND_ASSIGN(const auto dropped,
                       table->Drop("a", TagOf("x"), {std::nullopt, now, absl::UnixEpoch()}));
  EXPECT_EQ(dropped, std::vector<DroppedTag>({{"x", DigestOf(2)}}));
  ASSERT_OK_AND_ASSIGN(const auto row, table->Get("a", "x"));
  ASSERT_TRUE(row.has_value());
  EXPECT_FALSE(row->digest.has_value());
  EXPECT_THAT(table->Count(), IsOkAndHolds(0));
  ASSERT_OK_AND_ASSIGN(TagRow stored, table->Put("a", "x", {DigestOf(2), now - 1, {}}));
  EXPECT_FALSE(stored.digest.has_value());
  ASSERT_OK_AND_ASSIGN(stored, table->Put("a", "x", {DigestOf(3), now + 1, {}}));
  EXPECT_EQ(stored.digest, DigestOf(3));
}

TEST_F(TagTableTest, ATagThatIsGoneBeforeItIsKnownIsGoneAllTheSame) {
  auto table = Open();
  const uint64_t now = NowRevision();
  EXPECT_THAT(table->Drop("a", TagOf("x"), {std::nullopt, now, {}}),
              IsOkAndHolds(::testing::IsEmpty()));
  ASSERT_OK_AND_ASSIGN(const TagRow stored, table->Put("a", "x", {DigestOf(2), now - 1, {}}));
  EXPECT_FALSE(stored.digest.has_value());
}

TEST_F(TagTableTest, ANewerTagStays) {
  auto table = Open();
  const uint64_t now = NowRevision();
  ASSERT_OK(table->Put("a", "x", {DigestOf(2), now, {}}));
  for (const GoneTags& which :
       {GoneTags(TagOf("x")), GoneTags(DigestOf(2)), GoneTags(std::set<std::string>())}) {
    EXPECT_THAT(table->Drop("a", which, {std::nullopt, now - 1, {}}),
                IsOkAndHolds(::testing::IsEmpty()));
  }
  ASSERT_OK_AND_ASSIGN(const auto row, table->Get("a", "x"));
  EXPECT_EQ(row->digest, DigestOf(2));
}

TEST_F(TagTableTest, DropsByDigestAndAllButSome) {
  auto table = Open();
  for (const char* tag : {"1", "2", "3", "4"}) {
    ASSERT_OK(table->Put("a", tag, {DigestOf(tag[0] == '4' ? 4 : 1), kLongAgo, {}}));
  }
  ASSERT_OK(table->Put("b", "1", {DigestOf(1), kLongAgo, {}}));
  const TagRow gone = {std::nullopt, NowRevision(), {}};
  ASSERT_OK_AND_ASSIGN(auto dropped,
                       table->Drop("a", std::set<std::string>({"2", "3", "4"}), gone));
  EXPECT_EQ(dropped, std::vector<DroppedTag>({{"1", DigestOf(1)}}));
  ASSERT_OK_AND_ASSIGN(dropped, table->Drop("a", DigestOf(1), gone));
  EXPECT_EQ(dropped, std::vector<DroppedTag>({{"2", DigestOf(1)}, {"3", DigestOf(1)}}));
  EXPECT_THAT(table->Count(), IsOkAndHolds(2));
}

TEST_F(TagTableTest, WhatWasNeverKnownIsNotRemembered) {
  auto table = Open();
  EXPECT_OK(table->DropIfKnown("a", "x", {std::nullopt, NowRevision(), {}}));
  ASSERT_OK_AND_ASSIGN(auto row, table->Get("a", "x"));
  EXPECT_FALSE(row.has_value());
  ASSERT_OK(table->Put("a", "x", {DigestOf(2), kLongAgo, {}}));
  EXPECT_OK(table->DropIfKnown("a", "x", {std::nullopt, NowRevision(), {}}));
  ASSERT_OK_AND_ASSIGN(row, table->Get("a", "x"));
  EXPECT_FALSE(row->digest.has_value());
}

TEST_F(TagTableTest, OldKnowledgeOfWhatIsGoneIsForgotten) {
  auto table = Open();
  ASSERT_OK(table->Drop("a", TagOf("x"), {std::nullopt, kLongAgo, {}}));
  ASSERT_OK(table->Drop("a", TagOf("y"), {std::nullopt, NowRevision(), {}}));
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
