#include "kraken/sim/completion_plot.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken::sim {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(CompletionPlotTest, RunsFromNobodyToAllWithinThePicture) {
  FlashCrowdResult result;
  result.wanted = 10'000;
  result.floor_seconds = 10;
  for (int i = 0; i < result.wanted; ++i) result.seconds.push_back(10 + i * 0.0001);
  const std::string svg = PlotCompletion(result);
  EXPECT_THAT(svg, StartsWith("<svg "));
  EXPECT_THAT(svg, EndsWith("</svg>\n"));
  EXPECT_THAT(svg, HasSubstr("floor 10.000 s"));
  // Nobody at 0 s, nor just before the first at 10 s; everybody at 11 s of 11.55.
  EXPECT_THAT(svg, HasSubstr("points=\"60.0,400.0 683.4,400.0 "));
  EXPECT_THAT(svg, HasSubstr(" 745.7,30.0\"/>"));
  EXPECT_LT(std::count(svg.begin(), svg.end(), ','), 3'000) << "no more points than can be seen";
}

TEST(CompletionPlotTest, TimesAreRound) {
  FlashCrowdResult result;
  result.wanted = result.completed = 1;
  for (double slowest : {2.1, 0.021, 210.0}) {
    result.seconds = {slowest};
    result.floor_seconds = slowest / 1.05;
    const std::string svg = PlotCompletion(result);
    EXPECT_THAT(svg, HasSubstr(absl::StrFormat(">%g</text>", slowest / 2.1))) << slowest;
    EXPECT_THAT(svg, HasSubstr(absl::StrFormat(">%g</text>", slowest / 2.1 * 2))) << slowest;
  }
  EXPECT_THAT(PlotCompletion(result), HasSubstr("1 of 1 agents"));
}

TEST(CompletionPlotTest, NobodyCompleteIsAPictureToo) {
  FlashCrowdResult result;
  result.wanted = 3;
  EXPECT_THAT(PlotCompletion(result), EndsWith("points=\"60.0,400.0\"/>\n</svg>\n"));
}

}  // namespace
}  // namespace kraken::sim
