#include "harbor_bridge/lease/lease_machine.h"

#include "gtest/gtest.h"
#include "kraken/base/manual_clock.h"

namespace harbor_bridge {
namespace {

using kraken::MonotonicTime;
using Question = LeaseMachine::Question;

class LeaseMachineTest : public ::testing::Test {
 protected:
  MonotonicTime now() const { return clock_.MonotonicNow(); }
  bool held() const { return machine_.held(now()); }
  Question Ask() { return machine_.Ask(now()); }
  // Goes on to when there is something to do.
  void Wait() {
    ASSERT_GE(machine_.next(now()), now());
    clock_.Advance(machine_.next(now()) - now());
  }
  void Take(uint64_t epoch) {
    ASSERT_EQ(Ask(), Question::kTake);
    machine_.OnTaken(epoch);
  }

  static constexpr absl::Duration kTtl = absl::Seconds(10);
  kraken::ManualClock clock_;
  LeaseMachine machine_{kTtl};
};

TEST_F(LeaseMachineTest, IsRenewedAfterAThirdOfItsTime) {
  EXPECT_FALSE(held());
  Take(7);
  EXPECT_TRUE(held());
  EXPECT_EQ(machine_.epoch(), 7u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Ask(), Question::kNone);
    Wait();
    ASSERT_EQ(Ask(), Question::kRenew);
    EXPECT_EQ(now().since_origin(), (i + 1) * (kTtl / 3));
    machine_.OnRenewed();
    EXPECT_TRUE(held());
  }
}

TEST_F(LeaseMachineTest, EndsHereBeforeItEndsAtRedis) {
  // What counts is when the question was sent, however late the answer comes.
  ASSERT_EQ(Ask(), Question::kTake);
  clock_.Advance(absl::Seconds(5));
  machine_.OnTaken(7);
  EXPECT_TRUE(held());
  clock_.Advance(absl::Seconds(3) - absl::Nanoseconds(1));
  EXPECT_TRUE(held());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_FALSE(held());
  // Nobody else may have had it meanwhile: it is asked for under the same epoch.
  ASSERT_EQ(Ask(), Question::kRenew);
  machine_.OnRenewed();
  EXPECT_TRUE(held());
  EXPECT_EQ(machine_.epoch(), 7u);
}

TEST_F(LeaseMachineTest, AnAnswerThatComesTooLateIsNone) {
  ASSERT_EQ(Ask(), Question::kTake);
  clock_.Advance(absl::Seconds(9));
  machine_.OnTaken(7);
  EXPECT_FALSE(held());
  ASSERT_EQ(Ask(), Question::kRenew);
}

TEST_F(LeaseMachineTest, WithoutAnswersItWorksOnAndStopsInTime) {
  Take(7);
  const MonotonicTime taken = now();
  while (held()) {
    Wait();
    if (Ask() != Question::kNone) machine_.OnSilence(now());
  }
  EXPECT_EQ(now() - taken, 0.8 * kTtl);
  machine_.OnConnected(now());
  ASSERT_EQ(Ask(), Question::kRenew);
  machine_.OnLost(now());
  EXPECT_FALSE(held());
  Take(8);
  EXPECT_TRUE(held());
}

TEST_F(LeaseMachineTest, WhileAnotherHoldsItTheEndOfItsTermIsWaitedFor) {
  ASSERT_EQ(Ask(), Question::kTake);
  machine_.OnOtherHolds("b", 7, absl::Seconds(1), now());
  EXPECT_FALSE(held());
  EXPECT_EQ(machine_.holder(), "b");
  const MonotonicTime asked = now();
  Wait();
  EXPECT_GT(now() - asked, absl::Seconds(1));
  EXPECT_LT(now() - asked, absl::Seconds(1.1));
  ASSERT_EQ(Ask(), Question::kTake);
  // It has been renewed.
  machine_.OnOtherHolds("b", 7, absl::Seconds(9), now());
  const MonotonicTime again = now();
  Wait();
  EXPECT_EQ(now() - again, kTtl / 3);
  Take(8);
  EXPECT_EQ(machine_.holder(), "");
}

TEST_F(LeaseMachineTest, ARefusalEndsTheTermAndTheNextEpochIsHigher) {
  Take(7);
  EXPECT_FALSE(machine_.OnRefused(7, now())) << "of a write of our own former term";
  EXPECT_TRUE(held());
  EXPECT_TRUE(machine_.OnRefused(12, now()));
  EXPECT_FALSE(held());
  EXPECT_EQ(machine_.highest_epoch(), 12u);
  EXPECT_FALSE(machine_.OnRefused(12, now())) << "it is known";
  Take(13);
  EXPECT_TRUE(held());
}

TEST_F(LeaseMachineTest, AnAnswerToATermThatWasGivenUpChangesNothing) {
  Take(7);
  Wait();
  ASSERT_EQ(Ask(), Question::kRenew);
  EXPECT_TRUE(machine_.OnRefused(12, now()));
  EXPECT_EQ(Ask(), Question::kNone) << "one question at a time";
  machine_.OnRenewed();
  EXPECT_FALSE(held());
  Take(13);
  Wait();
  ASSERT_EQ(Ask(), Question::kRenew);
  machine_.OnRenewed();
  EXPECT_TRUE(held());
}

}  // namespace
}  // namespace harbor_bridge
