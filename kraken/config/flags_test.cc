#include "kraken/config/flags.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/exit_codes.h"

namespace kraken::config {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FlagSetTest : public ::testing::Test {
 protected:
  FlagSetTest() {
    flags_.String("config", &config_, "configuration file");
    flags_.Int("peer-port", &peer_port_, 0, 65535, "port for peers");
    flags_.Ints("port", &ports_, 1, 65535, "port to listen on");
    flags_.Strings("label", &labels_, "a label");
    flags_.Bool("verbose", &verbose_, "say more");
    flags_.Duration("grace", &grace_, "time to shut down in");
    flags_.Ignored("mutex-profile-fraction", "there is no Go runtime");
  }

  absl::Status Parse(const std::vector<std::string>& arguments) { return flags_.Parse(arguments); }

  std::string config_ = "/etc/kraken/agent.yaml";
  int peer_port_ = 0;
  std::vector<int> ports_;
  std::vector<std::string> labels_;
  bool verbose_ = false;
  absl::Duration grace_ = absl::Seconds(90);
  FlagSet flags_{"kraken-agent", "Serves blobs of the swarm to this host."};
};

TEST_F(FlagSetTest, OneOrTwoDashesWithEqualsOrASpace) {
  ASSERT_OK(Parse({"-config=a=b", "--peer-port", "16001", "-grace=1m30s", "--verbose"}));
  EXPECT_EQ(config_, "a=b");
  EXPECT_EQ(peer_port_, 16001);
  EXPECT_EQ(grace_, absl::Seconds(90));
  EXPECT_TRUE(verbose_);
}

TEST_F(FlagSetTest, ValuesMayBeEmptyOrStartWithADash) {
  ASSERT_OK(Parse({"-config", "-x", "-label="}));
  EXPECT_EQ(config_, "-x");
  EXPECT_THAT(labels_, ElementsAre(""));
}

TEST_F(FlagSetTest, UnderscoresAreAsGoodAsDashes) {
  ASSERT_OK(Parse({"--peer_port=16001", "--mutex_profile-fraction=1"}));
  EXPECT_EQ(peer_port_, 16001);
  EXPECT_THAT(flags_.warnings(), ::testing::SizeIs(1));
}

TEST_F(FlagSetTest, MixedFlagsMayFollowArguments) {
  flags_.AllowArguments("<image>...");
  ASSERT_OK(flags_.ParseMixed({"-config=x", "image", "--verbose", "second", "--", "-third"}));
  EXPECT_EQ(config_, "x");
  EXPECT_TRUE(verbose_);
  EXPECT_THAT(flags_.arguments(), ElementsAre("image", "second", "-third"));
}

TEST_F(FlagSetTest, MixedWithoutArgumentsHasNone) {
  flags_.AllowArguments("<image>...");
  ASSERT_OK(flags_.ParseMixed({"--verbose"}));
  EXPECT_THAT(flags_.arguments(), IsEmpty());
  EXPECT_THAT(flags_.ParseMixed({"image", "--verbos"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did you mean -verbose?")));
}

TEST_F(FlagSetTest, ListsCollectAndOthersKeepTheLast) {
  ASSERT_OK(Parse(
      {"-port", "80", "-port=81", "-label", "a", "-label", "b", "-config", "x", "-config", "y"}));
  EXPECT_THAT(ports_, ElementsAre(80, 81));
  EXPECT_THAT(labels_, ElementsAre("a", "b"));
  EXPECT_EQ(config_, "y");
}

TEST_F(FlagSetTest, BoolTakesItsValueOnlyWithEquals) {
  ASSERT_OK(Parse({"-verbose=T", "-verbose=false"}));
  EXPECT_FALSE(verbose_);
  EXPECT_THAT(Parse({"-verbose", "false"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "unexpected argument \"false\""));
  EXPECT_THAT(Parse({"-verbose=maybe"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "flag -verbose: expected true or false, found \"maybe\""));
}

TEST_F(FlagSetTest, UnknownFlagNamesTheNearest) {
  EXPECT_THAT(Parse({"-peer-prot=1"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "unknown flag -peer-prot; did you mean -peer-port?"));
  EXPECT_THAT(Parse({"--zzz"}), StatusIs(absl::StatusCode::kInvalidArgument, "unknown flag -zzz"));
  EXPECT_THAT(Parse({"---config=x"}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FlagSetTest, BadValuesSayWhatWasExpected) {
  EXPECT_THAT(
      Parse({"-peer-port=70000"}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "flag -peer-port: expected a whole number from 0 to 65535, found \"70000\""));
  EXPECT_THAT(Parse({"-grace=soon"}), StatusIs(absl::StatusCode::kInvalidArgument,
                                               HasSubstr("flag -grace: duration: expected")));
  EXPECT_THAT(Parse({"-config"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "flag -config needs a value"));
}

TEST_F(FlagSetTest, ArgumentsAreErrorsUnlessAllowed) {
  EXPECT_THAT(Parse({"x"}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Parse({"-"}), StatusIs(absl::StatusCode::kInvalidArgument));
  flags_.AllowArguments("<command>");
  ASSERT_OK(Parse({"-verbose", "stat", "-config", "x"}));
  EXPECT_THAT(flags_.arguments(), ElementsAre("stat", "-config", "x"));
  ASSERT_OK(Parse({"--", "-config"}));
  EXPECT_THAT(flags_.arguments(), ElementsAre("-config"));
}

TEST_F(FlagSetTest, IgnoredFlagWarns) {
  ASSERT_OK(Parse({"-verbose"}));
  EXPECT_THAT(flags_.warnings(), IsEmpty());
  ASSERT_OK(Parse({"-mutex-profile-fraction", "5"}));
  EXPECT_THAT(flags_.warnings(),
              ElementsAre("flag -mutex-profile-fraction is not needed: there is no Go runtime"));
}

TEST_F(FlagSetTest, HelpListsEveryFlagWithItsDefault) {
  EXPECT_EQ(flags_.Help(),
            "Usage: kraken-agent [flags]\n"
            "Serves blobs of the swarm to this host.\n"
            "\n"
            "Flags:\n"
            "  -config text\n"
            "        configuration file (default \"/etc/kraken/agent.yaml\")\n"
            "  -grace duration\n"
            "        time to shut down in (default 1m30s)\n"
            "  -label text\n"
            "        a label (repeatable)\n"
            "  -mutex-profile-fraction value\n"
            "        accepted for Kraken's sake; not needed: there is no Go runtime\n"
            "  -peer-port int\n"
            "        port for peers (default 0)\n"
            "  -port int\n"
            "        port to listen on (repeatable)\n"
            "  -verbose\n"
            "        say more (default false)\n"
            "  -help\n"
            "        print this text\n");
  ASSERT_OK(Parse({"--help", "-nonsense"}));
  EXPECT_TRUE(flags_.help_requested());
}

using FlagSetDeathTest = FlagSetTest;

TEST_F(FlagSetDeathTest, BadUsageExitsWithTwo) {
  char program[] = "kraken-agent";
  char flag[] = "-confg=x";
  char* argv[] = {program, flag, nullptr};
  EXPECT_EXIT(flags_.ParseOrExit(2, argv), ExitedWithCode(kExitUsage),
              "kraken-agent: unknown flag -confg; did you mean -config\\?");
}

TEST_F(FlagSetDeathTest, HelpExitsWithZero) {
  char program[] = "kraken-agent";
  char flag[] = "--help";
  char* argv[] = {program, flag, nullptr};
  EXPECT_EXIT(flags_.ParseOrExit(2, argv), ExitedWithCode(kExitOk), "");
}

}  // namespace
}  // namespace kraken::config
