#include "kraken/sim/completion_plot.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kraken::sim {
namespace {

// The picture, and the diagram in it.
constexpr double kWidth = 800;
constexpr double kHeight = 450;
constexpr double kLeft = 60;
constexpr double kTop = 30;
constexpr double kRight = kWidth - 20;
constexpr double kBottom = kHeight - 50;
constexpr int kTicks = 5;
// Between a text and its line, and from a text's middle to its foot.
constexpr double kGap = 8;
constexpr double kHalfText = 4;
// More points would not be seen.
constexpr size_t kMaxPoints = 2'000;

std::string Line(double x1, double y1, double x2, double y2, const char* stroke) {
  return absl::StrFormat("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                         x1, y1, x2, y2, stroke);
}

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                         text);
}

// The round number of seconds that divides `end` into about kTicks parts: 1, 2 or 5 times a power
// of ten.
double TickSeconds(double end) {
  const double least = end / kTicks;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string PlotCompletion(const FlashCrowdResult& result) {
  const double slowest = result.seconds.empty() ? 0 : result.seconds.back();
  const double end = std::max({slowest, result.floor_seconds, 1e-9}) * 1.05;
  const auto x = [end](double seconds) { return kLeft + seconds / end * (kRight - kLeft); };
  const auto y = [](double share) { return kBottom - share * (kBottom - kTop); };

  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      kWidth, kHeight);
  for (int tick = 0; tick <= kTicks; ++tick) {
    const double part = static_cast<double>(tick) / kTicks;
    absl::StrAppend(
        &svg, Line(kLeft, y(part), kRight, y(part), "#ddd"),
        Text(kLeft - kGap, y(part) + kHalfText, "end", absl::StrFormat("%.0f %%", 100 * part)));
  }
  const double step_seconds = TickSeconds(end);
  for (int tick = 0; tick * step_seconds <= end; ++tick) {
    const double at = x(tick * step_seconds);
    absl::StrAppend(&svg, Line(at, kTop, at, kBottom, "#ddd"),
                    Text(at, kBottom + 20, "middle", absl::StrFormat("%g", tick * step_seconds)));
  }
  absl::StrAppend(
      &svg,
      Text((kLeft + kRight) / 2, kHeight - 10, "middle",
           absl::StrFormat("seconds from its own join until an agent was complete; %d of %d agents",
                           result.completed, result.wanted)),
      Line(x(result.floor_seconds), kTop, x(result.floor_seconds), kBottom, "#c00"),
      Text(x(result.floor_seconds), kTop - kGap, "middle",
           absl::StrFormat("floor %.3f s", result.floor_seconds)));

  absl::StrAppend(&svg, "<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"2\" points=\"");
  absl::StrAppend(&svg, absl::StrFormat("%.1f,%.1f", x(0), y(0)));
  const size_t count = result.seconds.size();
  // Nobody until the first; from there on steps too small to be seen.
  if (count > 0) absl::StrAppend(&svg, absl::StrFormat(" %.1f,%.1f", x(result.seconds[0]), y(0)));
  const size_t step = std::max<size_t>(count / kMaxPoints, 1);
  for (size_t i = 0; i < count; i = i + 1 == count ? count : std::min(i + step, count - 1)) {
    const double share = static_cast<double>(i + 1) / std::max(result.wanted, 1);
    absl::StrAppend(&svg, absl::StrFormat(" %.1f,%.1f", x(result.seconds[i]), y(share)));
  }
  absl::StrAppend(&svg, "\"/>\n</svg>\n");
  return svg;
}

}  // namespace kraken::sim
