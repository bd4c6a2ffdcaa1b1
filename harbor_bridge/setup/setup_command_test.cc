#include "harbor_bridge/setup/setup_command.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/testing/fake_harbor.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/net/http_exchange.h"
#include "kraken/registry/testing/scripted_server.h"

namespace harbor_bridge {
namespace {

using api::testing::FakeHarbor;
using kraken::config::kExitBadConfig;
using kraken::config::kExitFailure;
using kraken::config::kExitOk;
using kraken::config::kExitUsage;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class SetupCommandTest : public ::testing::Test {
 protected:
  SetupCommandTest() {
    bridge_url_ = bridge_.url().ToString();
    bridge_url_.pop_back();
    harbor_.Push("team/app", "v1", "one");
    harbor_.AddProject("library");
    WriteConfig(api::testing::AdminCredentials());
  }

  void WriteConfig(const kraken::registry::BasicCredentials& credentials) {
    kraken::WriteTestFile(
        config_,
        absl::StrCat("url: ", bridge_url_, "/\n",
                     "tls: {server: {disabled: true}, client: {disabled: true}}\n"
                     "harbors:\n"
                     "  - name: eu\n"
                     "    namespace: .*\n"
                     "    authorization: Bearer secret\n"
                     "    registry:\n"
                     "      address: ",
                     harbor_.url().host_port(), "\n",
                     "      security:\n"
                     "        basic: {username: \"",
                     credentials.username, "\", password: \"", credentials.password, "\"}\n",
                     "        tls: {client: {disabled: true}}\n"
                     "    api: {}\n"
                     "origin: {hosts: {static: [\"127.0.0.1:1\"]}}\n"
                     "build_index: {hosts: {static: [\"127.0.0.1:1\"]}}\n"));
  }

  int Run(absl::string_view command, std::vector<std::string> arguments = {}) {
    out_.clear();
    err_.clear();
    arguments.insert(arguments.begin(), "-config=" + config_);
    const auto append = [](std::string* text) {
      return [text](absl::string_view more) { text->append(more.data(), more.size()); };
    };
    return RunSetupCommand(command, arguments, {.out = append(&out_), .err = append(&err_)});
  }
  int Changes() const {
    int changes = 0;
    for (const std::string& request : harbor_.requests()) {
      if (!absl::StartsWith(request, "GET ") && !absl::StrContains(request, "/ping")) ++changes;
    }
    return changes;
  }

  kraken::registry::testing::ScriptedServer bridge_{
      [](std::shared_ptr<kraken::net::HttpExchange> exchange, int) {
        const bool known =
            exchange->request().target == "/eu/healthy" || exchange->request().target == "/health";
        exchange->Respond(known ? 200 : 404, {}, "");
      }};
  std::string bridge_url_;
  FakeHarbor harbor_;
  const std::string dir_ = kraken::MakeTestDir();
  const std::string config_ = dir_ + "/bridge.yaml";
  std::string out_;
  std::string err_;
};

TEST_F(SetupCommandTest, RegistersOnceAndForAll) {
  ASSERT_EQ(Run("register", {"--preheat"}), kExitOk) << out_ << err_;
  ASSERT_THAT(harbor_.webhooks("team"), SizeIs(1));
  ASSERT_THAT(harbor_.webhooks("library"), SizeIs(1));
  const api::WebhookPolicy policy = harbor_.webhooks("team")[0];
  EXPECT_EQ(policy.targets[0].address, bridge_url_ + "/eu/webhook");
  EXPECT_EQ(policy.targets[0].auth_header, "Bearer secret");
  EXPECT_EQ(policy.targets[0].payload_format, "CloudEvents");
  ASSERT_THAT(harbor_.instances(), SizeIs(1));
  EXPECT_EQ(harbor_.instances()[0].vendor, "dragonfly");
  EXPECT_EQ(harbor_.instances()[0].endpoint, bridge_url_ + "/eu");
  EXPECT_EQ(harbor_.instances()[0].auth_value, "secret");
  ASSERT_THAT(harbor_.preheat_policies("team"), SizeIs(1));
  EXPECT_EQ(harbor_.preheat_policies("team")[0].provider_id, harbor_.instances()[0].id);
  EXPECT_THAT(out_, Not(HasSubstr("secret")));

  harbor_.ForgetRequests();
  ASSERT_EQ(Run("register", {"--preheat"}), kExitOk) << out_;
  // Harbor does not show the instance's credentials: they are written again.
  EXPECT_EQ(Changes(), 1) << out_;
  EXPECT_THAT(out_, HasSubstr("4 were right already"));
  EXPECT_THAT(harbor_.webhooks("team"), SizeIs(1));
}

TEST_F(SetupCommandTest, WhatSomebodyChangedIsPutRight) {
  ASSERT_EQ(Run("register"), kExitOk) << out_;
  EXPECT_THAT(harbor_.preheat_policies("team"), IsEmpty());
  ASSERT_EQ(Run("register", {"--bridge-url=http://new-bridge:1"}), kExitOk) << out_;
  EXPECT_THAT(out_, HasSubstr("instead of http://new-bridge:1/eu/webhook"));
  ASSERT_THAT(harbor_.webhooks("team"), SizeIs(1));
  EXPECT_EQ(harbor_.webhooks("team")[0].targets[0].address, "http://new-bridge:1/eu/webhook");
  EXPECT_EQ(harbor_.instances()[0].endpoint, "http://new-bridge:1/eu");
}

TEST_F(SetupCommandTest, AnUpgradedHarborGetsTheBetterDriver) {
  harbor_.set_version({2, 11});
  ASSERT_EQ(Run("register"), kExitOk) << out_;
  EXPECT_THAT(out_, HasSubstr("loses the credentials"));
  EXPECT_EQ(harbor_.instances()[0].vendor, "kraken");
  EXPECT_EQ(harbor_.webhooks("team")[0].targets[0].payload_format, "CloudEvents");
  harbor_.set_version({2, 15});
  ASSERT_EQ(Run("register"), kExitOk) << out_;
  ASSERT_THAT(harbor_.instances(), SizeIs(1));
  EXPECT_EQ(harbor_.instances()[0].vendor, "dragonfly");
}

TEST_F(SetupCommandTest, ADryRunChangesNothing) {
  ASSERT_EQ(Run("register", {"--preheat", "--dry_run"}), kExitOk) << out_;
  EXPECT_EQ(Changes(), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("would create webhook policy kraken-harbor of project team"),
                          HasSubstr("would create preheat instance")));
}

TEST_F(SetupCommandTest, ProjectsAreChosenAndUnregisterTakesAllAway) {
  ASSERT_EQ(Run("register", {"--projects=^te", "--preheat"}), kExitOk) << out_;
  EXPECT_THAT(harbor_.webhooks("team"), SizeIs(1));
  EXPECT_THAT(harbor_.webhooks("library"), IsEmpty());
  ASSERT_EQ(Run("unregister", {"--dry_run"}), kExitOk) << out_;
  EXPECT_THAT(harbor_.webhooks("team"), SizeIs(1));
  ASSERT_EQ(Run("unregister"), kExitOk) << out_;
  EXPECT_THAT(harbor_.webhooks("team"), IsEmpty());
  EXPECT_THAT(harbor_.preheat_policies("team"), IsEmpty());
  EXPECT_THAT(harbor_.instances(), IsEmpty());
  ASSERT_EQ(Run("unregister"), kExitOk) << "again is the same";
}

TEST_F(SetupCommandTest, TwoBridgesDoNotTouchEachOther) {
  ASSERT_EQ(Run("register"), kExitOk) << out_;
  ASSERT_EQ(Run("register", {"--name=other-cluster", "--bridge-url=http://other:1"}), kExitOk);
  EXPECT_THAT(harbor_.webhooks("team"), SizeIs(2));
  ASSERT_EQ(Run("unregister", {"--name=other-cluster"}), kExitOk);
  ASSERT_THAT(harbor_.webhooks("team"), SizeIs(1));
  EXPECT_EQ(harbor_.webhooks("team")[0].name, "kraken-harbor");
}

TEST_F(SetupCommandTest, OneForbiddenProjectHoldsUpNoOther) {
  harbor_.Forbid("library");
  WriteConfig(harbor_.AddRobot(
      "setup", {"project:list", "notification-policy:list", "notification-policy:create"}));
  EXPECT_EQ(Run("register"), kExitFailure);
  EXPECT_THAT(out_, AllOf(HasSubstr("FAIL  list webhook policies"), HasSubstr("library"),
                          HasSubstr("system administrator")));
  EXPECT_THAT(harbor_.webhooks("team"), SizeIs(1));
}

TEST_F(SetupCommandTest, ARobotIsMadeForTheBridge) {
  const std::string secret = dir_ + "/robot";
  ASSERT_EQ(Run("register", {"--create_robot=kraken", "--robot_file=" + secret}), kExitOk) << out_;
  struct stat file = {};
  ASSERT_EQ(stat(secret.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  std::ostringstream text;
  text << std::ifstream(secret).rdbuf();
  EXPECT_THAT(out_, AllOf(HasSubstr("robot$kraken"), Not(HasSubstr(text.str()))));
  EXPECT_THAT(harbor_.webhooks("team"), IsEmpty());
  // The secret is told once: nothing is overwritten, and no second robot is made.
  EXPECT_EQ(Run("register", {"--create_robot=kraken2", "--robot_file=" + secret}), kExitFailure);
  EXPECT_THAT(harbor_.robots(), SizeIs(1));

  WriteConfig({.username = "robot$kraken", .password = text.str()});
  kraken::WriteTestFile(dir_ + "/admin", "Harbor12345\n");
  ASSERT_EQ(Run("register", {"--user=admin", "--password_file=" + dir_ + "/admin"}), kExitOk)
      << out_;
  // With its own account the bridge sees all but what only an administrator may.
  EXPECT_EQ(Run("doctor"), kExitOk) << out_;
  EXPECT_THAT(out_, AllOf(HasSubstr("ok    pull: may pull team/app@"),
                          HasSubstr("warn  webhook policy of project team")));
}

TEST_F(SetupCommandTest, ARobotsSecretIsNamedBeforeItIsThere) {
  const std::string secret = dir_ + "/robot";
  WriteConfig({.username = "robot$kraken", .password = "${file:" + secret + "}"});
  EXPECT_EQ(Run("doctor"), kExitBadConfig);
  EXPECT_THAT(err_, HasSubstr(secret));
  kraken::WriteTestFile(dir_ + "/admin", "Harbor12345\n");
  const std::vector<std::string> admin = {"--user=admin", "--password_file=" + dir_ + "/admin"};
  std::vector<std::string> create = admin;
  create.insert(create.end(), {"--create_robot=kraken", "--robot_file=" + secret});
  ASSERT_EQ(Run("register", create), kExitOk) << out_ << err_;
  ASSERT_EQ(Run("register", admin), kExitOk) << out_ << err_;
  EXPECT_EQ(Run("doctor"), kExitOk) << out_;
}

TEST_F(SetupCommandTest, TheDoctorFindsAHealthyChain) {
  ASSERT_EQ(Run("register"), kExitOk) << out_;
  EXPECT_EQ(Run("doctor"), kExitOk) << out_;
  for (const char* line : {"ok    DNS: 127.0.0.1 is ",
                           "and API v2.0: ", "ok    credentials: ", "ok    version: Harbor v2.15",
                           "ok    permission project:list: 2 projects",
                           "ok    permissions repository:list, artifact:list",
                           "ok    health: ", "ok    webhook policies: right in 2 projects",
                           "ok    round trip: Harbor reaches the bridge",
                           "ok    registry: /v2/ challenges with Bearer", "takes the credentials",
                           "ok    pull: may pull team/app@sha256:", "answers here too"}) {
    EXPECT_THAT(out_, HasSubstr(line));
  }
  EXPECT_THAT(out_, Not(HasSubstr("FAIL")));
  EXPECT_THAT(out_, Not(HasSubstr("secret")));
}

TEST_F(SetupCommandTest, TheDoctorNamesEachFault) {
  EXPECT_EQ(Run("doctor"), kExitFailure);
  EXPECT_THAT(out_, AllOf(HasSubstr("FAIL  webhook policy of project team: is missing"),
                          HasSubstr("harbor-bridge register"),
                          HasSubstr("warn  preheat instance: there is none")));
  ASSERT_EQ(Run("register"), kExitOk);
  harbor_.SetWebhookStatus("team", "kraken-harbor", "Error");
  EXPECT_EQ(Run("doctor"), kExitFailure);
  EXPECT_THAT(out_, HasSubstr("Harbor's last event to "));
  harbor_.SetWebhookStatus("team", "kraken-harbor", "Success");
  ASSERT_EQ(Run("register", {"--bridge-url=http://127.0.0.1:1"}), kExitOk);
  EXPECT_EQ(Run("doctor"), kExitFailure);
  EXPECT_THAT(out_, AllOf(HasSubstr("it sends to http://127.0.0.1:1/eu/webhook instead of"),
                          HasSubstr("FAIL  round trip: ")));
}

TEST_F(SetupCommandTest, TheDoctorNamesWrongCredentials) {
  WriteConfig({.username = "admin", .password = "expired"});
  EXPECT_EQ(Run("doctor"), kExitFailure);
  EXPECT_THAT(out_, AllOf(HasSubstr("FAIL  credentials: Harbor eu: "),
                          HasSubstr("disabled or expired"), HasSubstr("FAIL  registry: ")));
}

TEST_F(SetupCommandTest, TheDoctorNamesAHarborThatIsNotThere) {
  kraken::WriteTestFile(config_,
                        "tls: {server: {disabled: true}, client: {disabled: true}}\n"
                        "harbors:\n"
                        "  - name: eu\n"
                        "    namespace: .*\n"
                        "    registry: {address: \"127.0.0.1:1\", "
                        "security: {tls: {client: {disabled: true}}}}\n"
                        "    api: {address: \"no-such-host.invalid\"}\n"
                        "origin: {hosts: {static: [\"127.0.0.1:1\"]}}\n"
                        "build_index: {hosts: {static: [\"127.0.0.1:1\"]}}\n");
  EXPECT_EQ(Run("doctor"), kExitFailure);
  EXPECT_THAT(out_, AllOf(HasSubstr("FAIL  DNS: no-such-host.invalid has no address"),
                          HasSubstr("FAIL  registry: "), HasSubstr("firewall")));
}

TEST_F(SetupCommandTest, TheDoctorLooksAtAllHarbors) {
  ASSERT_EQ(Run("register"), kExitOk) << out_;
  std::ifstream file(config_);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  text.insert(text.find("origin:"),
              "  - {name: us, namespace: .*, registry: {address: \"127.0.0.1:1\", "
              "security: {tls: {client: {disabled: true}}}}}\n");
  kraken::WriteTestFile(config_, text);
  EXPECT_EQ(Run("doctor"), kExitFailure);
  const size_t second = out_.find("Harbor us:\n");
  ASSERT_NE(second, std::string::npos) << out_;
  EXPECT_THAT(out_.substr(0, second), AllOf(HasSubstr("Harbor eu:\n"), Not(HasSubstr("FAIL"))));
  EXPECT_THAT(out_.substr(second), HasSubstr("FAIL  registry: "));
  EXPECT_EQ(Run("doctor", {"--harbor=eu"}), kExitOk) << out_;
  // An administrator's password is for the Harbor that it belongs to.
  kraken::WriteTestFile(dir_ + "/admin", "Harbor12345\n");
  EXPECT_EQ(Run("doctor", {"--user=admin", "--password_file=" + dir_ + "/admin"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("say which Harbor"));
}

TEST_F(SetupCommandTest, Harbor110IsTold) {
  harbor_.set_version({1, 10});
  EXPECT_EQ(Run("register"), kExitFailure);
  EXPECT_THAT(out_, HasSubstr("before 2.0"));
  EXPECT_EQ(Run("doctor"), kExitFailure);
  EXPECT_THAT(out_, AllOf(HasSubstr("before 2.0"), HasSubstr("takes the credentials")));
}

TEST_F(SetupCommandTest, MistakesSayWhatIsMissing) {
  EXPECT_EQ(Run("register", {"--harbor=us"}), kExitUsage);
  EXPECT_THAT(err_, AllOf(HasSubstr("us"), HasSubstr("eu")));
  EXPECT_EQ(Run("register", {"--projects=("}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("-projects"));
  EXPECT_EQ(Run("register", {"--create_robot=r"}), kExitUsage);
  EXPECT_EQ(Run("register", {"--user=admin"}), kExitUsage);
  EXPECT_EQ(Run("doctor", {"stray"}), kExitUsage);
  kraken::WriteTestFile(config_, "harbors: 7\n");
  EXPECT_EQ(Run("doctor"), kExitBadConfig);
  EXPECT_TRUE(IsSetupCommand("doctor"));
  EXPECT_FALSE(IsSetupCommand("--port=1"));
}

}  // namespace
}  // namespace harbor_bridge
