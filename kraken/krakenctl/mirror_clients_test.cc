// A real client takes what krakenctl mirror wrote, and asks the agent what it says it asks.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/command_test_util.h"
#include "kraken/krakenctl/mirror_command.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/testing/child_process.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::krakenctl {
namespace {

using registry::testing::ChildProcess;
using registry::testing::ScriptedServer;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kManifest = "{\"schemaVersion\":2,\"layers\":[]}\n";
constexpr absl::Duration kLimit = absl::Seconds(60);

class MirrorClientsTest : public ::testing::Test {
 protected:
  // The targets that skopeo asks the agent for when it looks at an image of that registry.
  std::vector<std::string> AskedBySkopeo(const std::vector<std::string>& flags) {
    ScriptedServer agent([](std::shared_ptr<net::HttpExchange> exchange, int) {
      if (exchange->request().target == "/v2/") return exchange->Respond(200, {}, "");
      exchange->Respond(200, {{"Content-Type", registry::kOciManifestType}}, kManifest);
    });
    const std::string root = MakeTestDir();
    std::vector<std::string> arguments = {"install", "--runtime=podman", "--root=" + root,
                                          "--registry=harbor.example.invalid",
                                          absl::StrCat("--agent=http://", agent.url().host_port())};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    std::string out;
    std::string err;
    EXPECT_EQ(RunMirrorCommand(arguments, {.out = AppendTo(&out), .err = AppendTo(&err)}),
              config::kExitOk)
        << err;
    auto skopeo = ChildProcess::Start(
        {"/usr/bin/skopeo", "--registries-conf",
         root + "/etc/containers/registries.conf.d/50-kraken-harbor.conf", "inspect", "--raw",
         "docker://harbor.example.invalid/library/debian:latest"});
    EXPECT_OK(skopeo);
    if (!skopeo.ok()) return {};
    (void)(*skopeo)->WaitForLines(
        ChildProcess::Stream::kStdout, [](const auto&) { return false; }, kLimit);  // its end
    EXPECT_EQ(absl::StrJoin((*skopeo)->Lines(ChildProcess::Stream::kStdout), "\n") + "\n",
              kManifest)
        << absl::StrJoin((*skopeo)->Lines(ChildProcess::Stream::kStderr), "\n");
    std::vector<std::string> targets;
    for (const net::HttpRequestHead& request : agent.requests()) targets.push_back(request.target);
    return targets;
  }
};

TEST_F(MirrorClientsTest, SkopeoAsksByThePlainNameAndNamesNoRegistry) {
  const std::vector<std::string> targets = AskedBySkopeo({});
  EXPECT_THAT(targets, Contains("/v2/library/debian/manifests/latest"));
  EXPECT_THAT(targets, Each(Not(HasSubstr("ns="))));
}

TEST_F(MirrorClientsTest, SkopeoAsksByTheHostInThePathWhereTheClusterKnowsItSo) {
  EXPECT_THAT(AskedBySkopeo({"--named-by-host"}),
              Contains("/v2/harbor.example.invalid/library/debian/manifests/latest"));
}

}  // namespace
}  // namespace kraken::krakenctl
