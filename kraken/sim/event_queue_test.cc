#include "kraken/sim/event_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::sim {
namespace {

class EventQueueTest : public testing::TestWithParam<uint64_t> {};

TEST_P(EventQueueTest, ComesOutInOrderOfTimeAndOfSchedulingAmongEquals) {
  SeededBitGen random(1);
  EventQueue queue;
  std::vector<std::pair<int64_t, uint32_t>> expected;
  std::vector<std::pair<int64_t, uint32_t>> got;
  uint32_t number = 0;
  for (int round = 0; round < 20'000; ++round) {
    // Some at once, some soon, some at the very time of others, few late.
    const uint64_t longest = random.Bernoulli(0.1) ? GetParam() : GetParam() / 100 + 1;
    const int64_t at = queue.now() + static_cast<int64_t>(random.Uniform(longest));
    expected.emplace_back(at, number);
    queue.Schedule(at, EventKind::kCall, number++);
    EXPECT_EQ(queue.size(), expected.size() - got.size());
    if (random.Bernoulli(0.4)) {
      const int64_t next = queue.next_at();
      const Event event = queue.Pop();
      EXPECT_EQ(event.at, next);
      EXPECT_EQ(queue.now(), event.at);
      got.emplace_back(event.at, event.a);
    }
  }
  while (!queue.empty()) {
    const Event event = queue.Pop();
    got.emplace_back(event.at, event.a);
  }
  std::stable_sort(expected.begin(), expected.end());
  EXPECT_EQ(got, expected);
}

// In nanoseconds: within a slot, a few slots, the calendar, and beyond.
INSTANTIATE_TEST_SUITE_P(Spans, EventQueueTest,
                         testing::Values(20, 10'000, 3'000'000, 100'000'000, 60'000'000'000));

TEST(EventQueueAheadTest, KnowsWhatComesSoon) {
  EventQueue queue;
  for (uint32_t i = 0; i < 10; ++i) queue.Schedule(1'000 - 100 * int64_t{i}, EventKind::kCall, i);
  queue.Schedule(1'000'000'000, EventKind::kCall, 10);
  EXPECT_EQ(queue.Pop().a, 9u);
  for (uint32_t i = 0; i < 9; ++i) {
    ASSERT_NE(queue.Ahead(i), nullptr);
    EXPECT_EQ(queue.Ahead(i)->a, 8 - i);
  }
  EXPECT_EQ(queue.Ahead(9), nullptr);
}

}  // namespace
}  // namespace kraken::sim
