// Pulls from a real registry in the agent's place, and from servers that fail in ways it does not.

#include "kraken/krakenctl/pull_command.h"

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
#include "kraken/base/random.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/command_test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::krakenctl {
namespace {

using registry::kOciIndexType;
using registry::kOciManifestType;
using registry::testing::AccessLogEntry;
using registry::testing::DigestOf;
using registry::testing::DockerRegistry;
using registry::testing::RegistryPusher;
using registry::testing::ScriptedServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr absl::string_view kConfig = "{\"architecture\": \"amd64\"}";

RepositoryName Repository() { return *RepositoryName::Parse("library/debian"); }

std::string Noise(size_t size, uint64_t seed) {
  SeededBitGen bits(seed);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(bits.Uniform(256));
  return noise;
}

std::string DescriptorJson(absl::string_view media_type, absl::string_view content,
                           absl::string_view more = "") {
  return absl::StrCat("{\"mediaType\":\"", media_type, "\",\"size\":", content.size(),
                      ",\"digest\":\"", DigestOf(content).ToString(), "\"", more, "}");
}

std::string ManifestJson(const std::vector<std::string>& layers) {
  std::vector<std::string> descriptors;
  descriptors.reserve(layers.size());
  for (const std::string& layer : layers) {
    descriptors.push_back(DescriptorJson("application/vnd.oci.image.layer.v1.tar", layer));
  }
  return absl::StrCat("{\"schemaVersion\":2,\"mediaType\":\"", kOciManifestType, "\",\"config\":",
                      DescriptorJson("application/vnd.oci.image.config.v1+json", kConfig),
                      ",\"layers\":[", absl::StrJoin(descriptors, ","), "]}");
}

std::string IndexEntry(absl::string_view manifest, absl::string_view architecture) {
  return DescriptorJson(
      kOciManifestType, manifest,
      absl::StrCat(",\"platform\":{\"os\":\"linux\",\"architecture\":\"", architecture, "\"}"));
}

class PullCommandTest : public ::testing::Test {
 protected:
  int Run(std::vector<std::string> arguments, int columns = 0) {
    out_.clear();
    err_.clear();
    return RunPullCommand(arguments,
                          {.out = AppendTo(&out_), .err = AppendTo(&err_), .columns = columns});
  }

  std::string out_;
  std::string err_;
};

class RealRegistryPullTest : public PullCommandTest {
 protected:
  void SetUp() override {
    auto registry = DockerRegistry::Start({.directory = MakeTestDir()});
    ASSERT_OK(registry);
    registry_ = *std::move(registry);
    RegistryPusher pusher(&http_, registry_->url());
    for (const std::string& layer : layers_) ASSERT_OK(pusher.PushBlob(Repository(), layer));
    ASSERT_OK(pusher.PushBlob(Repository(), kConfig));
    ASSERT_OK(pusher.PushManifest(Repository(), "", kOciManifestType, manifest_));
    ASSERT_OK(pusher.PushManifest(Repository(), "", kOciManifestType, arm_manifest_));
    ASSERT_OK(
        pusher.PushManifest(Repository(), "latest", kOciIndexType,
                            absl::StrCat("{\"schemaVersion\":2,\"mediaType\":\"", kOciIndexType,
                                         "\",\"manifests\":[", IndexEntry(arm_manifest_, "arm64"),
                                         ",", IndexEntry(manifest_, "amd64"), "]}")));
  }

  std::vector<std::string> Arguments(const std::string& image) {
    return {image, "--agent=" + registry_->address(), "--metrics=", "--platform=linux/amd64"};
  }

  // Blobs that clients have had, whole.
  std::vector<std::string> BlobsGot() {
    registry_->Stop();
    std::vector<std::string> blobs;
    for (const AccessLogEntry& entry : registry_->AccessLog()) {
      if (entry.method == "GET" && absl::StrContains(entry.target, "/blobs/")) {
        blobs.push_back(entry.target.substr(entry.target.find("sha256:")));
      }
    }
    return blobs;
  }

