#include "kraken/krakenctl/health_command.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/command_test_util.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/tls_context.h"
#include "kraken/registry/testing/scripted_server.h"
#include "kraken/registry/testing/self_signed.h"

namespace kraken::krakenctl {
namespace {

using registry::testing::ScriptedServer;
using registry::testing::SelfSigned;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HealthCommandTest : public ::testing::Test {
 protected:
  int Run(const std::vector<std::string>& arguments) {
    out_.clear();
    err_.clear();
    return RunHealthCommand(arguments, {.out = AppendTo(&out_), .err = AppendTo(&err_)});
  }

  std::string out_;
  std::string err_;
};

ScriptedServer::Handler Answering(int readiness_status, std::string readiness) {
  return [=](std::shared_ptr<net::HttpExchange> exchange, int) {
    if (exchange->request().target == "/health") return exchange->Respond(200, {}, "OK\n");
    if (exchange->request().target != "/readiness") return exchange->Respond(404, {}, "");
    exchange->Respond(readiness_status, {}, readiness);
  };
}

TEST_F(HealthCommandTest, BothAreGood) {
  const ScriptedServer server(Answering(200, "OK"));
  EXPECT_EQ(Run({server.url().host_port()}), config::kExitOk) << err_;
  EXPECT_EQ(out_, "health: OK\nreadiness: OK\n");
}

TEST_F(HealthCommandTest, TheReasonIsTold) {
  const ScriptedServer server(Answering(503, "not ready: no tracker is connected\n"));
  EXPECT_EQ(Run({server.url().host_port()}), config::kExitFailure);
  EXPECT_EQ(out_,
            "health: OK\n"
            "readiness: 503 Service Unavailable: not ready: no tracker is connected\n");
}

TEST_F(HealthCommandTest, NobodyThereIsAFailure) {
  std::string address;
  {
    const ScriptedServer server(Answering(200, "OK"));
    address = server.url().host_port();
  }
  EXPECT_EQ(Run({address, "--timeout=5s"}), config::kExitFailure);
  EXPECT_THAT(out_, AllOf(StartsWith("health: "), HasSubstr(address), HasSubstr("readiness: ")));
}

TEST_F(HealthCommandTest, WithTlsTheOtherSideIsChecked) {
  const SelfSigned identity;
  const std::string directory = MakeTestDir();
  WriteTestFile(directory + "/cert.pem", identity.CertificatePem());
  WriteTestFile(directory + "/key.pem", identity.KeyPem());
  auto tls =
      net::TlsContext::CreateServer({.identity = {.certificate_file = directory + "/cert.pem",
                                                  .key_file = directory + "/key.pem"}});
  ASSERT_OK(tls);
  const ScriptedServer server(Answering(200, "OK"), *tls);
  const std::string address = absl::StrCat("https://", server.url().host_port());
  EXPECT_EQ(Run({address, "--ca=" + directory + "/cert.pem"}), config::kExitOk) << out_ << err_;
  EXPECT_EQ(Run({address}), config::kExitFailure);
  EXPECT_THAT(out_, StartsWith("health: "));
  EXPECT_EQ(Run({address, "--ca=/none.pem"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("/none.pem"));
  EXPECT_EQ(Run({address, "--cert=/a.pem"}), config::kExitFailure);
  EXPECT_THAT(err_, HasSubstr("-cert and -key belong together"));
}

TEST_F(HealthCommandTest, MistakesSayWhatIsMissing) {
  EXPECT_EQ(Run({}), config::kExitUsage);
  EXPECT_THAT(err_, HasSubstr("HOST:PORT"));
  EXPECT_EQ(Run({"a b"}), config::kExitUsage);
  EXPECT_THAT(err_, HasSubstr("found \"a b\""));
}

}  // namespace
}  // namespace kraken::krakenctl
