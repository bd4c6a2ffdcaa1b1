#include "kraken/base/namespace.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

TEST(NamespaceTest, SplitsHostAndRepository) {
  ASSERT_OK_AND_ASSIGN(const Namespace ns,
                       Namespace::Parse("Harbor-EU.example.com/library/debian"));
  EXPECT_EQ(ns.host(), "harbor-eu.example.com");
  EXPECT_EQ(ns.repository(), "library/debian");
  EXPECT_EQ(ns.ToString(), "harbor-eu.example.com/library/debian");
}

TEST(NamespaceTest, RepositoryAlone) {
  ASSERT_OK_AND_ASSIGN(const Namespace ns, Namespace::Parse("library/debian"));
  EXPECT_EQ(ns.host(), "");
  EXPECT_EQ(ns.ToString(), "library/debian");
  ASSERT_OK_AND_ASSIGN(const RepositoryName repository, ns.ToRepositoryName());
  EXPECT_EQ(Namespace(repository), ns);
}

TEST(NamespaceTest, TakesWhatKrakensProcessesSend) {
  for (const char* text : {"TODO", "__noop__", "library/ubuntu:latest", "ubuntu:latest", "{a}"}) {
    ASSERT_OK_AND_ASSIGN(const Namespace ns, Namespace::Parse(text));
    EXPECT_EQ(ns.host(), "");
    EXPECT_EQ(ns.repository(), text);
    EXPECT_THAT(ns.ToRepositoryName(), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(NamespaceTest, RefusesWhatIsUnsafeInAPath) {
  for (const char* text : {"", "/", "a/", "/a", "a//b", "..", "a/../b", "a/.", "./a", "a b", "a\\b",
                           "a%2f..", "a?b", "a#b", "a\tb", "\xc3\xa9", "a.b/", "localhost/../b"}) {
    EXPECT_THAT(Namespace::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_FALSE(Namespace::Parse(std::string("a\0b", 3)).ok());
  EXPECT_FALSE(Namespace::Parse(std::string(Namespace::kMaxRepositoryLength + 1, 'a')).ok());
}

TEST(NamespaceTest, HostMayBeAHarborsName) {
  ASSERT_OK_AND_ASSIGN(const Namespace ns, Namespace::Create("eu", "library/debian"));
  EXPECT_EQ(ns.ToString(), "eu/library/debian");
  EXPECT_THAT(Namespace::Create("..", "a"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Namespace::Create("a/b", "a"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kraken
