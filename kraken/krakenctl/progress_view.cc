#include "kraken/krakenctl/progress_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace kraken::krakenctl {
namespace {

constexpr size_t kDigestDigits = 12;
constexpr int kMaxBarWidth = 40;
// Beside a bar: digest, percentage, sizes and rate, and the last column, which stays free.
constexpr int kTextWidth = 57;
// ECMA-48: erase from the cursor to the screen's end.
constexpr absl::string_view kEraseBelow = "\x1b[J";

std::string ShortName(const Digest& digest) { return digest.hex().substr(0, kDigestDigits); }

}  // namespace

std::string FormatBytes(int64_t bytes) {
  constexpr std::array<absl::string_view, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  // What would be written as "1000.0".
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatRate(int64_t bytes, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(std::max(time, absl::Milliseconds(1)));
  return absl::StrCat(FormatBytes(std::llround(static_cast<double>(bytes) / seconds)), "/s");
}

std::string ProgressView::Update(absl::Span<const PullProgress::Blob> blobs, MonotonicTime now) {
  told_.resize(blobs.size());
  std::string text;
  // ECMA-48: the cursor so many lines up, to the first column.
  if (bars_ > 0) text = absl::StrCat("\x1b[", bars_, "F", kEraseBelow);
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (blobs[i].state != PullProgress::State::kDone || told_[i]) continue;
    told_[i] = true;
    ++told_count_;
    absl::StrAppend(&text, DoneLine(i, blobs[i]));
  }
  bars_ = 0;
  if (columns_ == 0) return text;
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (blobs[i].state != PullProgress::State::kRunning) continue;
    absl::StrAppend(&text, Bar(i, blobs[i], now));
    ++bars_;
  }
  return text;
}

std::string ProgressView::DoneLine(size_t index, const PullProgress::Blob& blob) const {
  const absl::Duration time = blob.ended - blob.begun;
  return absl::StrFormat("%s  %d of %d  %s in %.1f s, %s\n", ShortName(plan_.blobs[index].digest),
                         told_count_, plan_.blobs.size(), FormatBytes(blob.received_bytes),
                         absl::ToDoubleSeconds(time), FormatRate(blob.received_bytes, time));
}

std::string ProgressView::Bar(size_t index, const PullProgress::Blob& blob,
                              MonotonicTime now) const {
  const int64_t size = plan_.blobs[index].size.value();
  const double share =
      size == 0
          ? 1.0
          : std::min(1.0, static_cast<double>(blob.received_bytes) / static_cast<double>(size));
  const int width = std::clamp(columns_ - kTextWidth, 0, kMaxBarWidth);
  const int filled = static_cast<int>(share * width);
  std::string line =
      absl::StrFormat("%s  [%s%s] %3d %%  %8s of %8s  %10s", ShortName(plan_.blobs[index].digest),
                      std::string(static_cast<size_t>(filled), '='),
                      std::string(static_cast<size_t>(width - filled), ' '),
                      static_cast<int>(share * 100), FormatBytes(blob.received_bytes),
                      FormatBytes(size), FormatRate(blob.received_bytes, now - blob.begun));
  // A line that wraps would not be erased.
  if (line.size() >= static_cast<size_t>(columns_)) line.resize(static_cast<size_t>(columns_) - 1);
  return line + "\n";
}

}  // namespace kraken::krakenctl
