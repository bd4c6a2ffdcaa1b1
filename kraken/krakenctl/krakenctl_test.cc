#include "kraken/krakenctl/krakenctl.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/command_test_util.h"

namespace kraken::krakenctl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class KrakenctlTest : public ::testing::Test {
 protected:
  int Run(const std::vector<std::string>& arguments) {
    out_.clear();
    err_.clear();
    return RunKrakenctl(arguments, {.out = AppendTo(&out_), .err = AppendTo(&err_)});
  }

  std::string out_;
  std::string err_;
};

TEST_F(KrakenctlTest, HelpNamesEveryCommandAndEachExplainsItself) {
  EXPECT_EQ(Run({"--help"}), config::kExitOk);
  const std::string help = out_;
  EXPECT_EQ(Run({"help"}), config::kExitOk);
  EXPECT_EQ(out_, help);
  for (const std::string command : {"health", "mirror", "pull", "version"}) {
    EXPECT_THAT(help, HasSubstr("\n  " + command + " "));
    EXPECT_EQ(Run({"help", command}), config::kExitOk);
    EXPECT_THAT(out_, StartsWith("Usage: krakenctl " + command));
    const std::string explained = out_;
    EXPECT_EQ(Run({command, "--help"}), config::kExitOk);
    EXPECT_EQ(out_, explained);
    EXPECT_EQ(err_, "");
  }
}

TEST_F(KrakenctlTest, TellsItsVersion) {
  EXPECT_EQ(Run({"version"}), config::kExitOk);
  EXPECT_THAT(out_, StartsWith("krakenctl 0."));
  EXPECT_EQ(Run({"version", "x"}), config::kExitUsage);
}

TEST_F(KrakenctlTest, MistakesGoToStderrWithCodeTwo) {
  EXPECT_EQ(Run({}), config::kExitUsage);
  EXPECT_THAT(err_, HasSubstr("Try krakenctl --help."));
  EXPECT_EQ(Run({"miror"}), config::kExitUsage);
  EXPECT_THAT(err_, HasSubstr("unknown command \"miror\"; did you mean mirror?"));
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({"help", "nothing"}), config::kExitUsage);
}

}  // namespace
}  // namespace kraken::krakenctl
