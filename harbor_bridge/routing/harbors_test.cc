#include "harbor_bridge/routing/harbors.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Harbor MakeHarbor(const std::string& name, const std::string& plain, const std::string& host = "") {
  Harbor harbor;
  harbor.name = name;
  harbor.plain = std::make_shared<const re2::RE2>(plain);
  harbor.host = host;
  return harbor;
}

class HarborsTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> NameOf(const std::string& harbor, const std::string& repository) {
    absl::StatusOr<kraken::Namespace> ns =
        harbors_.NamespaceOf(**harbors_.Find(harbor), *kraken::RepositoryName::Parse(repository));
    if (!ns.ok()) return ns.status();
    return ns->ToString();
  }

  Harbors harbors_{{MakeHarbor("b", "^team-b/.*", "b.example"), MakeHarbor("rest", ".*"),
                    MakeHarbor("us", ".*", "us.example:8443")}};
};

TEST_F(HarborsTest, FindsByName) {
  EXPECT_EQ(harbors_.first().name, "b");
  EXPECT_EQ((*harbors_.Find("us"))->host, "us.example:8443");
  EXPECT_THAT(harbors_.Find("asia"),
              kraken::StatusIs(absl::StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("asia"), HasSubstr("b, rest, us"))));
}

TEST_F(HarborsTest, TheFirstThatMatchesOwnsThePlainName) {
  EXPECT_EQ(*NameOf("b", "team-b/app"), "team-b/app");
  EXPECT_EQ(*NameOf("rest", "library/debian"), "library/debian");
}

TEST_F(HarborsTest, OthersAreKnownWithTheirHost) {
  EXPECT_EQ(*NameOf("us", "library/debian"), "us.example:8443/library/debian");
  EXPECT_EQ(*NameOf("b", "library/debian"), "b.example/library/debian");
  EXPECT_THAT(NameOf("rest", "team-b/app"),
              kraken::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("harbors[].host")));
}

TEST_F(HarborsTest, KnowsWhomAUserMeans) {
  const auto owner = [this](absl::string_view host, absl::string_view repository) {
    const auto harbor = harbors_.OwnerOf(host, *kraken::RepositoryName::Parse(repository));
    return harbor.ok() ? (*harbor)->name : std::string(harbor.status().message());
  };
  EXPECT_EQ(owner("", "team-b/app"), "b");
  EXPECT_EQ(owner("", "library/debian"), "rest");
  EXPECT_EQ(owner("us.example:8443", "team-b/app"), "us");
  EXPECT_THAT(owner("asia.example", "a/b"),
              AllOf(HasSubstr("asia.example"), HasSubstr("b.example, us.example:8443")));
}

}  // namespace
}  // namespace harbor_bridge
