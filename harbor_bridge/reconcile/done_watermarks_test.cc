#include "harbor_bridge/reconcile/done_watermarks.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "harbor_bridge/work/image_work.h"
#include "kraken/base/test_util.h"
#include "kraken/rpc/rpc_test_util.h"

namespace harbor_bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr absl::Duration kLook = absl::Milliseconds(1);

class DoneWatermarksTest : public ::testing::Test {
 protected:
  DoneWatermarksTest() {
    auto queue = kraken::storage::JobQueue::Open({.path = kraken::MakeTestDir() + "/jobs.db"});
    EXPECT_OK(queue);
    queue_ = *std::move(queue);
    watermarks_ = std::make_unique<DoneWatermarks>(
        queue_.get(),
        [this] {
          ++looks_;
          return wanted_.load();
        },
        [this](const std::map<std::string, absl::Time>& done) { published_.Put(done); }, kLook);
  }
  ~DoneWatermarksTest() override { watermarks_->Stop(); }

  void Put(const std::string& key, const std::string& harbor) {
    ASSERT_OK(queue_->EnqueueAndWait({.key = key, .kind = LaneOf(harbor), .payload = ""}));
  }
  // Until it has looked often enough to have seen what is there now.
  void WaitForLooks() {
    const int enough = looks_ + 3;
    while (looks_ < enough) std::this_thread::yield();
  }

  const absl::Time time_ = absl::FromUnixSeconds(1'700'000'000);
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::atomic<int> looks_{0};
  std::atomic<bool> wanted_{true};
  kraken::rpc::Mailbox<std::map<std::string, absl::Time>> published_;
  std::unique_ptr<DoneWatermarks> watermarks_;
};

TEST_F(DoneWatermarksTest, AHarborIsDoneOnceItsJobsAre) {
  Put("a", "eu");
  watermarks_->OnRound("eu", time_);
  watermarks_->OnRound("us", time_ + absl::Hours(1));
  EXPECT_THAT(published_.Wait(0), ElementsAre(Pair("us", time_ + absl::Hours(1))));
  ASSERT_OK_AND_ASSIGN(const auto jobs, queue_->ClaimAndWait(1, ""));
  WaitForLooks();
  EXPECT_EQ(published_.size(), 1u) << "it runs";
  ASSERT_OK(queue_->CompleteAndWait("a", jobs[0].claim_id, ""));
  EXPECT_THAT(published_.Wait(1), ElementsAre(Pair("eu", time_)));
}

TEST_F(DoneWatermarksTest, ADeadLetterIsNotWaitedFor) {
  Put("a", "eu");
  ASSERT_OK_AND_ASSIGN(const auto jobs, queue_->ClaimAndWait(1, ""));
  ASSERT_OK(queue_->FailAndWait("a", jobs[0].claim_id, "broken", /*retryable=*/false));
  watermarks_->OnRound("eu", time_);
  EXPECT_THAT(published_.Wait(0), ElementsAre(Pair("eu", time_)));
}

TEST_F(DoneWatermarksTest, OneThatIsNotWantedWaits) {
  wanted_ = false;
  watermarks_->OnRound("eu", time_);
  WaitForLooks();
  EXPECT_EQ(published_.size(), 0u);
  watermarks_->OnRound("eu", time_ + absl::Hours(1));
  wanted_ = true;
  EXPECT_THAT(published_.Wait(0), ElementsAre(Pair("eu", time_ + absl::Hours(1))));
}

}  // namespace
}  // namespace harbor_bridge
