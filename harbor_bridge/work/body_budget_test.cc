#include "harbor_bridge/work/body_budget.h"

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using kraken::MonotonicTime;
using kraken::StatusIs;
using Room = BodyBudget::Room;

constexpr MonotonicTime kNow = MonotonicTime::FromOrigin(absl::ZeroDuration());

// Takes room and puts the answer there.
void Take(BodyBudget& budget, size_t bytes, std::optional<absl::StatusOr<Room>>* answer,
          MonotonicTime now = kNow) {
  budget.Take(bytes, now,
              [answer](absl::StatusOr<Room> room) { answer->emplace(std::move(room)); });
}

TEST(BodyBudgetTest, RoomIsGivenInTheOrderOfAsking) {
  BodyBudget budget(100);
  std::optional<Room> first = budget.TryTake(60);
  ASSERT_TRUE(first.has_value());
  std::optional<absl::StatusOr<Room>> large;
  std::optional<absl::StatusOr<Room>> small;
  Take(budget, 80, &large);
  // It would fit, but then a large one might wait for ever.
  Take(budget, 10, &small);
  EXPECT_FALSE(large.has_value());
  EXPECT_FALSE(small.has_value());
  EXPECT_FALSE(budget.TryTake(1).has_value());
  EXPECT_EQ(budget.waiting(), 2u);
  first.reset();
  ASSERT_TRUE(large.has_value() && small.has_value());
  EXPECT_OK(*large);
  EXPECT_OK(*small);
  EXPECT_EQ(budget.used_bytes(), 90u);
}

TEST(BodyBudgetTest, WhatIsNotNeededIsGivenBack) {
  BodyBudget budget(100);
  std::optional<Room> room = budget.TryTake(1000);
  ASSERT_TRUE(room.has_value());
  EXPECT_EQ(room->bytes(), 100u);
  std::optional<absl::StatusOr<Room>> other;
  Take(budget, 70, &other);
  room->ShrinkTo(30);
  ASSERT_TRUE(other.has_value());
  room->ShrinkTo(50);
  EXPECT_EQ(room->bytes(), 30u);
  room.reset();
  other.reset();
  EXPECT_EQ(budget.used_bytes(), 0u);
  EXPECT_EQ(budget.peak_bytes(), 100u);
}

TEST(BodyBudgetTest, WhoWouldWaitForTooLongIsRefused) {
  BodyBudget budget(100);
  std::optional<Room> all = budget.TryTake(100);
  std::optional<absl::StatusOr<Room>> early;
  std::optional<absl::StatusOr<Room>> late;
  Take(budget, 10, &early);
  Take(budget, 10, &late, kNow + BodyBudget::kPatience + absl::Seconds(1));
  ASSERT_TRUE(early.has_value());
  EXPECT_THAT(*early, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(late.has_value());
  all.reset();
  ASSERT_TRUE(late.has_value());
  EXPECT_OK(*late);
}

TEST(BodyBudgetTest, WhoIsSlowIsGivenUpWhenOthersWait) {
  BodyBudget budget(100);
  std::optional<Room> all = budget.TryTake(100);
  int given_up = 0;
  const auto give_up = [&given_up] { ++given_up; };
  const MonotonicTime later = kNow + BodyBudget::kPatience + absl::Seconds(1);
  BodyBudget::Reader slow = budget.BeginReading(kNow, give_up);
  BodyBudget::Reader ended = budget.BeginReading(kNow, give_up);
  BodyBudget::Reader late = budget.BeginReading(later, give_up);
  ended.End();
  std::optional<absl::StatusOr<Room>> early;
  Take(budget, 10, &early);
  EXPECT_EQ(given_up, 0);
  std::optional<absl::StatusOr<Room>> waiting;
  Take(budget, 10, &waiting, later);
  EXPECT_EQ(given_up, 1);
  std::optional<absl::StatusOr<Room>> again;
  Take(budget, 10, &again, later);
  EXPECT_EQ(given_up, 1);
  all.reset();
  EXPECT_TRUE(waiting.has_value() && again.has_value());
}

TEST(BodyBudgetTest, TheLineHasAnEnd) {
  BodyBudget budget(1000);
  std::optional<Room> all = budget.TryTake(1000);
  std::vector<std::optional<absl::StatusOr<Room>>> answers(BodyBudget::kMaxWaiting + 1);
  for (auto& answer : answers) Take(budget, 1, &answer);
  ASSERT_TRUE(answers.back().has_value());
  EXPECT_THAT(*answers.back(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(answers.front().has_value());
  all.reset();
  for (const auto& answer : answers) EXPECT_TRUE(answer.has_value());
}

TEST(BodyBudgetTest, AThreadMayWait) {
  BodyBudget budget(100);
  std::optional<Room> all = budget.TryTake(100);
  std::thread waiter([&budget] { EXPECT_EQ(budget.TakeAndWait(40).bytes(), 40u); });
  while (budget.waiting() == 0) std::this_thread::yield();
  all.reset();
  waiter.join();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

}  // namespace
}  // namespace harbor_bridge
