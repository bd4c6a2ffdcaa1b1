#include "kraken/krakenctl/mirror_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/command_test_util.h"
#include "kraken/krakenctl/config_file.h"
#include "kraken/storage/file_system.h"

namespace kraken::krakenctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kHostsToml[] = "/etc/containerd/certs.d/harbor.example.com/hosts.toml";
constexpr char kConfigToml[] = "/etc/containerd/config.toml";
constexpr char kDaemonJson[] = "/etc/docker/daemon.json";
constexpr char kDropIn[] = "/etc/containers/registries.conf.d/50-kraken-harbor.conf";

// Every file below a folder.
std::map<std::string, std::string> FilesBelow(const std::string& root,
                                              const std::string& path = "") {
  std::map<std::string, std::string> files;
  std::vector<std::string> names;
  EXPECT_OK(storage::PosixFileSystem().List(root + path, [&names](std::string_view name) {
    names.emplace_back(name);
    return true;
  }));
  for (const std::string& name : names) {
    const std::string child = absl::StrCat(path, "/", name);
    if (IsFolder(root + child)) {
      files.merge(FilesBelow(root, child));
    } else {
      files[child] = ReadConfigFile(root + child)->value_or("");
    }
  }
  return files;
}

class MirrorCommandTest : public ::testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    arguments.push_back("--root=" + root_);
    out_.clear();
    err_.clear();
    return RunMirrorCommand(arguments, {.out = AppendTo(&out_), .err = AppendTo(&err_)});
  }
  void ExpectOk(std::vector<std::string> arguments) {
    EXPECT_EQ(Run(std::move(arguments)), config::kExitOk) << err_;
    EXPECT_EQ(err_, "");
  }

  void Write(const std::string& path, absl::string_view content) {
    ASSERT_OK(
        ApplyFileChange({.path = root_ + path, .before = Read(path), .after = std::string(content)},
                        storage::PosixFileSystem()));
  }
  absl::optional<std::string> Read(const std::string& path) {
    const auto text = ReadConfigFile(root_ + path);
    EXPECT_OK(text);
    return text.ok() ? *text : absl::nullopt;
  }
  std::map<std::string, std::string> Files() { return FilesBelow(root_); }

  const std::string root_ = MakeTestDir();
  std::string out_;
  std::string err_;
};

const std::vector<std::string> kInstallContainerd = {"install", "--runtime=containerd",
                                                     "--registry=harbor.example.com"};
const std::vector<std::string> kRemoveContainerd = {"remove", "--runtime=containerd"};

TEST_F(MirrorCommandTest, ContainerdOnABareNode) {
  ExpectOk(kInstallContainerd);
  EXPECT_THAT(Files(), ElementsAre(Key(kHostsToml)));
  EXPECT_THAT(*Read(kHostsToml), HasSubstr("[host.\"http://localhost:13000\"]"));
  EXPECT_THAT(out_,
              AllOf(HasSubstr(absl::StrCat("made ", root_, kHostsToml)),
                    HasSubstr("no restart is needed"), HasSubstr("- ns: harbor\\.example\\.com"),
                    HasSubstr("only if"), HasSubstr("io.containerd.grpc.v1.cri")));
  ExpectOk(kInstallContainerd);
  EXPECT_THAT(out_, StartsWith(absl::StrCat("nothing to do in ", root_, kHostsToml)));
  ExpectOk(kRemoveContainerd);
  EXPECT_THAT(Files(), IsEmpty());
  EXPECT_FALSE(IsFolder(root_ + "/etc/containerd/certs.d/harbor.example.com"));
  ExpectOk(kRemoveContainerd);
  EXPECT_EQ(out_, "nothing to do\n");
}

TEST_F(MirrorCommandTest, EveryFileComesBackByteForByte) {
  Write(kHostsToml, "server = \"https://harbor.example.com\"\n\n[host.\"https://other\"]");
  Write("/etc/containerd/certs.d/harbor.example.com_8443_/ca.crt", "PEM");
  Write(kConfigToml, "version = 3\n[plugins]\n");
  Write(kDaemonJson, "{\n\t\"debug\": true\n}");
  Write("/etc/containers/registries.conf", "unqualified-search-registries = ['docker.io']\n");
  const auto before = Files();
  const std::vector<std::string> registries = {"--registry=harbor.example.com",
                                               "--registry=harbor.example.com:8443",
                                               "--registry=docker.io"};
  std::vector<std::string> install = {"install", "--set_config_path"};
  install.insert(install.end(), registries.begin(), registries.end());
  ExpectOk(install);
  EXPECT_THAT(out_, HasSubstr("restart containerd"));
  const auto with = Files();
  for (const char* path : {kHostsToml, kConfigToml, kDaemonJson}) {
    EXPECT_NE(with.at(path), before.at(path)) << path;
  }
  EXPECT_THAT(with.at("/etc/containerd/certs.d/harbor.example.com_8443_/hosts.toml"),
              HasSubstr("ca = [\"ca.crt\"]"));
  EXPECT_EQ(with.count(kDropIn), 1u);
  ExpectOk(install);
  EXPECT_THAT(out_, Not(AllOf(HasSubstr("changed "), HasSubstr("made "))));
  EXPECT_EQ(Files(), with);
  std::vector<std::string> remove = {"remove"};
  remove.insert(remove.end(), registries.begin(), registries.end());
  ExpectOk(remove);
  // Folders that were there have certificates which containerd finds by config_path only.
  EXPECT_THAT(out_, HasSubstr("config_path stays"));
  auto after = Files();
  after[kConfigToml] = before.at(kConfigToml);
  EXPECT_EQ(after, before);
}

