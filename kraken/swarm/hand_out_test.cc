#include "kraken/swarm/hand_out.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::swarm {
namespace {

constexpr int64_t kSecond = kNanosPerSecond;
constexpr TorrentKey kKey{Digest(), ByteCount(1 << 20)};

class HandOutTest : public testing::Test {
 protected:
  PeerInfo NewPeer(uint16_t zone = 0, bool origin = false) {
    PeerInfo peer;
    peer.id = PeerId::Random(random_);
    peer.zone = zone;
    peer.origin = origin;
    return peer;
  }

  AnnounceAnswer Announce(const PeerInfo& peer, int want, int have = 0,
                          AnnounceEvent event = AnnounceEvent::kJoin) {
    AnnounceRecord record;
    record.key = kKey;
    record.event = event;
    record.have = PieceCount(have);
    record.piece_count = PieceCount(10);
    record.want_peers = want;
    record.origin = peer.origin;
    return hand_out_.Announce(Instant::FromNanos(now_), peer, record);
  }

  SeededBitGen random_{1};
  HandOut hand_out_{HandOutConfig(), &random_};
  int64_t now_ = kSecond;
};

TEST_F(HandOutTest, NeverHandsAPeerToItselfNorTwice) {
  std::vector<PeerInfo> peers;
  for (int i = 0; i < 30; ++i) {
    peers.push_back(NewPeer());
    Announce(peers.back(), 0);
  }
  for (const PeerInfo& peer : peers) {
    const AnnounceAnswer answer = Announce(peer, 20);
    absl::flat_hash_set<PeerId> seen{peer.id};
    for (const PeerInfo& other : answer.peers) EXPECT_TRUE(seen.insert(other.id).second);
    EXPECT_EQ(answer.peers.size(), 20u);
  }
}

TEST_F(HandOutTest, InASmallSwarmEverybodyIsHandedOut) {
  std::vector<PeerInfo> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(NewPeer());
    Announce(peers.back(), 0, i == 0 ? 10 : 0);
  }
  for (int i = 1; i < 5; ++i) {
    EXPECT_EQ(Announce(peers[static_cast<size_t>(i)], 20).peers.size(), 4u);
  }
}

TEST_F(HandOutTest, CompletePeersComeFirstThenOriginsThenOthers) {
  const PeerInfo origin = NewPeer(0, /*origin=*/true);
  Announce(origin, 0, 10, AnnounceEvent::kComplete);
  const PeerInfo complete = NewPeer();
  Announce(complete, 0, 10, AnnounceEvent::kComplete);
  for (int i = 0; i < 10; ++i) Announce(NewPeer(), 0);
  const AnnounceAnswer answer = Announce(NewPeer(), 8);
  ASSERT_EQ(answer.peers.size(), 8u);
  EXPECT_EQ(answer.peers[0].id, complete.id);
  EXPECT_TRUE(answer.peers[0].complete);
  EXPECT_EQ(answer.peers[1].id, origin.id);
}

TEST_F(HandOutTest, LeechersKnowLeechersHoweverManyAreComplete) {
  for (int i = 0; i < 50; ++i) Announce(NewPeer(), 0, 10, AnnounceEvent::kComplete);
  for (int i = 0; i < 50; ++i) Announce(NewPeer(), 0);
  const AnnounceAnswer answer = Announce(NewPeer(), 20);
  const auto complete = std::count_if(answer.peers.begin(), answer.peers.end(),
                                      [](const PeerInfo& peer) { return peer.complete; });
  EXPECT_EQ(complete, 10);
  EXPECT_EQ(answer.peers.size(), 20u);
}

TEST_F(HandOutTest, ACompletePeerGetsNobody) {
  Announce(NewPeer(), 0);
  EXPECT_TRUE(Announce(NewPeer(), 20, 10, AnnounceEvent::kComplete).peers.empty());
}

TEST_F(HandOutTest, AnOriginThatSaysNothingOfPiecesIsCompleteOnlyWhenItSaysSo) {
  PeerInfo origin = NewPeer(0, /*origin=*/true);
  AnnounceRecord record;
  record.key = kKey;
  record.origin = true;
  record.event = AnnounceEvent::kProgress;
  hand_out_.Announce(Instant::FromNanos(now_), origin, record);
  AnnounceAnswer answer = Announce(NewPeer(), 20);
  ASSERT_EQ(answer.peers.size(), 1u);
  EXPECT_FALSE(answer.peers[0].complete);
  record.event = AnnounceEvent::kComplete;
  hand_out_.Announce(Instant::FromNanos(now_), origin, record);
  EXPECT_TRUE(Announce(NewPeer(), 1).peers[0].complete);
}

