#include "kraken/sim/completion_plot.h"

#include <algorithm>

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
  // Nobody at 0 s; everybody at 11 s of 11.55.
  EXPECT_THAT(svg, HasSubstr("points=\"60.0,400.0 "));
  EXPECT_THAT(svg, HasSubstr(" 745.7,30.0\"/>"));
  EXPECT_LT(std::count(svg.begin(), svg.end(), ','), 3'000) << "no more points than can be seen";
}

TEST(CompletionPlotTest, NobodyCompleteIsAPictureToo) {
  FlashCrowdResult result;
  result.wanted = 3;
  EXPECT_THAT(PlotCompletion(result), EndsWith("points=\"60.0,400.0\"/>\n</svg>\n"));
}

}  // namespace
}  // namespace kraken::sim