TEST_F(MirrorCommandTest, ConfigPathGoesWithTheLastFolder) {
  Write(kConfigToml, "version = 2\n");
  std::vector<std::string> install = kInstallContainerd;
  install.insert(install.end(), {"--set-config-path", "--registry=other.example.com"});
  ExpectOk(install);
  EXPECT_THAT(*Read(kConfigToml), HasSubstr("config_path = \"/etc/containerd/certs.d\""));
  ExpectOk({"remove", "--runtime=containerd", "--registry=other.example.com"});
  EXPECT_THAT(out_, HasSubstr("config_path stays"));
  EXPECT_THAT(*Read(kHostsToml), HasSubstr("krakenctl"));
  ExpectOk(kRemoveContainerd);
  EXPECT_EQ(*Read(kConfigToml), "version = 2\n");
  EXPECT_THAT(Files(), ElementsAre(Key(kConfigToml)));
}

TEST_F(MirrorCommandTest, AfterOthersEditedOnlyOursGoes) {
  ExpectOk(kInstallContainerd);
  Write(kHostsToml, *Read(kHostsToml) + "[host.\"https://theirs\"]\n");
  ExpectOk({"install", "--runtime=docker"});
  Write(kDaemonJson,
        "{\"registry-mirrors\": [\n  \"http://localhost:13000\",\n  \"https://theirs\"\n]}\n");
  ExpectOk(kRemoveContainerd);
  ExpectOk({"remove", "--runtime=docker"});
  EXPECT_EQ(*Read(kHostsToml), "[host.\"https://theirs\"]\n");
  EXPECT_EQ(*Read(kDaemonJson), "{\"registry-mirrors\": [\n  \"https://theirs\"\n]}\n");
}

TEST_F(MirrorCommandTest, ContainerdsOwnFolderIsTaken) {
  Write(kConfigToml,
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n"
        "config_path = \"/var/lib/certs.d/:/etc/docker/certs.d\"\n");
  ASSERT_OK(ApplyFileChange({.path = root_ + "/var/lib/certs.d/harbor:8443/ca", .after = ""},
                            storage::PosixFileSystem()));
  ASSERT_OK(ApplyFileChange({.path = root_ + "/var/lib/certs.d/_default/hosts.toml", .after = ""},
                            storage::PosixFileSystem()));
  ExpectOk({"install", "--runtime=containerd", "--registry=harbor:8443", "--registry=harbor:443"});
  EXPECT_TRUE(Read("/var/lib/certs.d/harbor:8443/hosts.toml").has_value());
  EXPECT_TRUE(Read("/var/lib/certs.d/harbor_443_/hosts.toml").has_value());
  EXPECT_THAT(out_, AllOf(HasSubstr("/_default for harbor:443"),
                          Not(HasSubstr("/_default for harbor:8443")), HasSubstr("#12808"),
                          Not(HasSubstr("only if /"))));
}

TEST_F(MirrorCommandTest, DryRunShowsAndChangesNothing) {
  Write(kDaemonJson, "{\n  \"debug\": true\n}\n");
  const auto before = Files();
  ExpectOk({"install", "--runtime=docker", "--dry_run"});
  EXPECT_THAT(out_, AllOf(HasSubstr(absl::StrCat("+++ ", root_, kDaemonJson)),
                          HasSubstr("+  \"registry-mirrors\": [ \"http://localhost:13000\" ],\n"),
                          HasSubstr("nothing was changed"), HasSubstr("systemctl reload docker")));
  EXPECT_EQ(Files(), before);
}