TEST_F(HandOutTest, APeerWhoseLeaseRanOutIsHandedOutToNobodyAndForgotten) {
  const PeerInfo stays = NewPeer();
  const PeerInfo dies = NewPeer();
  Announce(stays, 0);
  Announce(dies, 0);
  for (int i = 0; i < 8; ++i) {
    now_ += 5 * kSecond;
    Announce(stays, 0, 1, AnnounceEvent::kProgress);
    hand_out_.Sweep(Instant::FromNanos(now_));
  }
  EXPECT_EQ(hand_out_.entry_count(), 1u);
  const AnnounceAnswer answer = Announce(NewPeer(), 20);
  ASSERT_EQ(answer.peers.size(), 1u);
  EXPECT_EQ(answer.peers[0].id, stays.id);
  now_ += 100 * kSecond;
  EXPECT_TRUE(Announce(NewPeer(), 20).peers.empty()) << "even before a sweep";
  hand_out_.Sweep(Instant::FromNanos(now_));
  now_ += 100 * kSecond;
  hand_out_.Sweep(Instant::FromNanos(now_));
  EXPECT_EQ(hand_out_.swarm_count(), 0u);
}

TEST_F(HandOutTest, APeerThatLeavesIsForgottenAtOnce) {
  const PeerInfo peer = NewPeer();
  Announce(peer, 0);
  Announce(peer, 0, 0, AnnounceEvent::kLeave);
  EXPECT_EQ(hand_out_.entry_count(), 0u);
  EXPECT_EQ(hand_out_.swarm_count(), 0u);
  hand_out_.Forget(kKey, peer.id);
}

TEST_F(HandOutTest, MostAreNearAndAFewAreFar) {
  for (int i = 0; i < 300; ++i) Announce(NewPeer(static_cast<uint16_t>(1 + i % 3)), 0);
  int near = 0;
  int far = 0;
  for (int i = 0; i < 50; ++i) {
    for (const PeerInfo& peer : Announce(NewPeer(1), 20).peers) ++(peer.zone == 1 ? near : far);
  }
  EXPECT_GT(near, 2 * far);
  EXPECT_GT(far, near / 10);
}

TEST_F(HandOutTest, ThoseWhoGotTooFewAreToldOfNewcomers) {
  const PeerInfo first = NewPeer();
  EXPECT_TRUE(Announce(first, 3).peers.empty());
  const PeerInfo second = NewPeer();
  const AnnounceAnswer answer = Announce(second, 3);
  ASSERT_EQ(answer.peers.size(), 1u);
  EXPECT_TRUE(answer.pushes.empty()) << "the newcomer was told of the first, and dials";
  const AnnounceAnswer third = Announce(NewPeer(), 0);
  EXPECT_EQ(third.pushes.size(), 2u);
  std::set<PeerId> recipients;
  for (const PeerPush& push : third.pushes) recipients.insert(push.recipient);
  EXPECT_EQ(recipients, (std::set<PeerId>{first.id, second.id}));
  const AnnounceAnswer fourth = Announce(NewPeer(), 0);
  EXPECT_EQ(fourth.pushes.size(), 2u);
  EXPECT_TRUE(Announce(NewPeer(), 0).pushes.empty()) << "both have had what they wanted";
}

TEST_F(HandOutTest, APeerThatComesAndGoesIsToldOfANewcomerOnce) {
  const PeerInfo flighty = NewPeer();
  for (int i = 0; i < 10; ++i) {
    Announce(flighty, 3);
    Announce(flighty, 0, 0, AnnounceEvent::kLeave);
  }
  Announce(flighty, 3);
  EXPECT_EQ(Announce(NewPeer(), 0).pushes.size(), 1u);
}

TEST_F(HandOutTest, WhatAPeerSaysOfItselfHoldsInAllItsSwarms) {
  PeerInfo moved = NewPeer();
  moved.ip = "10.0.0.1";
  Announce(moved, 0, 10, AnnounceEvent::kComplete);
  AnnounceRecord elsewhere;
  elsewhere.key = {Digest(), ByteCount(2 << 20)};
  moved.ip = "10.0.0.2";
  hand_out_.Announce(Instant::FromNanos(now_), moved, elsewhere);
  const AnnounceAnswer answer = Announce(NewPeer(), 1);
  ASSERT_EQ(answer.peers.size(), 1u);
  EXPECT_EQ(answer.peers[0].ip, "10.0.0.2");
  EXPECT_TRUE(answer.peers[0].complete) << "complete in one swarm, and not in the other";
}

// A peer has two leases: its own, which any word of it renews, and one of each torrent.
TEST_F(HandOutTest, AQuietPeerStaysWhileItIsHeardOf) {
  const PeerInfo quiet = NewPeer();
  const PeerInfo silent = NewPeer();
  Announce(quiet, 0);
  Announce(silent, 0);
  while (now_ < 200 * kSecond) {
    now_ += 5 * kSecond;
    hand_out_.Renew(Instant::FromNanos(now_), quiet.id);
    hand_out_.Sweep(Instant::FromNanos(now_));
  }
  const AnnounceAnswer answer = Announce(NewPeer(), 20);
  ASSERT_EQ(answer.peers.size(), 1u);
  EXPECT_EQ(answer.peers[0].id, quiet.id);
}

