#include "kraken/base/tag.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

TEST(TagTest, AcceptsTheOciGrammar) {
  for (const char* text : {"latest", "1.0", "_", "V1.2-rc_3", "0"}) {
    ASSERT_OK_AND_ASSIGN(const Tag tag, Tag::Parse(text));
    EXPECT_EQ(tag.value(), text);
  }
  EXPECT_OK(Tag::Parse(std::string(Tag::kMaxLength, 'x')));
}

TEST(TagTest, RefusesAllElse) {
  for (const char* text : {"", ".a", "-a", "a/b", "a:b", "a b", "..", "a%", "\xc3\xa9"}) {
    EXPECT_THAT(Tag::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_FALSE(Tag::Parse(std::string(Tag::kMaxLength + 1, 'x')).ok());
}

}  // namespace
}  // namespace kraken
