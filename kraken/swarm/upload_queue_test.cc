#include "kraken/swarm/upload_queue.h"

#include "gtest/gtest.h"

namespace kraken::swarm {
namespace {

constexpr ByteCount kPiece{1'000'000};
// A piece takes 10 ms.
constexpr int64_t kPieceNanos = 10 * kNanosPerMilli;

LinkId L(uint32_t link) { return LinkId(link, 1); }
PieceIndex P(int piece) { return PieceIndex(piece); }
Instant At(int64_t nanos) { return Instant::FromNanos(nanos); }

TEST(UploadQueueTest, ServesInOrderAndNeverMoreThanItsSlots) {
  UploadQueue queue(2);
  for (int i = 0; i < 4; ++i) queue.Enqueue(L(static_cast<uint32_t>(i)), P(i), kPiece);
  EXPECT_EQ(queue.StartNext(At(0))->piece, P(0));
  EXPECT_EQ(queue.StartNext(At(0))->piece, P(1));
  EXPECT_FALSE(queue.StartNext(At(0)).has_value());
  EXPECT_TRUE(queue.Finish(L(1), P(1), true, At(kPieceNanos)));
  EXPECT_FALSE(queue.Finish(L(1), P(1), true, At(kPieceNanos)));
  EXPECT_EQ(queue.StartNext(At(kPieceNanos))->piece, P(2));
  EXPECT_FALSE(queue.StartNext(At(kPieceNanos)).has_value());
}

TEST(UploadQueueTest, TakesBackOnlyWhatWaits) {
  UploadQueue queue(1);
  queue.Enqueue(L(0), P(0), kPiece);
  queue.Enqueue(L(0), P(1), kPiece);
  ASSERT_TRUE(queue.StartNext(At(0)).has_value());
  EXPECT_FALSE(queue.RemoveWaiting(L(0), P(0)));
  EXPECT_TRUE(queue.IsActive(L(0), P(0)));
  EXPECT_TRUE(queue.RemoveWaiting(L(0), P(1)));
  EXPECT_FALSE(queue.Contains(L(0), P(1)));
}

TEST(UploadQueueTest, ALinkThatIsGoneFreesItsSlots) {
  UploadQueue queue(2);
  queue.Enqueue(L(0), P(0), kPiece);
  queue.Enqueue(L(0), P(1), kPiece);
  queue.Enqueue(L(0), P(2), kPiece);
  queue.Enqueue(L(1), P(2), kPiece);
  queue.StartNext(At(0));
  queue.StartNext(At(0));
  queue.RemoveLink(L(0));
  EXPECT_EQ(queue.StartNext(At(0))->link, L(1));
  EXPECT_EQ(queue.waiting_count(), 0u);
  EXPECT_EQ(queue.active_count(), 1u);
}

TEST(UploadQueueTest, LoadIsWhatIsLeftAtTheMeasuredRate) {
  UploadQueue queue(1);
  EXPECT_EQ(queue.Load(At(0)).backlog_micros, 0u);
  int64_t now = 0;
  for (int i = 0; i < 5; ++i) {
    queue.Enqueue(L(0), P(i), kPiece);
    queue.StartNext(At(now));
    now += kPieceNanos;
    queue.Finish(L(0), P(i), true, At(now));
  }
  for (int i = 0; i < 3; ++i) queue.Enqueue(L(0), P(i), kPiece);
  queue.StartNext(At(now));
  EXPECT_EQ(queue.Load(At(now)).backlog_micros, 30'000u);
  EXPECT_EQ(queue.Load(At(now + kPieceNanos / 2)).backlog_micros, 25'000u);
  // An upload that takes longer than it should leaves nothing, not less.
  EXPECT_EQ(queue.Load(At(now + 5 * kPieceNanos)).backlog_micros, 20'000u);
}

}  // namespace
}  // namespace kraken::swarm