TEST_F(HandOutTest, WhatALivingPeerAnnouncesNoMoreIsForgotten) {
  const PeerInfo peer = NewPeer();
  Announce(peer, 0);
  while (now_ < 310 * kSecond) {
    now_ += 5 * kSecond;
    hand_out_.Renew(Instant::FromNanos(now_), peer.id);
    hand_out_.Sweep(Instant::FromNanos(now_));
  }
  EXPECT_EQ(hand_out_.entry_count(), 0u);
}

// Peers that join, renew, leave, break off and fall silent at random: exactly those that are there
// are known, and nobody else is handed out.
TEST_F(HandOutTest, KnowsExactlyWhoIsThere) {
  constexpr size_t kPeers = 20;
  constexpr uint64_t kSwarms = 4;
  constexpr int64_t kLease = 15 * kSecond;
  constexpr int64_t kEntryLease = 40 * kSecond;
  HandOut hand_out({.lease = absl::Seconds(15), .entry_lease = absl::Seconds(40)}, &random_);
  std::vector<PeerInfo> peers(kPeers);
  for (PeerInfo& peer : peers) peer = NewPeer();
  std::map<PeerId, int64_t> heard;
  std::map<std::pair<TorrentKey, PeerId>, int64_t> announced;
  const auto is_there = [&](const TorrentKey& key, const PeerId& id) {
    auto entry = announced.find({key, id});
    return entry != announced.end() && entry->second + kEntryLease > now_ &&
           heard[id] + kLease > now_;
  };
  for (int step = 0; step < 20'000; ++step) {
    const PeerInfo& peer = peers[random_.Uniform(kPeers)];
    AnnounceRecord record;
    record.key = {Digest(), ByteCount(static_cast<int64_t>(1 + random_.Uniform(kSwarms)))};
    record.event = random_.Bernoulli(0.3) ? AnnounceEvent::kLeave : AnnounceEvent::kProgress;
    record.want_peers = static_cast<int32_t>(random_.Uniform(4));
    if (random_.Bernoulli(0.3)) {
      hand_out.Renew(Instant::FromNanos(now_), peer.id);
      heard[peer.id] = now_;
    } else if (random_.Bernoulli(0.02)) {
      hand_out.Forget(peer.id);
      std::erase_if(announced, [&](const auto& entry) { return entry.first.second == peer.id; });
    } else {
      for (const PeerInfo& other :
           hand_out.Announce(Instant::FromNanos(now_), peer, record).peers) {
        ASSERT_TRUE(is_there(record.key, other.id)) << "step " << step;
      }
      if (record.event == AnnounceEvent::kLeave) {
        announced.erase({record.key, peer.id});
      } else {
        announced[{record.key, peer.id}] = now_;
        heard[peer.id] = now_;
      }
    }
    now_ += static_cast<int64_t>(random_.Uniform(kSecond));
    hand_out.Sweep(Instant::FromNanos(now_));
    // What has run out does not come back to life.
    std::erase_if(announced, [&](const auto& entry) {
      return !is_there(entry.first.first, entry.first.second);
    });
    std::set<TorrentKey> swarms;
    for (const auto& [who, when] : announced) swarms.insert(who.first);
    ASSERT_EQ(hand_out.entry_count(), announced.size()) << "step " << step;
    ASSERT_EQ(hand_out.swarm_count(), swarms.size()) << "step " << step;
  }
}

// What the engine makes of the answers, roughly: a link to each. One connected graph, no host with
// a multiple of the others' links.
TEST_F(HandOutTest, TheGraphIsConnectedAndEven) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SeededBitGen random(seed);
    HandOut hand_out(HandOutConfig(), &random);
    constexpr int kPeers = 1'000;
    std::map<PeerId, std::vector<PeerId>> links;
    for (int i = 0; i < kPeers; ++i) {
      PeerInfo peer;
      peer.id = PeerId::Random(random);
      AnnounceRecord record;
      record.key = kKey;
      record.piece_count = PieceCount(10);
      record.want_peers = 10;
      links[peer.id];
      for (const PeerInfo& other : hand_out.Announce(Instant::FromNanos(i), peer, record).peers) {
        links[peer.id].push_back(other.id);
        links[other.id].push_back(peer.id);
      }
    }
    std::vector<PeerId> frontier{links.begin()->first};
    std::set<PeerId> reached{links.begin()->first};
    size_t most = 0;
    while (!frontier.empty()) {
      const PeerId peer = frontier.back();
      frontier.pop_back();
      most = std::max(most, links[peer].size());
      for (const PeerId& other : links[peer]) {
        if (reached.insert(other).second) frontier.push_back(other);
      }
    }
    EXPECT_EQ(reached.size(), static_cast<size_t>(kPeers)) << seed;
    EXPECT_LT(most, 60u) << seed;
  }
}

}  // namespace
}  // namespace kraken::swarm
