#include "kraken/swarm/candidate_set.h"

#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::swarm {
namespace {

Instant At(int64_t seconds) { return Instant::FromNanos(seconds * kNanosPerSecond); }

class CandidateSetTest : public testing::Test {
 protected:
  PeerInfo NewPeer() {
    PeerInfo peer;
    peer.id = PeerId::Random(random_);
    peer.ip = "10.0.0.1";
    peer.port = 1;
    return peer;
  }

  SeededBitGen random_{1};
  CandidateSet set_{3, kNanosPerSecond, 8 * kNanosPerSecond};
};

TEST_F(CandidateSetTest, HandsOutEachOnceInTheOrderAdded) {
  const PeerInfo a = NewPeer();
  const PeerInfo b = NewPeer();
  set_.Add(a);
  set_.Add(b);
  set_.Add(a);
  EXPECT_EQ(set_.size(), 2u);
  EXPECT_EQ(set_.TakeNext(At(0))->id, a.id);
  EXPECT_EQ(set_.TakeNext(At(0))->id, b.id);
  EXPECT_FALSE(set_.TakeNext(At(0)).has_value());
}

TEST_F(CandidateSetTest, FailuresWaitTwiceAsLongEachTimeUpToTheMost) {
  const PeerInfo peer = NewPeer();
  set_.Add(peer);
  int64_t now = 0;
  for (int64_t wait : {1, 2, 4, 8, 8, 8}) {
    ASSERT_TRUE(set_.TakeNext(At(now)).has_value());
    set_.MarkUnlinked(peer.id, /*failed=*/true, At(now));
    EXPECT_EQ(set_.CountDue(At(now + wait - 1)), 0u);
    now += wait;
    EXPECT_EQ(set_.CountDue(At(now)), 1u);
  }
  // At a new address it is tried at once.
  set_.TakeNext(At(now));
  set_.MarkUnlinked(peer.id, /*failed=*/true, At(now));
  PeerInfo moved = peer;
  moved.port = 2;
  set_.Add(moved);
  EXPECT_EQ(set_.TakeNext(At(now))->port, 2);
}

TEST_F(CandidateSetTest, ANewcomerReplacesTheOneThatFailedMost) {
  const PeerInfo a = NewPeer();
  const PeerInfo b = NewPeer();
  const PeerInfo c = NewPeer();
  for (const PeerInfo& peer : {a, b, c}) set_.Add(peer);
  set_.MarkLinked(a.id);
  set_.MarkUnlinked(b.id, /*failed=*/true, At(0));
  const PeerInfo d = NewPeer();
  set_.Add(d);
  EXPECT_EQ(set_.size(), 3u);
  EXPECT_EQ(set_.TakeNext(At(100))->id, c.id);
  EXPECT_EQ(set_.TakeNext(At(100))->id, d.id);
  // All three are linked: there is no room.
  set_.Add(NewPeer());
  EXPECT_FALSE(set_.TakeNext(At(100)).has_value());
}

}  // namespace
}  // namespace kraken::swarm
