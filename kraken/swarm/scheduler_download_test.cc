// What the engine asks of whom.
#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "kraken/swarm/fake_environment.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::swarm {
namespace {

using Log = FakeEnvironment::Log;
using Outcome = Scheduler::PieceOutcome;

TEST(SchedulerDownloadTest, SpreadsRequestsOverPeersAndKeepsTheirNumber) {
  FakeEnvironment fake{SwarmConfig()};
  const TorrentId id = fake.Add(20);
  const LinkId a = fake.Connect(1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(fake.RequestsOf(a).size(), 2u) << "max_requests_per_link";
  const LinkId b = fake.Connect(2, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(fake.RequestsOf(b).size(), 2u) << "min_requests in all";
  fake.Connect(3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(fake.engine().StatsOf(id).requests, 4);
  fake.Deliver(a, fake.RequestsOf(a)[0]);
  EXPECT_EQ(fake.engine().StatsOf(id).requests, 4);
  EXPECT_EQ(fake.engine().Have(id).count().value(), 1);
  fake.engine().CheckInvariants();
}

TEST(SchedulerDownloadTest, PrefersThePeerThatIsFree) {
  SwarmConfig config;
  config.min_requests = 1;
  FakeEnvironment fake(config);
  fake.Add(20);
  const LinkId busy = fake.Connect(1, {});
  const LinkId free = fake.Connect(2, {});
  constexpr uint32_t kBusyMicros = 100;  // Below the limit for asking at all.
  fake.Have(busy, {}, {kBusyMicros});
  for (int piece = 0; piece < 10; ++piece) {
    fake.Have(busy, {piece}, {kBusyMicros});
    if (piece == 0) fake.Deliver(busy, 0);
  }
  fake.Have(free, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {0});
  const std::vector<int> first = fake.RequestsOf(busy);
  if (!first.empty()) fake.Deliver(busy, first[0]);
  EXPECT_TRUE(fake.RequestsOf(busy).empty());
  EXPECT_EQ(fake.RequestsOf(free).size(), 1u);
}

TEST(SchedulerDownloadTest, AsksAnOriginLastForWhatAgentsHave) {
  SwarmConfig config;
  config.min_requests = 1;
  FakeEnvironment fake(config);
  fake.Add(9);
  const LinkId origin = fake.Connect(1, {0, 1, 2, 3, 4, 5, 6, 7}, /*origin=*/true);
  ASSERT_EQ(fake.RequestsOf(origin).size(), 1u) << "there is nobody else";
  const LinkId agent = fake.Connect(2, {0, 1, 2, 3, 4, 5, 6, 7});
  fake.Have(origin, {8});
  fake.Deliver(origin, fake.RequestsOf(origin)[0]);
  EXPECT_EQ(fake.RequestsOf(origin), std::vector<int>{8}) << "the rarest, which only it has";
  fake.Deliver(origin, 8);
  for (int more = 0; more < 5; ++more) {
    EXPECT_TRUE(fake.RequestsOf(origin).empty()) << "although it is sending to us already";
    ASSERT_EQ(fake.RequestsOf(agent).size(), 1u);
    fake.Deliver(agent, fake.RequestsOf(agent)[0]);
  }
  constexpr uint32_t kMinuteMicros = 60'000'000;
  ASSERT_EQ(fake.RequestsOf(agent).size(), 1u);
  fake.Have(agent, {}, {kMinuteMicros});
  fake.Deliver(agent, fake.RequestsOf(agent)[0]);
  EXPECT_EQ(fake.RequestsOf(origin).size(), 1u) << "the agent is busy";
}

TEST(SchedulerDownloadTest, WaitsForAPeerWhoseBacklogIsTooLong) {
  FakeEnvironment fake{SwarmConfig()};
  fake.Add(4);
  const LinkId link = fake.Connect(1, {});
  fake.Have(link, {0}, {60'000'000});
  EXPECT_TRUE(fake.Logged("request").empty());
  fake.Have(link, {}, {0});
  EXPECT_EQ(fake.RequestsOf(link), std::vector<int>{0});
}

TEST(SchedulerDownloadTest, AsksForTheRarestFirst) {
  SwarmConfig config;
  config.min_requests = 1;
  FakeEnvironment fake(config);
  fake.Add(8);
  const LinkId a = fake.Connect(1, {7});
  fake.Connect(2, {0, 1, 2, 3, 4});
  fake.Connect(3, {0, 1, 2, 3});
  fake.Connect(4, {0, 1, 2, 3, 4, 5});
  const LinkId all = fake.Connect(5, {0, 1, 2, 3, 4, 5});
  fake.engine().OnLinkClosed(a, absl::OkStatus());
  // Piece 7 went with its peer. Of the rest, 4 has three holders, 5 has two.
  std::vector<int> requested;
  for (uint32_t slot = 1; slot <= all.slot(); ++slot) {
    for (int piece : fake.RequestsOf(LinkId(slot, 1))) requested.push_back(piece);
  }
  ASSERT_EQ(requested.size(), 1u);
  EXPECT_GE(requested[0], 0);
}

TEST(SchedulerDownloadTest, InTheEndgameASecondPeerIsAskedAndTheLoserCancelled) {
  FakeEnvironment fake{SwarmConfig()};
  const TorrentId id = fake.Add(1);
  const LinkId a = fake.Connect(1, {0});
  const LinkId b = fake.Connect(2, {0});
  EXPECT_EQ(fake.RequestsOf(a), std::vector<int>{0});
  EXPECT_EQ(fake.RequestsOf(b), std::vector<int>{0});
  fake.Connect(3, {0});
  EXPECT_EQ(fake.engine().StatsOf(id).requests, 2) << "endgame_copies";
  fake.Deliver(b, 0);
  EXPECT_EQ(fake.Logged("cancel"), Log{"cancel 0/0"});
  EXPECT_EQ(fake.Logged("complete").size(), 1u);
}

TEST(SchedulerDownloadTest, ARequestThatTakesTooLongGoesToAnotherPeer) {
  SwarmConfig config;
  config.endgame_copies = 1;
  FakeEnvironment fake(config);
  fake.Add(1);
  const LinkId slow = fake.Connect(1, {0});
  const LinkId other = fake.Connect(2, {0});
  ASSERT_EQ(fake.RequestsOf(slow), std::vector<int>{0});
  fake.Advance(ToNanos(config.min_request_timeout) + kNanosPerSecond);
  EXPECT_EQ(fake.Logged("cancel"), Log{"cancel 0/0"});
  EXPECT_EQ(fake.RequestsOf(other), std::vector<int>{0});
  EXPECT_EQ(fake.engine().stats().request_timeouts, 1u);
  // It comes late, and is welcome all the same.
  fake.Deliver(slow, 0);
  EXPECT_EQ(fake.Logged("complete").size(), 1u);
}

TEST(SchedulerDownloadTest, ProgressKeepsARequestAlive) {
  SwarmConfig config;
  FakeEnvironment fake(config);
  fake.Add(1);
  const LinkId link = fake.Connect(1, {0});
  for (int i = 1; i <= 20; ++i) {
    fake.Advance(ToNanos(config.min_request_timeout) / 2);
    fake.engine().OnPieceProgress(link, PieceIndex(0), ByteCount(i));
  }
  EXPECT_EQ(fake.engine().stats().request_timeouts, 0u);
}

TEST(SchedulerDownloadTest, ACorruptPieceMeansParoleAndASecondOneABan) {
  FakeEnvironment fake{SwarmConfig()};
  const TorrentId id = fake.Add(40);
  std::vector<int> all;
  for (int i = 0; i < 40; ++i) all.push_back(i);
  const LinkId bad = fake.Connect(1, all);
  const LinkId good = fake.Connect(2, all);
  const std::vector<int> asked = fake.RequestsOf(bad);
  ASSERT_EQ(asked.size(), 2u);
  fake.Deliver(bad, asked[0], Outcome::kCorrupt);
  EXPECT_FALSE(fake.engine().Have(id).Has(PieceIndex(asked[0])));
  EXPECT_LE(fake.RequestsOf(bad).size(), 1u) << "one at a time on parole";
  EXPECT_TRUE(fake.Logged("ban").empty());
  fake.Deliver(bad, asked[1], Outcome::kCorrupt);
  EXPECT_EQ(fake.Logged("ban"), Log{"ban 10.0.0.1"});
  EXPECT_EQ(fake.Logged("close"), Log{"close 0 DATA_LOSS"});
  EXPECT_FALSE(fake.Connect(1, all).is_valid());
  EXPECT_TRUE(absl::IsPermissionDenied(fake.status()));
  EXPECT_GE(fake.RequestsOf(good).size(), 2u);
  fake.engine().CheckInvariants();
}

TEST(SchedulerDownloadTest, GoodPiecesEndParole) {
  SwarmConfig config;
  config.parole_pieces = 3;
  FakeEnvironment fake(config);
  fake.Add(40);
  std::vector<int> all;
  for (int i = 0; i < 40; ++i) all.push_back(i);
  const LinkId link = fake.Connect(1, all);
  fake.Deliver(link, fake.RequestsOf(link)[0], Outcome::kCorrupt);
  while (fake.RequestsOf(link).size() == 1) fake.Deliver(link, fake.RequestsOf(link)[0]);
  EXPECT_EQ(fake.RequestsOf(link).size(), 2u);
  fake.Deliver(link, fake.RequestsOf(link)[0], Outcome::kCorrupt);
  EXPECT_TRUE(fake.Logged("ban").empty()) << "that was the first again";
}

TEST(SchedulerDownloadTest, APieceThatCouldNotBeWrittenIsNobodysFault) {
  FakeEnvironment fake{SwarmConfig()};
  fake.Add(4);
  const LinkId link = fake.Connect(1, {0, 1, 2, 3});
  for (int i = 0; i < 2; ++i) fake.Deliver(link, fake.RequestsOf(link)[0], Outcome::kLocalError);
  EXPECT_TRUE(fake.RequestsOf(link).empty()) << "a pause";
  fake.Advance(2 * kNanosPerSecond);
  EXPECT_EQ(fake.RequestsOf(link).size(), 2u);
  EXPECT_TRUE(fake.Logged("ban").empty());
}

TEST(SchedulerDownloadTest, ALinkThatClosesGivesItsRequestsToOthers) {
  SwarmConfig config;
  config.endgame_copies = 1;
  FakeEnvironment fake(config);
  fake.Add(2);
  const LinkId a = fake.Connect(1, {0, 1});
  const LinkId b = fake.Connect(2, {0, 1});
  ASSERT_EQ(fake.RequestsOf(a).size(), 2u);
  fake.engine().OnLinkClosed(a, absl::UnavailableError("gone"));
  EXPECT_EQ(fake.RequestsOf(b).size(), 2u);
}

TEST(SchedulerDownloadTest, APeerThatRefusesIsLeftAloneForAWhile) {
  SwarmConfig config;
  config.endgame_copies = 1;
  FakeEnvironment fake(config);
  fake.Add(1);
  const LinkId a = fake.Connect(1, {0});
  fake.engine().OnReject(a, PieceIndex(0));
  EXPECT_EQ(fake.Logged("request").size(), 1u);
  fake.Advance(3 * kNanosPerSecond);
  EXPECT_EQ(fake.Logged("request").size(), 2u);
}

TEST(SchedulerDownloadTest, IndexesOutOfRangeCloseTheLinkAndNothingElse) {
  for (int bad : {-1, 4, 1 << 30}) {
    for (int kind = 0; kind < 6; ++kind) {
      FakeEnvironment fake{SwarmConfig()};
      fake.Add(4);
      const LinkId link = fake.Connect(1, {0});
      const LinkId other = fake.Connect(2, {1});
      const PieceIndex piece(bad);
      Scheduler& engine = fake.engine();
      if (kind == 0) engine.OnHave(link, {PieceIndex(2), piece}, {});
      if (kind == 1) engine.OnRequest(link, piece);
      if (kind == 2) engine.OnCancel(link, piece);
      if (kind == 3) engine.OnReject(link, piece);
      if (kind == 4) engine.OnPieceProgress(link, piece, ByteCount(1));
      if (kind == 5) engine.OnPieceReceived(link, piece, Outcome::kVerified, ByteCount(1));
      EXPECT_EQ(fake.Logged("close"), Log{"close 0 INVALID_ARGUMENT"}) << kind;
      EXPECT_EQ(engine.stats().protocol_errors, 1u);
      engine.CheckInvariants();
      fake.Deliver(other, 1);
    }
  }
}

TEST(SchedulerDownloadTest, APieceNobodyAskedForCountsIfItChecks) {
  FakeEnvironment fake{SwarmConfig()};
  const TorrentId id = fake.Add(4);
  const LinkId link = fake.Connect(1, {});
  fake.Deliver(link, 3);
  EXPECT_TRUE(fake.engine().Have(id).Has(PieceIndex(3)));
  fake.Deliver(link, 3);
  EXPECT_EQ(fake.engine().stats().pieces_redundant, 1u);
}

// Two torrents of 64 KiB pieces, each with a peer that has all; 1 MiB a second for both.
class DownloadLimitTest : public ::testing::Test {
 protected:
  static constexpr int kPieces = 64;

  DownloadLimitTest()
      : fake_([] {
          SwarmConfig config;
          config.download_limit = 1 << 20;
          return config;
        }()) {
    std::vector<int> all;
    for (int piece = 0; piece < kPieces; ++piece) all.push_back(piece);
    for (int i = 0; i < 2; ++i) {
      fake_.SwitchTorrent(i);
      torrents_[i] = fake_.Add(kPieces);
      links_[i] = fake_.Connect(1, all);
    }
  }

  // Everything that is asked for comes at once.
  void Run(int millis) {
    for (int i = 0; i < millis; ++i) {
      fake_.Advance(kNanosPerMilli);
      for (LinkId link : links_) {
        for (int piece : fake_.RequestsOf(link)) {
          fake_.Deliver(link, piece);
          ++received_[link == links_[0] ? 0 : 1];
        }
      }
    }
    fake_.engine().CheckInvariants();
  }

  FakeEnvironment fake_;
  TorrentId torrents_[2];
  LinkId links_[2];
  int received_[2] = {0, 0};
};

TEST_F(DownloadLimitTest, TorrentsTakeTurnsAtTheRate) {
  Run(1000);
  EXPECT_NEAR(received_[0] + received_[1], 17, 1) << "a second's worth, and the burst";
  EXPECT_NEAR(received_[0], received_[1], 1);
}

TEST_F(DownloadLimitTest, WhatIsReadGoesFirst) {
  ASSERT_TRUE(fake_.engine().AddReader(torrents_[1], ByteOffset(0)).ok());
  Run(1000);
  EXPECT_GE(received_[1], 15);
  EXPECT_LE(received_[0], 2);
}

TEST_F(DownloadLimitTest, WhatIsRefusedCountsForNothing) {
  const auto asked = [this] {
    return fake_.RequestsOf(links_[0]).size() + fake_.RequestsOf(links_[1]).size();
  };
  ASSERT_EQ(fake_.RequestsOf(links_[0]).size(), 1u);
  ASSERT_EQ(asked(), 1u) << "the burst";
  fake_.Reject(links_[0], fake_.RequestsOf(links_[0])[0]);
  EXPECT_EQ(asked(), 0u);
  fake_.Advance(0);
  EXPECT_EQ(fake_.RequestsOf(links_[1]).size(), 1u) << "the other's turn";
}

// Two torrents of eight pieces, each with four peers that have all.
class BackgroundTest : public ::testing::Test {
 protected:
  BackgroundTest() {
    for (size_t i = 0; i < 2; ++i) {
      fake_.SwitchTorrent(static_cast<int>(i));
      torrents_[i] = fake_.Add(8);
      for (int peer = 1; peer <= 4; ++peer) {
        links_[i].push_back(fake_.Connect(peer, {0, 1, 2, 3, 4, 5, 6, 7}));
      }
    }
  }

  // One piece of the torrent that was asked for comes.
  void DeliverOne(size_t torrent) {
    for (LinkId link : links_[torrent]) {
      const std::vector<int> asked = fake_.RequestsOf(link);
      if (!asked.empty()) return fake_.Deliver(link, asked[0]);
    }
    ADD_FAILURE() << "nothing was asked for";
  }
  int Requests(size_t torrent) { return fake_.engine().StatsOf(torrents_[torrent]).requests; }

  FakeEnvironment fake_{SwarmConfig()};
  TorrentId torrents_[2];
  std::vector<LinkId> links_[2];
};

TEST_F(BackgroundTest, WithoutClientsAllAreEqual) {
  EXPECT_EQ(Requests(0), 4);
  EXPECT_EQ(Requests(1), 4);
}

TEST_F(BackgroundTest, WhatNobodyReadsYieldsUntilTheClientHasAll) {
  ASSERT_TRUE(fake_.engine().AddReader(torrents_[1], ByteOffset(0)).ok());
  for (int left = 3; left >= 1; --left) {
    DeliverOne(0);
    EXPECT_EQ(Requests(0), left);
  }
  DeliverOne(0);
  EXPECT_EQ(Requests(0), 1) << "it does not starve";
  for (int piece = 0; piece < 8; ++piece) {
    EXPECT_EQ(Requests(0), 1);
    DeliverOne(1);
  }
  EXPECT_TRUE(fake_.engine().StatsOf(torrents_[1]).complete);
  EXPECT_EQ(Requests(0), 4) << "at once, not at the next maintenance";
  fake_.engine().CheckInvariants();
}

TEST_F(BackgroundTest, AClientThatTakesNothingHoldsNothingBack) {
  const absl::StatusOr<ReaderId> reader = fake_.engine().AddReader(torrents_[1], ByteOffset(0));
  ASSERT_TRUE(reader.ok());
  for (int i = 0; i < 4; ++i) DeliverOne(0);
  EXPECT_EQ(Requests(0), 1);
  fake_.engine().SuspendReader(*reader);
  EXPECT_EQ(Requests(0), 4);
}

TEST_F(BackgroundTest, AClientThatGoesAwayHoldsNothingBack) {
  const absl::StatusOr<ReaderId> reader = fake_.engine().AddReader(torrents_[1], ByteOffset(0));
  ASSERT_TRUE(reader.ok());
  for (int i = 0; i < 4; ++i) DeliverOne(0);
  EXPECT_EQ(Requests(0), 1);
  fake_.engine().RemoveReader(*reader);
  EXPECT_EQ(Requests(0), 4);
  EXPECT_EQ(Requests(1), 4) << "it goes on";
}

}  // namespace
}  // namespace kraken::swarm
