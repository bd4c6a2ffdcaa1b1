#include "kraken/config/interpolate.h"

#include <cstdlib>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/diagnostics.h"
#include "kraken/config/yaml_parser.h"

namespace kraken::config {
namespace {

using ::testing::HasSubstr;

Sources Fake() {
  return {
      .read_file = [](const std::string& path) -> absl::StatusOr<std::string> {
        if (path == "/etc/secret") return "hunter2\n";
        if (path == "/etc/nested") return "${env:USER}\r\n";
        if (path == "/etc/large") return std::string(kMaxScalarBytes + 1, 'x');
        return absl::NotFoundError(absl::StrCat("open ", path, ": No such file or directory"));
      },
      .get_env = [](const std::string& name) -> std::optional<std::string> {
        if (name == "USER") return "harbor";
        return std::nullopt;
      },
  };
}

absl::Status InterpolateAll(Node& root) {
  Diagnostics diagnostics;
  Interpolate(root, Fake(), diagnostics);
  return diagnostics.ToStatus();
}

Node Parsed(absl::string_view text) {
  absl::StatusOr<Node> root = ParseYaml(text, "f.yaml");
  EXPECT_OK(root);
  return *std::move(root);
}

TEST(InterpolateTest, PutsInFilesAndVariables) {
  Node root = Parsed(
      "a: ${file:/etc/secret}\nb: [\"${env:USER}:${file:/etc/secret}@host\"]\nc: plain $x {y}");
  EXPECT_OK(InterpolateAll(root));
  EXPECT_EQ(root.Find("a")->scalar, "hunter2");
  EXPECT_TRUE(root.Find("a")->is_secret);
  EXPECT_EQ(root.Find("b")->items[0].scalar, "harbor:hunter2@host");
  EXPECT_EQ(root.Find("c")->scalar, "plain $x {y}");
  EXPECT_FALSE(root.Find("c")->is_secret);
}

TEST(InterpolateTest, WhatIsPutInIsNotReadAgain) {
  Node root = Parsed("a: ${file:/etc/nested}");
  EXPECT_OK(InterpolateAll(root));
  EXPECT_EQ(root.Find("a")->scalar, "${env:USER}");
}

TEST(InterpolateTest, DoubledDollarIsLiteral) {
  Node root = Parsed("a: \"x$${env:USER}y${env:USER}\"");
  EXPECT_OK(InterpolateAll(root));
  EXPECT_EQ(root.Find("a")->scalar, "x${env:USER}yharbor");
}

TEST(InterpolateTest, EachFailureIsNamedWithItsPlace) {
  Node root = Parsed(
      "a: ${file:/nowhere}\nb: ${env:NOBODY}\nc: ${file:relative}\nd: ${oops}\ne: ${env:USER\n"
      "f: ${file:/etc/large}\ng: ${env:USER}");
  EXPECT_THAT(
      InterpolateAll(root),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               "f.yaml:1:4: open /nowhere: No such file or directory\n"
               "f.yaml:2:4: environment variable NOBODY is not set\n"
               "f.yaml:3:4: ${file:relative}: expected an absolute path\n"
               "f.yaml:4:4: ${oops}: expected ${file:/path} or ${env:NAME}; a literal \"${\" is "
               "\"$${\"\n"
               "f.yaml:5:4: \"${\" without \"}\"\n"
               "f.yaml:6:4: /etc/large: larger than 65536 bytes"));
  EXPECT_EQ(root.Find("g")->scalar, "harbor");
}

TEST(InterpolateTest, SystemSourcesAreTheProcesss) {
  const std::string dir = MakeTestDir();
  WriteTestFile(dir + "/x", "content");
  const Sources sources = Sources::System();
  EXPECT_THAT(sources.read_file(dir + "/x"), IsOkAndHolds(std::string("content")));
  EXPECT_THAT(sources.read_file(dir + "/y"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(dir + "/y")));
  EXPECT_FALSE(sources.read_file(dir).ok());
  ::setenv("KRAKEN_CONFIG_TEST", "value", 1);
  EXPECT_EQ(sources.get_env("KRAKEN_CONFIG_TEST"), "value");
  EXPECT_EQ(sources.get_env("KRAKEN_CONFIG_TEST_NOT"), std::nullopt);
}

}  // namespace
}  // namespace kraken::config
