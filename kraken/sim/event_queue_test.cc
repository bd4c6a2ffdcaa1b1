#include "kraken/sim/event_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::sim {
namespace {

TEST(EventQueueTest, ComesOutInOrderOfTimeAndOfSchedulingAmongEquals) {
  SeededBitGen random(1);
  EventQueue queue;
  std::vector<std::pair<int64_t, uint32_t>> expected;
  std::vector<std::pair<int64_t, uint32_t>> got;
  uint32_t number = 0;
  for (int round = 0; round < 2'000; ++round) {
    const int64_t at = queue.now() + static_cast<int64_t>(random.Uniform(20));
    expected.emplace_back(at, number);
    queue.Schedule(at, EventKind::kCall, number++);
    if (random.Bernoulli(0.4)) {
      const Event event = queue.Pop();
      EXPECT_EQ(queue.now(), event.at);
      got.emplace_back(event.at, event.a);
    }
  }
  while (!queue.empty()) {
    EXPECT_EQ(queue.next_at(), queue.next_at());
    const Event event = queue.Pop();
    got.emplace_back(event.at, event.a);
  }
  std::stable_sort(expected.begin(), expected.end());
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace kraken::sim
