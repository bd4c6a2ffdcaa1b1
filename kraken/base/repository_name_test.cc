#include "kraken/base/repository_name.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

TEST(RepositoryNameTest, AcceptsTheOciGrammar) {
  for (const char* text : {"a", "0", "debian", "library/debian", "a/b/c/d/e", "a.b", "a_b", "a__b",
                           "a-b", "a---b", "a.b_c__d--e/f", "123/456"}) {
    ASSERT_OK_AND_ASSIGN(const RepositoryName name, RepositoryName::Parse(text));
    EXPECT_EQ(name.ToString(), text);
  }
  EXPECT_OK(RepositoryName::Parse(std::string(RepositoryName::kMaxLength, 'a')));
}

TEST(RepositoryNameTest, RefusesAllElse) {
  for (const char* text :
       {"",       "/",   "a/",  "/a",    "a//b",  "A",    "a/B",  ".a",      "a.",
        "a..b",   "_a",  "a_",  "a___b", "-a",    "a-",   "a._b", "a.-b",    "../a",
        "a/../b", "a b", "a:b", "a@b",   "a%2fb", "a\\b", "a\n",  "\xc3\xa9"}) {
    EXPECT_THAT(RepositoryName::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_FALSE(RepositoryName::Parse(std::string("a\0b", 3)).ok());
  EXPECT_FALSE(RepositoryName::Parse(std::string(RepositoryName::kMaxLength + 1, 'a')).ok());
}

}  // namespace
}  // namespace kraken
