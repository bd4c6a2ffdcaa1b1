#include "kraken/registry/cancellation.h"

#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::registry {
namespace {

TEST(CancellationTest, StartsNotCancelled) {
  const Cancellation cancellation;
  EXPECT_FALSE(cancellation.cancelled());
  EXPECT_OK(cancellation.status());
  EXPECT_OK(cancellation.WaitFor(absl::ZeroDuration()));
}

TEST(CancellationTest, CopiesShareOneState) {
  Cancellation mine;
  const Cancellation theirs = mine;
  mine.Cancel();
  mine.Cancel();
  EXPECT_TRUE(theirs.cancelled());
  EXPECT_THAT(theirs.status(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(Cancellation().cancelled());
}

TEST(CancellationTest, WakesWhoWaits) {
  Cancellation cancellation;
  std::thread canceller([cancellation]() mutable { cancellation.Cancel(); });
  EXPECT_THAT(cancellation.WaitFor(absl::InfiniteDuration()),
              StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
}

TEST(CancellationTest, CallbackRunsOnce) {
  Cancellation cancellation;
  int calls = 0;
  const Cancellation::Callback callback(cancellation, [&calls] { ++calls; });
  EXPECT_EQ(calls, 0);
  cancellation.Cancel();
  cancellation.Cancel();
  EXPECT_EQ(calls, 1);
}

TEST(CancellationTest, CallbackOfCancelledWorkRunsAtOnce) {
  Cancellation cancellation;
  cancellation.Cancel();
  int calls = 0;
  const Cancellation::Callback callback(cancellation, [&calls] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(CancellationTest, DestroyedCallbackDoesNotRun) {
  Cancellation cancellation;
  int calls = 0;
  {
    const Cancellation::Callback callback(cancellation, [&calls] { ++calls; });
  }
  cancellation.Cancel();
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace kraken::registry
