#include "kraken/krakenctl/progress_view.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/test_util.h"
#include "kraken/krakenctl/image_pull.h"

namespace kraken::krakenctl {
namespace {

using State = PullProgress::State;

MonotonicTime At(double seconds) { return MonotonicTime::FromOrigin(absl::Seconds(seconds)); }

PullPlan TwoBlobs() {
  PullPlan plan;
  for (const char digit : {'a', 'b'}) {
    plan.blobs.push_back({*Digest::FromHex(std::string(64, digit)), ByteCount(2'000'000)});
  }
  return plan;
}

TEST(ProgressViewTest, PlainTellsEachBlobOnceWhenItIsDone) {
  const PullPlan plan = TwoBlobs();
  ProgressView view(plan, 0);
  std::vector<PullProgress::Blob> blobs(2);
  EXPECT_EQ(view.Update(blobs, At(0)), "");
  blobs[0] = {.state = State::kRunning, .received_bytes = 1'000'000, .begun = At(0)};
  EXPECT_EQ(view.Update(blobs, At(1)), "");
  blobs[1] = {State::kDone, 2'000'000, At(0), At(1)};
  EXPECT_EQ(view.Update(blobs, At(1)), "bbbbbbbbbbbb  1 of 2  2.0 MB in 1.0 s, 2.0 MB/s\n");
  EXPECT_EQ(view.Update(blobs, At(2)), "");
  blobs[0] = {State::kDone, 2'000'000, At(0), At(4)};
  EXPECT_EQ(view.Update(blobs, At(4)), "aaaaaaaaaaaa  2 of 2  2.0 MB in 4.0 s, 500.0 kB/s\n");
}

TEST(ProgressViewTest, ATerminalHasABarForEachBlobUnderWay) {
  const PullPlan plan = TwoBlobs();
  ProgressView view(plan, 67);
  std::vector<PullProgress::Blob> blobs(2);
  blobs[0] = {.state = State::kRunning, .received_bytes = 1'000'000, .begun = At(0)};
  blobs[1] = {.state = State::kRunning, .begun = At(0)};
  EXPECT_EQ(view.Update(blobs, At(2)),
            "aaaaaaaaaaaa  [=====     ]  50 %    1.0 MB of   2.0 MB  500.0 kB/s\n"
            "bbbbbbbbbbbb  [          ]   0 %       0 B of   2.0 MB       0 B/s\n");
  // Two lines up, what is done for good, and the rest anew.
  blobs[0] = {State::kDone, 2'000'000, At(0), At(4)};
  EXPECT_EQ(view.Update(blobs, At(4)),
            "\x1b[2F\x1b[J"
            "aaaaaaaaaaaa  1 of 2  2.0 MB in 4.0 s, 500.0 kB/s\n"
            "bbbbbbbbbbbb  [          ]   0 %       0 B of   2.0 MB       0 B/s\n");
  blobs[1] = {State::kDone, 2'000'000, At(0), At(4)};
  EXPECT_EQ(view.Update(blobs, At(4)),
            "\x1b[1F\x1b[J"
            "bbbbbbbbbbbb  2 of 2  2.0 MB in 4.0 s, 500.0 kB/s\n");
}

TEST(ProgressViewTest, NoBarIsWiderThanTheTerminal) {
  const PullPlan plan = TwoBlobs();
  ProgressView view(plan, 20);
  std::vector<PullProgress::Blob> blobs(2);
  blobs[0] = {.state = State::kRunning, .received_bytes = 1'000'000, .begun = At(0)};
  EXPECT_EQ(view.Update(blobs, At(2)), "aaaaaaaaaaaa  []  5\n");
}

TEST(ProgressViewTest, SizesAndRatesAreShort) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.0 kB");
  EXPECT_EQ(FormatBytes(999'949), "999.9 kB");
  EXPECT_EQ(FormatBytes(999'950), "1.0 MB");
  EXPECT_EQ(FormatBytes(150'300'000), "150.3 MB");
  EXPECT_EQ(FormatBytes(int64_t{1} << 62), "4611.7 PB");
  EXPECT_EQ(FormatRate(1000, absl::ZeroDuration()), "1.0 MB/s");
}

}  // namespace
}  // namespace kraken::krakenctl
