// Scaled scenarios, each with a row of seeds. A failure prints the command that runs it again.
#include "kraken/sim/scenarios.h"

#include <string>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace kraken::sim {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr uint64_t kSeeds = 3;  // It is one thread: there is nothing to find, at a high price.
#else
constexpr uint64_t kSeeds = 100;
#endif

class ScenarioTest : public testing::TestWithParam<Scenario> {};

TEST_P(ScenarioTest, EverySeedHolds) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const FlashCrowdOptions options = OptionsFor(GetParam(), ScenarioSize::kScaled, seed);
    const FlashCrowdResult result = RunFlashCrowd(options);
    const auto wrong = Judge(GetParam(), ScenarioSize::kScaled, options, result);
    EXPECT_TRUE(wrong.empty()) << absl::StrJoin(wrong, "\n") << "\n"
                               << ReplayCommand(GetParam(), ScenarioSize::kScaled, seed);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(AllScenarios()),
                         [](const testing::TestParamInfo<Scenario>& info) {
                           return absl::StrReplaceAll(info.param.name, {{"-", "_"}});
                         });

TEST(DeterminismTest, TheSameSeedIsTheSameRun) {
  const Scenario& churn = *FindScenario("churn");
  FlashCrowdOptions options = OptionsFor(churn, ScenarioSize::kScaled, 3);
  const FlashCrowdResult first = RunFlashCrowd(options);
  const FlashCrowdResult second = RunFlashCrowd(options);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.events, second.events);
  options.sim.seed = 4;
  EXPECT_NE(RunFlashCrowd(options).trace_hash, first.trace_hash);
}

// What a judge who never says no would be worth.
TEST(JudgeTest, SaysWhatIsWrong) {
  const Scenario& warm = *FindScenario("warm");
  FlashCrowdOptions options = OptionsFor(warm, ScenarioSize::kScaled, 1);
  FlashCrowdResult good = RunFlashCrowd(options);
  ASSERT_TRUE(Judge(warm, ScenarioSize::kScaled, options, good).empty());
  FlashCrowdResult bad = good;
  bad.everybody_completed = false;
  bad.honest_banned = 1;
  bad.protocol_errors = 1;
  bad.floor_seconds /= 10;
  bad.origin_amplification = 4;
  bad.redundant_share = 0.1;
  EXPECT_EQ(Judge(warm, ScenarioSize::kScaled, options, bad).size(), 6u);
  // A limit that was not kept.
  options.sim.agent.download_limit = 1'000'000;
  EXPECT_EQ(Judge(warm, ScenarioSize::kScaled, options, good).size(), 1u);
}

}  // namespace
}  // namespace kraken::sim
