// Lists of repositories, of tags and of referrers.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/registry/catalog.h"
#include "kraken/registry/referrers.h"
#include "kraken/registry/tag_list.h"

namespace kraken::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<std::string>& Tags() {
  static const auto* tags = new std::vector<std::string>{"v2", "A", "v10", "latest", "v1", "v2"};
  return *tags;
}

TEST(CatalogTest, AStrangeNameHidesNoOther) {
  ASSERT_OK_AND_ASSIGN(const CatalogPage page,
                       ParseCatalog(R"({"repositories":["library/debian","Not A Name"]})"));
  ASSERT_EQ(page.repositories.size(), 1u);
  EXPECT_EQ(page.repositories[0].ToString(), "library/debian");
  EXPECT_EQ(page.skipped, 1u);
  EXPECT_EQ(page.last, "Not A Name");
  ASSERT_OK_AND_ASSIGN(const CatalogPage none, ParseCatalog(R"({"repositories":null})"));
  EXPECT_EQ(none.last, "");
  for (const char* bad : {"", "[]", "{}", R"({"repositories":"b"})", R"({"repositories":[1]})"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseCatalog(bad).status())) << bad;
  }
}

TEST(TagListTest, ReadsWhatRegistriesSend) {
  ASSERT_OK_AND_ASSIGN(const auto tags, ParseTagList(R"({"name":"a","tags":["b","c"]})"));
  EXPECT_THAT(tags, ElementsAre("b", "c"));
  ASSERT_OK_AND_ASSIGN(const auto none, ParseTagList(R"({"name":"a","tags":null})"));
  EXPECT_THAT(none, IsEmpty());
  for (const char* bad :
       {"", "[]", "{}", R"({"tags":"b"})", R"({"tags":[1]})", R"({"tags":["not a tag"]})"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseTagList(bad).status())) << bad;
  }
}

TEST(TagListTest, PagesAreInOrderAndSayHowToGoOn) {
  EXPECT_THAT(PageOf(Tags(), absl::nullopt, "").tags,
              ElementsAre("A", "latest", "v1", "v10", "v2"));
  const TagPage first = PageOf(Tags(), 2, "");
  EXPECT_THAT(first.tags, ElementsAre("A", "latest"));
  EXPECT_EQ(first.next, "latest");
  EXPECT_THAT(PageOf(Tags(), 2, "latest").tags, ElementsAre("v1", "v10"));
  const TagPage end = PageOf(Tags(), 2, "v10");
  EXPECT_THAT(end.tags, ElementsAre("v2"));
  EXPECT_EQ(end.next, absl::nullopt);
  EXPECT_THAT(PageOf(Tags(), absl::nullopt, "v").tags, ElementsAre("v1", "v10", "v2"))
      << "that is none of them";
  EXPECT_THAT(PageOf(Tags(), 0, "").tags, IsEmpty());
  EXPECT_EQ(PageOf(Tags(), 0, "").next, absl::nullopt);
}

TEST(TagListTest, APageSizeIsANumber) {
  ASSERT_OK_AND_ASSIGN(const auto all, ParsePageSize(absl::nullopt));
  EXPECT_EQ(all, absl::nullopt);
  ASSERT_OK_AND_ASSIGN(const auto five, ParsePageSize("5"));
  EXPECT_EQ(five, 5u);
  for (const char* bad : {"", "-1", "a", "1.5", "+1", "99999999999999999999"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParsePageSize(bad).status())) << bad;
  }
}

TEST(TagListTest, IsWrittenAsTheSpecificationHasIt) {
  EXPECT_EQ(TagListJson("a/b", {"x"}), R"({"name":"a/b","tags":["x"]})");
  EXPECT_EQ(TagListJson("a/b", {}), R"({"name":"a/b","tags":[]})");
}

TEST(ReferrersTest, KeepsThoseOfAType) {
  const std::string index =
      R"({"schemaVersion":2,"manifests":[{"artifactType":"a","size":1},{"artifactType":"b"},{}]})";
  ASSERT_OK_AND_ASSIGN(const std::string some, FilterReferrers(index, "a"));
  EXPECT_THAT(some, HasSubstr(R"({"artifactType":"a","size":1})"));
  EXPECT_THAT(some, Not(HasSubstr(R"("b")")));
  ASSERT_OK_AND_ASSIGN(const std::string all, FilterReferrers(index, ""));
  EXPECT_EQ(all, index) << "byte for byte";
  EXPECT_TRUE(absl::IsInvalidArgument(FilterReferrers("{}", "").status()));
  EXPECT_OK(FilterReferrers(NoReferrers(), "a"));
}

TEST(ReferrersTest, TheTagOfTheList) {
  ASSERT_OK_AND_ASSIGN(const Digest digest, Digest::FromHex("00000000000000000000000000000000"
                                                            "000000000000000000000000000000ff"));
  EXPECT_EQ(ReferrersTag(digest),
            "sha256-00000000000000000000000000000000000000000000000000000000000000ff");
}

}  // namespace
}  // namespace kraken::registry
