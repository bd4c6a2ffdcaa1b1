#include "kraken/krakenctl/containerd_config.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/optional.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::string_view kSection2 = "[plugins.\"io.containerd.grpc.v1.cri\".registry]\n";
constexpr absl::string_view kSection3 = "[plugins.'io.containerd.cri.v1.images'.registry]\n";
constexpr absl::string_view kKey = "  config_path = \"/etc/containerd/certs.d\"\n";

TEST(ContainerdConfigTest, FindsTheFoldersInBothVersions) {
  for (const auto& [version, section] : {std::pair(2, kSection2), std::pair(3, kSection3)}) {
    ASSERT_OK_AND_ASSIGN(const ContainerdConfig config,
                         ReadContainerdConfig(absl::StrCat(
                             "version = ", version, "\nimports = ['/etc/containerd/conf.d/*']\n",
                             section, "  config_path = '/etc/a:/etc/b'\n")));
    EXPECT_EQ(config.version, version);
    EXPECT_EQ(config.config_path, "/etc/a:/etc/b");
    EXPECT_TRUE(config.has_imports);
  }
  ASSERT_OK_AND_ASSIGN(const ContainerdConfig dotted,
                       ReadContainerdConfig("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n"
                                            "registry.config_path = \"/etc/c\"\n"));
  EXPECT_EQ(dotted.config_path, "/etc/c");
}

TEST(ContainerdConfigTest, NoFileNoKeyAndAnEmptyKeyAreTheSame) {
  for (const absl::optional<std::string>& text :
       {absl::optional<std::string>(), absl::optional<std::string>("# nothing"),
        absl::optional<std::string>("version = 2\n"),
        absl::optional<std::string>(
            absl::StrCat("version = 2\n", kSection2, "config_path = \"\"\n"))}) {
    ASSERT_OK_AND_ASSIGN(const ContainerdConfig config, ReadContainerdConfig(text));
    EXPECT_EQ(config.config_path, absl::nullopt);
    EXPECT_EQ(config.version, 2);
  }
}

TEST(ContainerdConfigTest, WhatIsNotReadIsRefused) {
  EXPECT_THAT(ReadContainerdConfig("[plugins.cri.registry]\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 1")));
  EXPECT_THAT(ReadContainerdConfig("version = 1\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 1")));
  EXPECT_THAT(ReadContainerdConfig("\nversion = 4\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("line 2: ")));
  EXPECT_THAT(ReadContainerdConfig(absl::StrCat("version = 2\n", kSection2, "config_path = 1\n")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("line 3: ")));
}

TEST(ContainerdConfigTest, SetsTheKeyAndTakesItBackByteForByte) {
  const std::string mirrors =
      "  [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors]\n";  // an empty one
  for (const absl::optional<std::string>& before :
       {absl::optional<std::string>(), absl::optional<std::string>(""),
        absl::optional<std::string>("# mine\n"), absl::optional<std::string>("version = 2"),
        absl::optional<std::string>("version = 3\n[grpc]\nuid = 0\n"),
        absl::optional<std::string>(absl::StrCat("version = 2\n", kSection2)),
        absl::optional<std::string>(absl::StrCat("version = 2\n", kSection2, "a = 1\n", mirrors)),
        absl::optional<std::string>(
            absl::StrCat("version = 2\n", kSection2, "  config_path = \"\" # none\n", mirrors)),
        absl::optional<std::string>(
            absl::StrCat("version = 3\r\n", kSection3, "  config_path = ''"))}) {
    SCOPED_TRACE(before.value_or("no file"));
    ASSERT_OK_AND_ASSIGN(const std::string after, SetConfigPath(before));
    ASSERT_OK_AND_ASSIGN(const ContainerdConfig config, ReadContainerdConfig(after));
    EXPECT_EQ(config.config_path, "/etc/containerd/certs.d");
    EXPECT_THAT(UnsetConfigPath(after), IsOkAndHolds(Eq(before)));
    if (before.has_value()) {
      EXPECT_THAT(UnsetConfigPath(*before), IsOkAndHolds(Eq(before)));
    }
  }
}

TEST(ContainerdConfigTest, TheKeyGoesIntoTheSectionThatIsThere) {
  EXPECT_THAT(SetConfigPath(absl::StrCat("version = 3\n", kSection3, "a = 1\n")),
              IsOkAndHolds(absl::StrCat("version = 3\n", kSection3, "# >>> krakenctl mirror\n",
                                        kKey, "# <<< krakenctl mirror\na = 1\n")));
  EXPECT_EQ(ConfigPathLines(2), absl::StrCat(kSection2, kKey));
}

TEST(ContainerdConfigTest, WhatContainerdWouldRefuseIsNotWritten) {
  struct Case {
    std::string text;
    absl::string_view message;
  };
  const std::string v2 = "version = 2\n";
  for (const Case& c :
       {Case{absl::StrCat(v2, kSection2,
                          "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"a.b\"]\n"),
             "line 3: the section sets mirrors"},
        Case{absl::StrCat(v2, "[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.b.tls]\n"),
             "line 2: the section sets configs"},
        Case{v2 + "plugins = {}\n", "line 2: config_path can't be added"},
        Case{v2 + "plugins.\"x\".a = 1\n", "line 2: config_path can't be added"},
        Case{v2 + "[plugins.\"io.containerd.grpc.v1.cri\"]\nregistry.config_path = \"\"\n",
             "line 3: config_path can't be added"},
        Case{v2 + "[plugins.\"io.containerd.grpc.v1.cri\"]\nregistry = {}\n",
             "line 3: config_path can't be added"}}) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(SetConfigPath(c.text), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                StartsWith(std::string(c.message))));
  }
  EXPECT_OK(SetConfigPath(v2 + "[plugins.\"io.containerd.grpc.v1.cri\"]\ncontainerd.a = 1\n"));
}

TEST(ContainerdConfigTest, AChangedBlockIsRefused) {
  ASSERT_OK_AND_ASSIGN(const std::string file, SetConfigPath(absl::nullopt));
  EXPECT_THAT(
      UnsetConfigPath(absl::StrReplaceAll(file, {{"certs.d", "mine.d"}})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not as krakenctl wrote them")));
}

}  // namespace
}  // namespace kraken::krakenctl
