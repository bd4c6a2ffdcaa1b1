// krakenctl route and preheat, at a harbor-bridge that answers as its API is described.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/command_test_util.h"
#include "kraken/krakenctl/preheat_command.h"
#include "kraken/krakenctl/route_command.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::krakenctl {
namespace {

using registry::testing::ScriptedServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Exchange = std::shared_ptr<net::HttpExchange>;

class BridgeCommandsTest : public ::testing::Test {
 protected:
  int Run(RunCommand command, std::vector<std::string> arguments) {
    out_.clear();
    err_.clear();
    return command(arguments, {.out = AppendTo(&out_), .err = AppendTo(&err_)});
  }

  std::string out_;
  std::string err_;
};

TEST_F(BridgeCommandsTest, RouteShowsWhatTheBridgeExplains) {
  const ScriptedServer bridge([](const Exchange& exchange, int) {
    exchange->Respond(
        200, {}, R"({"image":"eu.example/a/b:1","harbor":"eu","text":"no   caches: …\nso: x\n"})");
  });
  EXPECT_EQ(Run(RunRouteCommand, {"-bridge", bridge.url().ToString(), "a/b:1"}), config::kExitOk);
  EXPECT_EQ(out_, "eu.example/a/b:1 of Harbor eu:\nno   caches: …\nso: x\n");
  ASSERT_EQ(bridge.requests().size(), 1u);
  EXPECT_EQ(bridge.requests()[0].target, "/api/v1/routes/explain?image=a%2Fb%3A1");
}

TEST_F(BridgeCommandsTest, WhatTheBridgeRefusesIsTold) {
  const ScriptedServer bridge([](const Exchange& exchange, int) {
    exchange->Respond(404, {}, R"({"error":"no Harbor has the host moon.example"})");
  });
  EXPECT_EQ(Run(RunRouteCommand, {"-bridge", bridge.url().ToString(), "moon.example/a"}),
            config::kExitFailure);
  EXPECT_THAT(err_, AllOf(StartsWith("krakenctl route: "), HasSubstr("404 Not Found"),
                          HasSubstr("no Harbor has the host moon.example")));
}

TEST_F(BridgeCommandsTest, CredentialsAreSent) {
  const std::string file = MakeTestDir() + "/password";
  WriteTestFile(file, "right\n");
  const ScriptedServer bridge([](const Exchange& exchange, int) {
    const bool right = exchange->request().headers.GetOr("Authorization") == "Basic b3BzOnJpZ2h0";
    exchange->Respond(right ? 200 : 401, {}, "{}");
  });
  const std::string address = bridge.url().ToString();
  EXPECT_EQ(Run(RunRouteCommand, {"-bridge", address, "a"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("-password-file"));
  EXPECT_EQ(
      Run(RunRouteCommand, {"-bridge", address, "-username", "ops", "-password-file", file, "a"}),
      config::kExitOk);
  EXPECT_EQ(Run(RunRouteCommand, {"-bridge", address, "-username", "ops", "a"}),
            config::kExitUsage);
}

constexpr char kSubmitted[] = R"x({"jobs":[{"image":"a/b:1","key":"eu/a/b:1 (preheat)"}]})x";

// A bridge that shows `states` of a job, one after the other, the last one for ever.
ScriptedServer::Handler JobsThatGo(std::vector<std::string> states, std::string* posted) {
  auto next = std::make_shared<size_t>(0);
  return [states = std::move(states), next, posted](const Exchange& exchange, int) {
    if (exchange->method() == "POST") {
      exchange->ReadBody([exchange, posted](std::string body) {
        *posted = std::move(body);
        exchange->Respond(200, {}, kSubmitted);
      });
      return;
    }
    EXPECT_EQ(exchange->path(), "/api/v1/jobs/eu%2Fa%2Fb%3A1%20%28preheat%29");
    exchange->Respond(200, {}, states[std::min(*next, states.size() - 1)]);
    ++*next;
  };
}

TEST_F(BridgeCommandsTest, PreheatShowsHowItGoes) {
  std::string posted;
  const ScriptedServer bridge(JobsThatGo(
      {R"({"state":"pending"})",
       R"({"state":"running","progress":{"step":"asking Harbor","bytes_total":0}})",
       R"({"state":"running","progress":{"step":"prefetching","blobs_done":1,"blobs_total":4,
           "bytes_done":25000000,"bytes_total":100000000}})",
       R"({"state":"pending","error":"UNAVAILABLE: no origin"})",
       R"({"state":"done","result":"4 blobs, 100000000 bytes"})"},
      &posted));
  EXPECT_EQ(Run(RunPreheatCommand, {"-bridge", bridge.url().ToString(), "a/b:1", "-platform",
                                    "linux/arm64", "-platform=linux/amd64"}),
            config::kExitOk);
  EXPECT_EQ(posted, R"({"images":["a/b:1"],"platforms":["linux/arm64","linux/amd64"]})");
  EXPECT_EQ(out_,
            "a/b:1: waiting\n"
            "a/b:1: asking Harbor\n"
            "a/b:1: prefetching: 1 of 4 blobs, 25.0 MB of 100.0 MB\n"
            "a/b:1: will be tried again: UNAVAILABLE: no origin\n"
            "a/b:1: done: 4 blobs, 100000000 bytes\n");
}

