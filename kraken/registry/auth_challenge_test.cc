#include "kraken/registry/auth_challenge.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(AuthChallengeTest, ReadsHarborsBearer) {
  ASSERT_OK_AND_ASSIGN(
      const auto challenges,
      ParseAuthChallenges(R"(Bearer realm="https://h/service/token",service="harbor-registry",)"
                          R"(scope="repository:team/app:pull,push")"));
  ASSERT_THAT(challenges, SizeIs(1));
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].Get("realm"), "https://h/service/token");
  EXPECT_EQ(challenges[0].Get("service"), "harbor-registry");
  EXPECT_EQ(challenges[0].Get("scope"), "repository:team/app:pull,push");
  EXPECT_FALSE(challenges[0].Get("error").has_value());
}

TEST(AuthChallengeTest, ReadsBasic) {
  ASSERT_OK_AND_ASSIGN(const auto challenges, ParseAuthChallenges("Basic realm=\"harbor\""));
  EXPECT_THAT(challenges, ElementsAre(AuthChallenge{"basic", {{"realm", "harbor"}}, ""}));
}

// Harbor's answer for a project that does not exist.
TEST(AuthChallengeTest, EmptyFieldHasNoChallenge) {
  for (const char* header : {"", "  ", ",", " , ,"}) {
    EXPECT_THAT(ParseAuthChallenges(header), IsOkAndHolds(IsEmpty())) << header;
  }
}

TEST(AuthChallengeTest, ReadsSeveralChallengesOfOneField) {
  ASSERT_OK_AND_ASSIGN(
      const auto challenges,
      ParseAuthChallenges(R"(Negotiate, Basic realm="a, Digest b=c" , charset = "UTF-8",)"
                          R"(Bearer realm=https://t,Foo YWJj==, Bar)"));
  EXPECT_THAT(
      challenges,
      ElementsAre(AuthChallenge{"negotiate", {}, ""},
                  AuthChallenge{"basic", {{"realm", "a, Digest b=c"}, {"charset", "UTF-8"}}, ""},
                  AuthChallenge{"bearer", {{"realm", "https://t"}}, ""},
                  AuthChallenge{"foo", {}, "YWJj=="}, AuthChallenge{"bar", {}, ""}));
}

TEST(AuthChallengeTest, NamesAreLoweredAndQuotesUndone) {
  ASSERT_OK_AND_ASSIGN(const auto challenges,
                       ParseAuthChallenges(R"(BEARER Realm = "a\"b\\c" , SERVICE=x)"));
  ASSERT_THAT(challenges, SizeIs(1));
  EXPECT_THAT(challenges[0].params, ElementsAre(Pair("realm", "a\"b\\c"), Pair("service", "x")));
}

TEST(AuthChallengeTest, TakesUnquotedScopes) {
  ASSERT_OK_AND_ASSIGN(const auto challenges,
                       ParseAuthChallenges("Bearer realm=https://h/t,scope=repository:a/b:pull"));
  EXPECT_EQ(challenges[0].Get("scope"), "repository:a/b:pull");
}

TEST(AuthChallengeTest, RefusesMalformedFields) {
  for (const char* header :
       {"=", "\"Basic\"", "Basic realm=\"a", "Basic realm=\"a\\", "Basic realm=\"a\"x",
        "Basic realm=a b=c", "Basic a=1,realm=", "Basic =a", "Bearer realm=a,realm=b",
        "Basic realm=\"a\x01\"", "B@sic realm=a", "Basic/ realm=a"}) {
    EXPECT_THAT(ParseAuthChallenges(header), StatusIs(absl::StatusCode::kInvalidArgument))
        << header;
  }
}

TEST(AuthChallengeTest, ChallengesAndParametersAreBounded) {
  std::string many_challenges;
  for (size_t i = 0; i <= kMaxAuthChallenges; ++i) absl::StrAppend(&many_challenges, "a", i, ",");
  EXPECT_THAT(ParseAuthChallenges(many_challenges), StatusIs(absl::StatusCode::kInvalidArgument));
  std::string many_params = "Basic ";
  for (size_t i = 0; i <= kMaxAuthParams; ++i) absl::StrAppend(&many_params, "p", i, "=v,");
  EXPECT_THAT(ParseAuthChallenges(many_params), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kraken::registry