  const std::vector<std::string> layers_ = {Noise(3 << 20, 1), Noise(100'000, 2), Noise(1, 3),
                                            Noise(500'000, 4), Noise(2 << 20, 5)};
  // The first layer twice: it is fetched once.
  const std::string manifest_ =
      ManifestJson({layers_[0], layers_[1], layers_[2], layers_[3], layers_[0]});
  const std::string arm_manifest_ = ManifestJson({layers_[4]});
  net::BlockingHttpClient http_{net::HttpClientOptions()};
  std::unique_ptr<DockerRegistry> registry_;
};

TEST_F(RealRegistryPullTest, FetchesThePlatformsImageOnceAndSaysSo) {
  EXPECT_EQ(Run(Arguments("library/debian")), config::kExitOk) << err_;
  EXPECT_EQ(err_, "");
  const std::vector<std::string> lines = absl::StrSplit(out_, '\n');
  ASSERT_THAT(lines, SizeIs(7)) << out_;  // config, four layers, the sum, nothing
  EXPECT_THAT(lines[4], HasSubstr("  5 of 5  "));
  EXPECT_THAT(lines[5],
              StartsWith(absl::StrCat("library/debian:latest is ", DigestOf(manifest_).ToString(),
                                      ": 5 blobs, 3.7 MB in ")));
  std::vector<std::string> expected = {DigestOf(kConfig).ToString()};
  for (size_t i = 0; i < 4; ++i) expected.push_back(DigestOf(layers_[i]).ToString());
  EXPECT_THAT(BlobsGot(), ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(RealRegistryPullTest, ByDigestAndByTheAgentsOwnAddress) {
  EXPECT_EQ(Run(Arguments(absl::StrCat(registry_->address(), "/library/debian@",
                                       DigestOf(arm_manifest_).ToString()))),
            config::kExitOk)
      << err_;
  EXPECT_THAT(out_, HasSubstr(": 2 blobs, 2.1 MB in "));
}

TEST_F(RealRegistryPullTest, ATerminalHasBarsUnlessPlain) {
  std::vector<std::string> arguments = Arguments("library/debian:latest");
  arguments.push_back("--parallel=1");
  EXPECT_EQ(Run(arguments, 100), config::kExitOk) << err_;
  arguments.push_back("--plain");
  EXPECT_EQ(Run(arguments, 100), config::kExitOk) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

TEST_F(RealRegistryPullTest, WhatIsNotThereIsAnError) {
  EXPECT_EQ(Run(Arguments("library/debian:none")), config::kExitFailure);
  EXPECT_THAT(err_, AllOf(HasSubstr("library/debian:none"), HasSubstr("404")));
  std::vector<std::string> arguments = Arguments("library/debian");
  arguments.back() = "--platform=linux/s390x";
  EXPECT_EQ(Run(arguments), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("library/debian:latest has no image for linux/s390x, but for "
                              "linux/amd64, linux/arm64: choose with --platform"));
  registry_->Stop();
  EXPECT_EQ(Run(Arguments("library/debian")), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr(registry_->address()));
}

TEST_F(PullCommandTest, TakesAPasswordOrTheLoginOfOtherPrograms) {
  const std::string directory = MakeTestDir();
  ASSERT_OK_AND_ASSIGN(const auto registry,
                       DockerRegistry::Start({.directory = directory + "/r", .basic_auth = true}));
  const registry::BasicCredentials known = registry::testing::HarborRegistryCredentials();
  net::BlockingHttpClient http{net::HttpClientOptions()};
  RegistryPusher pusher(&http, registry->url(), known);
  ASSERT_OK(pusher.PushBlob(Repository(), kConfig));
  ASSERT_OK(pusher.PushManifest(Repository(), "latest", kOciManifestType, ManifestJson({})));
  const auto write = [&](absl::string_view name, absl::string_view text) {
    std::string path = absl::StrCat(directory, "/", name);
    std::ofstream(path) << text;
    return path;
  };
  const std::string none = write("none", "{}");
  const std::string login = write(
      "login", absl::StrCat(R"({"auths": {")", registry->address(), R"(": {"auth": ")",
                            absl::Base64Escape(known.username + ":" + known.password), R"("}}})"));
  const std::string password = write("password", known.password + "\n");
  const std::string wrong = write("wrong", "guess");
  const auto pull = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"library/debian", "--agent=" + registry->address(), "--metrics="});
    return Run(more);
  };
  EXPECT_EQ(pull({"--auth-file=" + none}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("401"));
  EXPECT_EQ(pull({"--auth-file=" + login}), config::kExitOk) << err_;
  EXPECT_EQ(pull({"--user=" + known.username, "--password-file=" + password}), config::kExitOk)
      << err_;
  EXPECT_EQ(pull({"--user=" + known.username, "--password-file=" + wrong}), config::kExitFailure);
  EXPECT_THAT(err_, AllOf(HasSubstr("401"), Not(HasSubstr("guess"))));
  EXPECT_EQ(pull({"--user=alice"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("-user and -password-file go together"));
  EXPECT_EQ(pull({"--auth-file=" + directory + "/nothing"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("/nothing"));
}

// --- What Debian's registry does not do ---

// An image of one layer whose answers can be changed.
class ScriptedPullTest : public PullCommandTest {
 protected:
  void Handle(const std::shared_ptr<net::HttpExchange>& exchange) {
    const std::string& target = exchange->request().target;
    absl::MutexLock lock(&mutex_);
    if (absl::StrContains(target, "/manifests/")) {
      exchange->Respond(200, {{"Content-Type", kOciManifestType}}, manifest_);
    } else if (absl::StrContains(target, "/metrics")) {
      exchange->Respond(
          200, {},
          absl::StrCat("kraken_swarm_received_bytes_total{peer=\"origin\"} ", 1000 + origin_bytes_,
                       "\nkraken_swarm_received_bytes_total{peer=\"agent\"} ", 500 + agent_bytes_,
                       "\n"));
      origin_bytes_ += added_origin_bytes_;
      agent_bytes_ += added_agent_bytes_;
    } else if (absl::StrContains(target, DigestOf(kConfig).ToString())) {
      exchange->Respond(200, {}, std::string(kConfig));
    } else {
      exchange->Respond(200, {}, sent_layer_);
    }
  }
  int Pull(const std::string& image = "library/debian") {
    return Run({image, absl::StrCat("--agent=", server_.url().host_port()),
                absl::StrCat("--metrics=http://", server_.url().host_port(), "/metrics")});
  }

  void SendLayer(const std::string& content) {
    absl::MutexLock lock(&mutex_);
    sent_layer_ = content;
  }
  // Between two looks at the agent's counters.
  void AddReceived(int origin_bytes, int agent_bytes) {
    absl::MutexLock lock(&mutex_);
    added_origin_bytes_ = origin_bytes;
    added_agent_bytes_ = agent_bytes;
  }

  const std::string layer_ = Noise(1000, 1);
  const std::string manifest_ = ManifestJson({layer_});
  absl::Mutex mutex_;
  std::string sent_layer_ ABSL_GUARDED_BY(mutex_) = layer_;
  int origin_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int agent_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int added_origin_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int added_agent_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  ScriptedServer server_{
      [this](std::shared_ptr<net::HttpExchange> exchange, int) { Handle(exchange); }};
};

TEST_F(ScriptedPullTest, AnotherRegistrysHostIsToldToTheAgent) {
  EXPECT_EQ(Pull("harbor.example.com/library/debian:1"), config::kExitOk) << err_;
  int told = 0;
  for (const net::HttpRequestHead& request : server_.requests()) {
    if (absl::EndsWith(request.target, "?ns=harbor.example.com")) ++told;
  }
  EXPECT_EQ(told, 3);
  EXPECT_THAT(out_, HasSubstr("harbor.example.com/library/debian:1 is sha256:"));
}

TEST_F(ScriptedPullTest, TellsWhatCameFromPeers) {
  EXPECT_EQ(Pull(), config::kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("the agent received nothing meanwhile: it had all of it\n"));
  AddReceived(250'000, 750'000);
  EXPECT_EQ(Pull(), config::kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("the agent received 1.0 MB meanwhile, 75.0 % of it from other "
                              "agents\n"));
  AddReceived(-1, 0);
  EXPECT_EQ(Pull(), config::kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("not known: the agent restarted\n"));
  EXPECT_EQ(Run({"library/debian", absl::StrCat("--agent=", server_.url().host_port()),
                 absl::StrCat("--metrics=", server_.url().host_port(), "/v2/none")}),
            config::kExitOk)
      << err_;
  EXPECT_THAT(out_, HasSubstr("what came from peers is not known: http://"));
}

TEST_F(ScriptedPullTest, AWrongByteOrAWrongSizeFails) {
  std::string wrong = layer_;
  wrong[7] ^= 1;
  SendLayer(wrong);
  EXPECT_EQ(Pull(), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("arrived as something else"));
  SendLayer(layer_ + "x");
  EXPECT_EQ(Pull(), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("has 1001 bytes, but its manifest says 1000"));
  SendLayer(layer_.substr(1));
  EXPECT_EQ(Pull(), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("has 999 bytes, but its manifest says 1000"));
  EXPECT_THAT(out_, Not(HasSubstr("library/debian:latest is")));
}

TEST_F(PullCommandTest, MistakesSayWhatIsMissing) {
  for (const auto& [arguments, message] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "say which image"},
           {{"a", "b"}, "say which image"},
           {{"Library/debian"}, "repository"},
           {{"a", "--platform=linux"}, "flag -platform"},
           {{"a", "--agent=ftp://a"}, "flag -agent"},
           {{"a", "--metrics=:"}, "flag -metrics"},
           {{"a", "--parallel=0"}, "from 1 to 64"}}) {
    EXPECT_EQ(Run(arguments), config::kExitUsage) << message;
    EXPECT_THAT(err_, AllOf(StartsWith("krakenctl pull: "), HasSubstr(message)));
  }
}

}  // namespace
}  // namespace kraken::krakenctl