TEST_F(BridgeCommandsTest, APreheatThatFailsIsAnExitCode) {
  std::string posted;
  const ScriptedServer bridge(
      JobsThatGo({R"({"state":"dead","error":"NOT_FOUND: no such tag"})"}, &posted));
  EXPECT_EQ(Run(RunPreheatCommand, {"-bridge", bridge.url().ToString(), "a/b:1"}),
            config::kExitFailure);
  EXPECT_THAT(out_, HasSubstr("failed: NOT_FOUND: no such tag"));
}

TEST_F(BridgeCommandsTest, DetachDoesNotWait) {
  std::string posted;
  const ScriptedServer bridge(JobsThatGo({"{}"}, &posted));
  EXPECT_EQ(Run(RunPreheatCommand, {"-bridge", bridge.url().ToString(), "-detach", "a/b:1"}),
            config::kExitOk);
  EXPECT_EQ(bridge.requests().size(), 1u);
}

TEST_F(BridgeCommandsTest, AgentsArePreheatedToo) {
  std::string posted;
  const ScriptedServer bridge(JobsThatGo(
      {R"({"state":"running","progress":{"step":"preheating agents","blobs_done":5,
           "blobs_total":8,"bytes_done":125000000,"bytes_total":200000000,
           "agents_done":1,"agents_asked":2}})",
       R"json({"state":"done","result":"4 blobs, 100000000 bytes; on 2 agents (zone=a)"})json"},
      &posted));
  EXPECT_EQ(
      Run(RunPreheatCommand, {"-bridge", bridge.url().ToString(), "-agents", "zone=a", "a/b:1"}),
      config::kExitOk);
  EXPECT_EQ(posted, R"({"agents":"zone=a","images":["a/b:1"]})");
  EXPECT_EQ(out_,
            "a/b:1: preheating agents: 1 of 2 agents, 5 of 8 blobs, 125.0 MB of 200.0 MB\n"
            "a/b:1: done: 4 blobs, 100000000 bytes; on 2 agents (zone=a)\n");
}

TEST_F(BridgeCommandsTest, ABridgeThatReachesNoAgentsSaysSo) {
  const ScriptedServer bridge([](const Exchange& exchange, int) {
    exchange->Respond(409, {}, R"({"error":"agents are reached through trackers"})");
  });
  EXPECT_EQ(Run(RunPreheatCommand, {"-bridge", bridge.url().ToString(), "-agents", "all", "a/b:1"}),
            config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("agents are reached through trackers"));
}

TEST_F(BridgeCommandsTest, MistakesInTheCommandLine) {
  EXPECT_EQ(Run(RunPreheatCommand, {}), config::kExitUsage);
  EXPECT_EQ(Run(RunRouteCommand, {"a", "b"}), config::kExitUsage);
  EXPECT_EQ(Run(RunRouteCommand, {"-bridge", "::", "a"}), config::kExitUsage);
  EXPECT_THAT(err_, HasSubstr("flag -bridge"));
}

}  // namespace
}  // namespace kraken::krakenctl
