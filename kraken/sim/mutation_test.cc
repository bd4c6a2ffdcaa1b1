// Defects put into the engine on purpose: each must be found, and soon. Without them the same
// scenarios hold (scenarios_test.cc).
#include "kraken/sim/mutation.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/sim/scenarios.h"

namespace kraken::sim {
namespace {

struct Case {
  const char* name;
  Mutation mutation;
  const char* scenario;
  // Found with one of the first so many seeds.
  uint64_t seeds;
  // What is seen: a part of what the judge says.
  const char* symptom;
};

class MutationTest : public testing::TestWithParam<Case> {};

TEST_P(MutationTest, IsFound) {
  const Case& tested = GetParam();
  const Scenario& scenario = *FindScenario(tested.scenario);
  for (uint64_t seed = 1; seed <= tested.seeds; ++seed) {
    FlashCrowdOptions options = OptionsFor(scenario, ScenarioSize::kScaled, seed);
    options.sim.mutation = tested.mutation;
    const std::vector<std::string> wrong =
        Judge(scenario, ScenarioSize::kScaled, options, RunFlashCrowd(options));
    if (wrong.empty()) continue;
    EXPECT_TRUE(wrong[0].find(tested.symptom) != std::string::npos) << wrong[0];
    return;
  }
  FAIL() << "nothing was found with " << tested.seeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, MutationTest,
                         testing::Values(Case{"OneHaveInAHundredIsDropped",
                                              {.kind = MutationKind::kDropHave, .share = 0.01},
                                              "warm",
                                              3,
                                              "does not know what host"},
                                         Case{"OneWakeUpInAHundredIsLost",
                                              {.kind = MutationKind::kLoseWakeUp, .share = 0.01},
                                              "no-tracker",
                                              3,
                                              "the tracker knows"},
                                         Case{"RequestsAreNeverGivenUp",
                                              {.kind = MutationKind::kForgetTimeouts},
                                              "mute",
                                              20,
                                              "does not give up a request"},
                                         Case{"OneUploadInFiftyIsNeverBegun",
                                              {.kind = MutationKind::kNeverAnswer, .share = 0.02},
                                              "warm",
                                              3,
                                              "sends nothing although"},
                                         Case{"WhatDoesNotCheckIsTaken",
                                              {.kind = MutationKind::kAcceptUnverified, .share = 1},
                                              "corrupt",
                                              3,
                                              "offers a piece that is not there"},
                                         Case{"OneLossOfALinkInTenIsNotNoticed",
                                              {.kind = MutationKind::kNoticeNoLoss, .share = 0.1},
                                              "churn",
                                              3,
                                              "counts other links"},
                                         Case{"OneLinkInTenIsNotClosed",
                                              {.kind = MutationKind::kLeakLink, .share = 0.1},
                                              "warm",
                                              3,
                                              "counts other links"},
                                         Case{"WhatCameFromElsewhereIsNotCancelled",
                                              {.kind = MutationKind::kNeverCancel, .share = 1},
                                              "warm",
                                              3,
                                              "still asks for a piece"},
                                         Case{"ATorrentIsAnnouncedOnce",
                                              {.kind = MutationKind::kStopAnnouncing, .share = 1},
                                              "no-tracker",
                                              3,
                                              "the tracker knows"},
                                         Case{"OneRequestInAHundredGoesOutTwice",
                                              {.kind = MutationKind::kAskTwice, .share = 0.01},
                                              "warm",
                                              3,
                                              "asks a peer twice"}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace kraken::sim
