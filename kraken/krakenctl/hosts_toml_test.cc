#include "kraken/krakenctl/hosts_toml.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/optional.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const HostsTomlOptions& Options() {
  static const auto* options =
      new HostsTomlOptions{.registry = "harbor.example.com", .agent = "http://localhost:13000"};
  return *options;
}

constexpr absl::string_view kBlock =
    "# >>> krakenctl mirror\n"
    "[host.\"http://localhost:13000\"]\n"
    "  capabilities = [\"pull\", \"resolve\"]\n"
    "# <<< krakenctl mirror";

std::string Installed(const absl::optional<std::string>& before,
                      const HostsTomlOptions& options = Options()) {
  const auto after = InstallInHostsToml(before, options);
  EXPECT_OK(after);
  return after.ok() ? *after : "";
}

std::string Removed(const std::string& before) {
  const auto without = RemoveFromHostsToml(before);
  EXPECT_OK(without);
  return without.ok() ? without->after.value_or("no file") : "";
}

TEST(HostsTomlTest, AFileOfOurOwnNamesTheRegistryToo) {
  const std::string file = Installed(absl::nullopt);
  EXPECT_EQ(file,
            "# >>> krakenctl mirror (made this file)\n"
            "server = \"https://harbor.example.com\"\n"
            "\n"
            "[host.\"http://localhost:13000\"]\n"
            "  capabilities = [\"pull\", \"resolve\"]\n"
            "# <<< krakenctl mirror\n");
  EXPECT_EQ(Installed(file), file);
  EXPECT_EQ(Removed(file), "no file");
  EXPECT_EQ(ContainerdServer("docker.io"), "https://registry-1.docker.io");
}

TEST(HostsTomlTest, AFolderOfOurOwnIsRemembered) {
  HostsTomlOptions options = Options();
  options.folder_is_new = true;
  const std::string file = Installed(absl::nullopt, options);
  ASSERT_OK_AND_ASSIGN(const HostsTomlWithout without, RemoveFromHostsToml(file));
  EXPECT_TRUE(without.folder_was_new);
  EXPECT_EQ(without.after, absl::nullopt);
}

TEST(HostsTomlTest, CertificatesThatContainerdWouldForgetAreNamed) {
  HostsTomlOptions options = Options();
  options.ca_files = {"a.crt", "b.crt"};
  options.client_files = {{"c.cert", "c.key"}, {"both.cert"}};
  for (const auto& before : {absl::optional<std::string>(), absl::optional<std::string>("")}) {
    EXPECT_THAT(Installed(before, options),
                HasSubstr("server = \"https://harbor.example.com\"\n"
                          "ca = [\"a.crt\", \"b.crt\"]\n"
                          "client = [[\"c.cert\", \"c.key\"], \"both.cert\"]\n"));
  }
  // Of a file that is there, containerd asks for no certificates beside it.
  EXPECT_EQ(Installed("# nothing\n", options), absl::StrCat("# nothing\n", kBlock, "\n"));
}

TEST(HostsTomlTest, TheAgentIsAskedFirstAndOthersKeepEveryByte) {
  const std::string root = "server = 'https://harbor.example.com'\nca = [\n  \"ca.crt\",\n]\n\n";
  const std::string hosts =
      "# the old mirror\n[host.\"https://mirror.example.com\"]\n  skip_verify = true\n";
  const std::string with = Installed(root + hosts);
  EXPECT_EQ(with, absl::StrCat(root, kBlock, "\n", hosts));
  EXPECT_EQ(Installed(with), with);
  for (const std::string& before :
       {root + hosts, root, hosts, std::string("server = \"https://a\""), std::string(),
        std::string("\n\n"), std::string("# only this"), std::string("[host]\r\n"),
        std::string("skip_verify = true\r\n\r\n[header]\r\nx = ['1']")}) {
    SCOPED_TRACE(before);
    EXPECT_EQ(Removed(Installed(before)), before);
    EXPECT_EQ(Removed(before), before);
  }
}

TEST(HostsTomlTest, AnotherAddressOfTheAgentReplacesOurs) {
  HostsTomlOptions options = Options();
  options.agent = "http://127.0.0.1:14000";
  for (const std::string& before : {std::string(), std::string("server = 'https://a'")}) {
    const std::string moved = Installed(Installed(before), options);
    EXPECT_EQ(moved, Installed(before, options));
    EXPECT_EQ(Removed(moved), before);
  }
}

TEST(HostsTomlTest, AfterOthersEditedOnlyOurBlockGoes) {
  const std::string theirs = "[host.\"https://theirs\"]\n";
  EXPECT_EQ(Removed(Installed(absl::nullopt) + theirs), theirs);
  EXPECT_EQ(Removed(absl::StrCat("a = 1\n", kBlock, "\n", theirs)), "a = 1\n" + theirs);
  // Appended to a block that ended an unfinished line.
  EXPECT_EQ(Removed(Installed("a = 1") + "\n" + theirs), "a = 1\n" + theirs);
}

TEST(HostsTomlTest, WhatIsNotSureIsRefusedWithItsLine) {
  struct Case {
    std::string text;
    absl::string_view message;
  };
  for (const Case& c :
       {Case{"\n[host.\"http://localhost:13000\"]", "line 2: there is an entry for"},
        Case{"[host.'http://LOCALHOST:13000/'.header]", "line 1: there is an entry for"},
        Case{"host = {}", "line 1: hosts in this form"},
        Case{"server = \"a\"\nhost.\"https://b\".skip_verify = true", "line 2: hosts in this form"},
        Case{"[host.\"a\"]\nserver = '''b'''", "line 2: strings in triple quotes"},
        Case{absl::StrCat(kBlock, "\n", kBlock), "line 5: a second block"},
        Case{"a = 1\n# <<< krakenctl mirror", "line 2: the mark"},
        Case{"# >>> krakenctl mirror\n", "line 1: the mark"},
        Case{"# >>> krakenctl mirror\n# >>> krakenctl mirror\n", "line 1: the mark"}}) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(InstallInHostsToml(c.text, Options()),
                StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(std::string(c.message))));
  }
}

TEST(HostsTomlTest, AChangedBlockIsRefusedByBoth) {
  const std::string file = Installed(absl::nullopt);
  for (const std::string& changed :
       {absl::StrReplaceAll(file, {{"\"pull\", ", ""}}),
        absl::StrReplaceAll(file, {{"  capabilities", "  skip_verify = true\n  capabilities"}}),
        absl::StrReplaceAll(file, {{"server", "override_path"}}),
        absl::StrReplaceAll(file, {{"server", "# mine\nserver"}})}) {
    SCOPED_TRACE(changed);
    const auto refused = AllOf(StartsWith("line 1: "), HasSubstr("not as krakenctl wrote them"));
    EXPECT_THAT(InstallInHostsToml(changed, Options()),
                StatusIs(absl::StatusCode::kInvalidArgument, refused));
    EXPECT_THAT(RemoveFromHostsToml(changed),
                StatusIs(absl::StatusCode::kInvalidArgument, refused));
  }
}

}  // namespace
}  // namespace kraken::krakenctl