TEST_F(MirrorCommandTest, DockerIsForDockerIoOnly) {
  EXPECT_EQ(Run({"install", "--runtime=docker", "--registry=harbor.example.com"}),
            config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("pull localhost:13000/library/debian instead"));
  Write(kDaemonJson, "{}");
  ExpectOk({"install", "--registry=harbor.example.com"});  // auto
  EXPECT_THAT(out_, HasSubstr("docker: is left as it is"));
  EXPECT_EQ(*Read(kDaemonJson), "{}");
  ExpectOk({"install", "--runtime=docker", "--agent=http://localhost:14000"});
  ExpectOk({"remove", "--runtime=docker"});
  EXPECT_THAT(out_, HasSubstr("it has no mirror http://localhost:13000: for another one"));
  ExpectOk({"remove", "--runtime=docker", "--agent=http://localhost:14000/"});
  EXPECT_EQ(*Read(kDaemonJson), "{}");
}

TEST_F(MirrorCommandTest, PodmanAsksByPath) {
  ExpectOk({"install", "--runtime=podman", "--registry=harbor.example.com"});
  EXPECT_THAT(*Read(kDropIn), HasSubstr("location = \"localhost:13000\"\ninsecure = true\n"));
  EXPECT_THAT(out_, HasSubstr("as library/debian"));
  ExpectOk({"install", "--runtime=podman", "--registry=harbor-eu.example.com", "--named-by-host",
            "--agent=https://agent.example.com"});
  EXPECT_THAT(*Read(kDropIn),
              EndsWith("location = \"agent.example.com:443/harbor-eu.example.com\"\n"
                       "insecure = false\n# <<< krakenctl mirror\n"));
  EXPECT_EQ(Run({"install", "--runtime=podman", "--registry=harbor:8443", "--named-by-host"}),
            config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("harbor:8443 can't stand in the path"));
  ExpectOk({"remove", "--runtime=podman", "--registry=harbor.example.com"});
  EXPECT_THAT(*Read(kDropIn), Not(HasSubstr("\"harbor.example.com\"")));
  ExpectOk({"remove", "--runtime=podman"});
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(MirrorCommandTest, AnotherFilesEntryIsRefusedWithFileAndLine) {
  const std::string theirs = "/etc/containers/registries.conf.d/10-site.conf";
  Write(theirs, "# ours\n[[registry]]\nlocation = \"harbor.example.com\"\n");
  const auto before = Files();
  EXPECT_EQ(Run({"install", "--runtime=podman", "--registry=harbor.example.com"}),
            config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat(root_, theirs, ":2: there is a [[registry]]")));
  EXPECT_EQ(Files(), before);
}

TEST_F(MirrorCommandTest, WhatIsNotSureIsLeftAsItIsInAllRuntimes) {
  Write(kDaemonJson, "{\n  \"debug\": true,\n}\n");
  Write(kHostsToml, "");
  const auto before = Files();
  EXPECT_EQ(Run({"install", "--registry=harbor.example.com", "--registry=docker.io"}),
            config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat(root_, kDaemonJson, ":3: ")));
  EXPECT_EQ(Files(), before);
  EXPECT_EQ(Run({"remove"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat(root_, kDaemonJson, ":3: ")));
  EXPECT_EQ(Files(), before);
}

TEST_F(MirrorCommandTest, ALinkIsLeftAsItIs) {
  Write("/etc/docker/shared.json", "{}");
  ASSERT_EQ(::symlink("shared.json", (root_ + kDaemonJson).c_str()), 0);
  EXPECT_EQ(Run({"install", "--runtime=docker"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("is a symbolic link"));
  EXPECT_EQ(*Read("/etc/docker/shared.json"), "{}");
}

TEST_F(MirrorCommandTest, MistakesSayWhatIsMissing) {
  for (const auto& [arguments, message] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "install or remove"},
           {{"instal"}, "install or remove"},
           {{"install", "--runtime=podmann"}, "expected containerd, docker, podman or auto"},
           {{"install", "--registry=a"}, "no container runtime is found"},
           {{"install", "--runtime=docker", "--agent=localhost:13000"}, "flag -agent"},
           {{"install", "--runtime=docker", "--agent=http://a/v2/"}, "flag -agent"},
           {{"install", "--runtime=docker", "--registry=https://a"}, "flag -registry"},
           {{"install", "--regsitry=a"}, "did you mean -registry?"}}) {
    EXPECT_EQ(Run(arguments), config::kExitUsage) << message;
    EXPECT_THAT(err_, AllOf(StartsWith("krakenctl mirror: "), HasSubstr(message),
                            HasSubstr("Try krakenctl mirror --help.")));
  }
  EXPECT_EQ(Run(std::vector<std::string>{"install", "--runtime=podman"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("--registry=harbor.example.com"));
}

}  // namespace
}  // namespace kraken::krakenctl
