#include "kraken/krakenctl/auth_file.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

using ::testing::HasSubstr;

// alice:a:b and bob:b
constexpr char kFile[] = R"({"auths": {
  "harbor.example.com": {"auth": "YWxpY2U6YTpi"},
  "https://docker.example.com/v1/": {"auth": "Ym9iOmI="},
  "harbor.example.com/team": {"auth": "Ym9iOmI="},
  "helper.example.com": {},
  "broken.example.com": {"auth": "?"}
}, "credsStore": "pass"})";

std::string UserAt(const std::vector<std::string>& hosts) {
  const auto found = FindCredentials(kFile, hosts);
  if (!found.ok()) return std::string(found.status().message());
  return found->has_value() ? (*found)->username + " " + (*found)->password : "none";
}

TEST(AuthFileTest, FindsTheFirstHostThatHasALogin) {
  EXPECT_EQ(UserAt({"harbor.example.com"}), "alice a:b");
  EXPECT_EQ(UserAt({"docker.example.com", "harbor.example.com"}), "bob b");
  EXPECT_EQ(UserAt({"elsewhere", "helper.example.com", "harbor.example.com"}), "alice a:b");
  EXPECT_EQ(UserAt({"elsewhere"}), "none");
  EXPECT_EQ(UserAt({"example.com"}), "none");
}

TEST(AuthFileTest, SaysWhatIsWrong) {
  EXPECT_THAT(UserAt({"broken.example.com"}), HasSubstr("broken.example.com: `auth` is not"));
  EXPECT_THAT(FindCredentials("[]", {"a"}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FindCredentials(R"({"auths": []})", {"a"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const auto none, FindCredentials("{}", {"a"}));
  EXPECT_FALSE(none.has_value());
}

TEST(AuthFileTest, IsWhereOtherProgramsHaveIt) {
  const std::string directory = MakeTestDir();
  for (const char* variable : {"REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "HOME", "XDG_RUNTIME_DIR"}) {
    ASSERT_EQ(unsetenv(variable), 0);
  }
  EXPECT_EQ(DefaultAuthFile(), "");
  ASSERT_EQ(setenv("DOCKER_CONFIG", directory.c_str(), 1), 0);
  EXPECT_EQ(DefaultAuthFile(), "");
  std::ofstream(directory + "/config.json") << "{}";
  EXPECT_EQ(DefaultAuthFile(), directory + "/config.json");
  std::ofstream(directory + "/auth.json") << "{}";
  ASSERT_EQ(setenv("REGISTRY_AUTH_FILE", (directory + "/auth.json").c_str(), 1), 0);
  EXPECT_EQ(DefaultAuthFile(), directory + "/auth.json");
}

}  // namespace
}  // namespace kraken::krakenctl
