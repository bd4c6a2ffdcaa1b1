#include "kraken/config/loader.h"

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/node.h"

namespace kraken::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsNull;

// Files by path, in memory.
Sources Files(std::map<std::string, std::string> files) {
  return {
      .read_file = [files =
                        std::move(files)](const std::string& path) -> absl::StatusOr<std::string> {
        const auto it = files.find(path);
        if (it == files.end()) return absl::NotFoundError(absl::StrCat("open ", path, ": missing"));
        return it->second;
      },
      .get_env = [](const std::string&) { return std::nullopt; },
  };
}

auto IsFailure(const std::string& text) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(text));
}

TEST(LoaderTest, ExtendsIsAChainRelativeToEachFile) {
  const Sources sources = Files({
      {"conf/origin/prod.yaml", "extends: ../base.yaml\na: prod\nlist: [1]"},
      {"conf/base.yaml", "extends: /etc/root.yaml\na: base\nb: base\nlist: [1, 2]"},
      {"/etc/root.yaml", "a: root\nb: root\nc: root"},
  });
  ASSERT_OK_AND_ASSIGN(const Node root, Load({.config_path = "conf/origin/prod.yaml"}, sources));
  EXPECT_EQ(root.Find("a")->scalar, "prod");
  EXPECT_EQ(root.Find("b")->scalar, "base");
  EXPECT_EQ(root.Find("c")->scalar, "root");
  EXPECT_EQ(root.Find("list")->items.size(), 1u);
  EXPECT_THAT(root.Find("extends"), IsNull());
  EXPECT_EQ(root.Find("b")->position.ToString(), "conf/base.yaml:3:4");
}

TEST(LoaderTest, SecretsLieOnTopAndAreMarked) {
  const Sources sources = Files({
      {"c.yaml", "auth: {s3: {user: {key: none, id: x}}}"},
      {"secrets/s.yaml", "extends: more.yaml\nauth: {s3: {user: {key: hunter2}}}"},
      {"secrets/more.yaml", "other: 1"},
  });
  ASSERT_OK_AND_ASSIGN(const Node root,
                       Load({.config_path = "c.yaml", .secrets_path = "secrets/s.yaml"}, sources));
  const Node* user = root.Find("auth")->Find("s3")->Find("user");
  EXPECT_EQ(user->Find("key")->scalar, "hunter2");
  EXPECT_TRUE(user->Find("key")->is_secret);
  EXPECT_FALSE(user->Find("id")->is_secret);
  EXPECT_TRUE(root.Find("other")->is_secret);
}

TEST(LoaderTest, CycleIsAnErrorThatShowsIt) {
  const Sources sources = Files({
      {"d/a.yaml", "extends: b.yaml"},
      {"d/b.yaml", "extends: ./x/../a.yaml"},
  });
  EXPECT_THAT(Load({.config_path = "d/a.yaml"}, sources),
              IsFailure("extends goes in a circle: d/a.yaml -> d/b.yaml -> d/a.yaml"));
}

TEST(LoaderTest, PathsAboveTheStartAreKept) {
  const Sources sources = Files({
      {"a.yaml", "extends: ../../x/b.yaml"},
      {"../../x/b.yaml", "extends: /../etc/./c.yaml"},
      {"/etc/c.yaml", "a: 1"},
  });
  ASSERT_OK_AND_ASSIGN(const Node root, Load({.config_path = "./a.yaml"}, sources));
  EXPECT_EQ(root.Find("a")->scalar, "1");
}

TEST(LoaderTest, ChainIsLimited) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 100; ++i) {
    files[absl::StrCat(i, ".yaml")] = absl::StrCat("extends: ", i + 1, ".yaml");
  }
  EXPECT_THAT(Load({.config_path = "0.yaml"}, Files(files)), IsFailure("more than 16 files"));
}

TEST(LoaderTest, MissingFilesAreNamed) {
  EXPECT_THAT(Load({.config_path = "x.yaml"}, Files({})), IsFailure("open x.yaml"));
  EXPECT_THAT(Load({.config_path = ""}, Files({})), IsFailure("no configuration file"));
  EXPECT_THAT(Load({.config_path = "x.yaml"}, Files({{"x.yaml", "extends: y.yaml"}})),
              IsFailure("open y.yaml"));
  EXPECT_THAT(
      Load({.config_path = "x.yaml", .secrets_path = "s.yaml"}, Files({{"x.yaml", "a: 1"}})),
      IsFailure("open s.yaml"));
}

TEST(LoaderTest, ExtendsMustBeAPath) {
  EXPECT_THAT(Load({.config_path = "x.yaml"}, Files({{"x.yaml", "a: 1\nextends: [y]"}})),
              IsFailure("x.yaml:2:10: extends: expected a path, found a list"));
  EXPECT_OK(Load({.config_path = "x.yaml"}, Files({{"x.yaml", "extends:\na: 1"}})));
}

TEST(LoaderTest, OnlyWhatRemainsAfterMergingIsInterpolated) {
  const Sources sources = Files({
      {"a.yaml", "extends: b.yaml\npassword: ${file:/secret}\nlost: ${env:GONE}"},
      {"b.yaml", "password: ${file:/nowhere}"},
      {"/secret", "hunter2\n"},
  });
  EXPECT_THAT(Load({.config_path = "a.yaml"}, sources),
              IsFailure("a.yaml:3:7: environment variable GONE is not set"));
}

TEST(LoaderTest, ReadsRealFiles) {
  const std::string dir = MakeTestDir();
  WriteTestFile(dir + "/base.yaml", "a: 1\nb: 2");
  WriteTestFile(dir + "/secret", "s3cret\n");
  WriteTestFile(dir + "/c.yaml",
                absl::StrCat("extends: base.yaml\nb: 3\nc: ${file:", dir, "/secret}"));
  ASSERT_OK_AND_ASSIGN(const Node root, Load({.config_path = dir + "/c.yaml"}));
  EXPECT_EQ(root.Find("a")->scalar, "1");
  EXPECT_EQ(root.Find("b")->scalar, "3");
  EXPECT_EQ(root.Find("c")->scalar, "s3cret");
}

}  // namespace
}  // namespace kraken::config
