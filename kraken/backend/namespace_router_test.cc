#include "kraken/backend/namespace_router.h"

#include <re2/re2.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/backend/testing_backend.h"
#include "kraken/base/namespace.h"
#include "kraken/base/test_util.h"

namespace kraken::backend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Each route's backend is named as its expression.
NamespaceRouter Router(const std::vector<std::string>& patterns) {
  std::vector<NamespaceRouter::Route> routes;
  for (const std::string& pattern : patterns) {
    routes.push_back({.pattern = std::make_shared<const re2::RE2>(pattern),
                      .backend = std::make_shared<NamedBackend>(pattern)});
  }
  return NamespaceRouter(std::move(routes));
}

std::string Choice(const NamespaceRouter& router, absl::string_view ns) {
  const auto backend = router.Find(*Namespace::Parse(ns));
  return backend.ok() ? (*backend)->name() : "";
}

TEST(NamespaceRouterTest, FirstMatchWins) {
  const NamespaceRouter router = Router({"^team-b/.*", "^team-.*", ".*"});
  EXPECT_EQ(Choice(router, "team-b/app"), "^team-b/.*");
  EXPECT_EQ(Choice(router, "team-c/app"), "^team-.*");
  EXPECT_EQ(Choice(router, "library/debian"), ".*");
}

TEST(NamespaceRouterTest, ExpressionsAreNotAnchored) {
  const NamespaceRouter router = Router({"app"});
  EXPECT_EQ(Choice(router, "team/my-app-2/x"), "app");
  EXPECT_EQ(Choice(router, "team/other"), "");
}

TEST(NamespaceRouterTest, HostIsTriedFirstThenTheRepositoryAlone) {
  const NamespaceRouter router = Router({"^harbor-eu\\.example\\.com/.*", "^team-b/.*"});
  EXPECT_EQ(Choice(router, "harbor-eu.example.com/library/debian"),
            "^harbor-eu\\.example\\.com/.*");
  EXPECT_EQ(Choice(router, "harbor-us.example.com/team-b/app"), "^team-b/.*");
  EXPECT_EQ(Choice(router, "team-b/app"), "^team-b/.*");
}

// Both roads are tried for an expression before the next one has a say: a catch-all further down
// must not win because it matches the longer name.
TEST(NamespaceRouterTest, CatchAllDoesNotOvertakeAnEarlierRoute) {
  const NamespaceRouter router = Router({"^team-b/.*", ".*"});
  EXPECT_EQ(Choice(router, "harbor-eu.example.com/team-b/app"), "^team-b/.*");
}

TEST(NamespaceRouterTest, NoMatchNamesNamespaceAndExpressions) {
  const NamespaceRouter router = Router({"^team-a/.*", "^team-b/.*"});
  EXPECT_THAT(router.Find(*Namespace::Parse("h.example/library/debian")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("h.example/library/debian"), HasSubstr("^team-a/.*"),
                             HasSubstr("^team-b/.*"))));
}

}  // namespace
}  // namespace kraken::backend
