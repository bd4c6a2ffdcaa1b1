// What others get: pieces, and word of pieces.
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "kraken/swarm/fake_environment.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::swarm {
namespace {

using Log = FakeEnvironment::Log;

PieceIndex P(int piece) { return PieceIndex(piece); }

std::vector<int> AllOf(int pieces) {
  std::vector<int> all;
  all.reserve(static_cast<size_t>(pieces));
  for (int i = 0; i < pieces; ++i) all.push_back(i);
  return all;
}

SwarmConfig TwoSlots() {
  SwarmConfig config;
  config.upload_slots = 2;
  return config;
}

TEST(SchedulerUploadTest, SendsAsManyPiecesAtATimeAsItHasSlotsEachToItsEnd) {
  FakeEnvironment fake{TwoSlots()};
  fake.Add(4, {0, 1, 2, 3});
  const LinkId a = fake.Connect(1, {});
  const LinkId b = fake.Connect(2, {});
  fake.engine().OnRequest(a, P(0));
  fake.engine().OnRequest(b, P(1));
  fake.engine().OnRequest(a, P(2));
  fake.engine().OnRequest(a, P(2));
  EXPECT_EQ(fake.Logged("upload"), (Log{"upload 0/0", "upload 1/1"}));
  fake.engine().OnUploadDone(b, P(1));
  EXPECT_EQ(fake.Logged("upload").back(), "upload 0/2");
  fake.engine().OnUploadDone(a, P(0));
  fake.engine().OnUploadDone(a, P(2));
  EXPECT_EQ(fake.Logged("upload").size(), 3u) << "asked for twice, sent once";
  EXPECT_EQ(fake.engine().stats().uploads_done, 3u);
}

TEST(SchedulerUploadTest, RefusesWhatIsNotHereAndMoreThanTheLimit) {
  SwarmConfig config;
  config.max_queued_requests_per_link = 2;
  FakeEnvironment fake(config);
  fake.Add(5, {0, 1, 2, 3});
  const LinkId link = fake.Connect(1, {});
  fake.engine().OnRequest(link, P(4));
  EXPECT_EQ(fake.Logged("reject"), Log{"reject 0/4"});
  for (int piece = 0; piece < 4; ++piece) fake.engine().OnRequest(link, P(piece));
  EXPECT_EQ(fake.Logged("reject").size(), 3u);
}

TEST(SchedulerUploadTest, ACancelledRequestFreesItsPlace) {
  FakeEnvironment fake{TwoSlots()};
  fake.Add(4, {0, 1, 2, 3});
  const LinkId link = fake.Connect(1, {});
  for (int piece = 0; piece < 4; ++piece) fake.engine().OnRequest(link, P(piece));
  fake.engine().OnCancel(link, P(2));
  fake.engine().OnCancel(link, P(0));
  EXPECT_EQ(fake.Logged("stop"), Log{"stop 0/0"});
  fake.engine().OnUploadDone(link, P(0));
  EXPECT_EQ(fake.Logged("upload").back(), "upload 0/3");
  fake.engine().CheckInvariants();
}

TEST(SchedulerUploadTest, ALinkThatClosesFreesItsSlots) {
  FakeEnvironment fake{TwoSlots()};
  fake.Add(4, {0, 1, 2, 3});
  const LinkId a = fake.Connect(1, {});
  const LinkId b = fake.Connect(2, {});
  fake.engine().OnRequest(a, P(0));
  fake.engine().OnRequest(a, P(1));
  fake.engine().OnRequest(b, P(2));
  fake.engine().OnLinkClosed(a, absl::UnavailableError("gone"));
  EXPECT_EQ(fake.Logged("upload").back(), "upload 1/2");
}

TEST(SchedulerUploadTest, ATorrentThatIsRemovedServesNobodyAnyMore) {
  FakeEnvironment fake{TwoSlots()};
  const TorrentId id = fake.Add(4, {0, 1, 2, 3});
  for (int peer = 1; peer <= 3; ++peer) {
    const LinkId link = fake.Connect(peer, {});
    for (int piece = 0; piece < 3; ++piece) fake.engine().OnRequest(link, P(piece));
  }
  fake.TakeLog();
  ASSERT_TRUE(fake.engine().RemoveTorrent(id, absl::DataLossError("revoked")).ok());
  EXPECT_EQ(fake.Logged("upload"), Log());
  EXPECT_EQ(fake.Logged("close").size(), 3u);
}

TEST(SchedulerUploadTest, HavesGoToAllPeersAndWaitNoLongerThanTheLimit) {
  SwarmConfig config;
  FakeEnvironment fake(config);
  fake.Add(8);
  const LinkId a = fake.Connect(1, {0, 1, 2, 3, 4, 5});
  fake.Connect(2, {});
  fake.TakeLog();
  fake.Deliver(a, 0);
  EXPECT_EQ(fake.Logged("have"), (Log{"have 0/0", "have 1/0"})) << "the first at once";
  fake.Deliver(a, 1);
  fake.Deliver(a, 2);
  EXPECT_EQ(fake.Logged("have").size(), 2u);
  fake.Advance(ToNanos(config.have_batch_delay));
  EXPECT_EQ(fake.Logged("have").size(), 4u);
  EXPECT_EQ(fake.Logged("have").back(), "have 1/1,2") << "the others together";
}

TEST(SchedulerUploadTest, ACompletePeerIsNotToldOfPieces) {
  FakeEnvironment fake{SwarmConfig()};
  fake.Add(3);
  const LinkId seed = fake.Connect(1, {0, 1, 2});
  fake.TakeLog();
  fake.Deliver(seed, 0);
  EXPECT_TRUE(fake.Logged("have").empty());
}

TEST(SchedulerUploadTest, ASeederThatIsBusySaysSoButNotWithEachRequest) {
  FakeEnvironment fake{TwoSlots()};
  fake.Add(60, AllOf(60));
  const LinkId link = fake.Connect(1, {});
  fake.TakeLog();
  for (int piece = 0; piece < 60; ++piece) fake.engine().OnRequest(link, P(piece));
  fake.Advance(kNanosPerSecond / 10);
  EXPECT_GE(fake.Logged("have").size(), 1u);
  EXPECT_LE(fake.Logged("have").size(), 5u);
  fake.TakeLog();
  for (int piece = 0; piece < 60; ++piece) fake.engine().OnUploadDone(link, P(piece));
  fake.Advance(kNanosPerSecond / 10);
  EXPECT_EQ(fake.Logged("upload").size(), 58u);
}

// The pieces named to each link, from the log.
std::vector<int> PiecesNamed(const Log& log) {
  std::vector<int> pieces;
  for (const std::string& entry : log) {
    const std::vector<std::string> halves = absl::StrSplit(entry, '/');
    const std::vector<std::string> numbers = absl::StrSplit(halves[1], ',');
    for (const std::string& number : numbers) {
      int piece = -1;
      if (absl::SimpleAtoi(number, &piece)) pieces.push_back(piece);
    }
  }
  return pieces;
}

SwarmConfig SuperSeedConfig() {
  SwarmConfig config = OriginSwarmConfig();
  config.super_seed_window = 3;
  config.super_seed_open_peers = 0;
  return config;
}

TEST(SchedulerUploadTest, AnOriginTellsTheFirstPeersOfEverything) {
  SwarmConfig config = SuperSeedConfig();
  config.super_seed_open_peers = 2;
  FakeEnvironment fake(config, /*origin=*/true);
  const TorrentId id = fake.Add(4, {0, 1, 2});
  for (int peer = 1; peer <= 3; ++peer) fake.Connect(peer, {});
  EXPECT_EQ(fake.Logged("accept"), (Log{"accept 1 3", "accept 2 3", "accept 3 0"}));
  fake.TakeLog();
  ASSERT_TRUE(fake.engine().OnLocalPiece(id, P(3)).ok());
  fake.Advance(ToNanos(config.have_batch_delay));
  EXPECT_EQ(fake.Logged("have 0"), Log{"have 0/3"});
  EXPECT_EQ(fake.Logged("have 1"), Log{"have 1/3"});
}

TEST(SchedulerUploadTest, InASwarmThatIsNoLongerSmallNobodyIsToldOfEveryPiece) {
  SwarmConfig config = SuperSeedConfig();
  config.super_seed_open_peers = 1;
  config.super_seed_small_swarm = 2;
  FakeEnvironment fake(config, /*origin=*/true);
  const TorrentId id = fake.Add(6);
  const auto told = [&](PieceIndex piece) {
    fake.TakeLog();
    EXPECT_TRUE(fake.engine().OnLocalPiece(id, piece).ok());
    fake.Advance(ToNanos(config.have_batch_delay));
    return fake.Logged("have").size();
  };
  fake.Connect(1, {});
  fake.Connect(2, {});
  EXPECT_EQ(told(P(0)), 2u) << "the first peer, and one to which it is named";
  fake.Connect(3, {});
  EXPECT_EQ(told(P(1)), 1u) << "one of all";
}

TEST(SchedulerUploadTest, APieceThatWasAskedForUntoldIsNotNamed) {
  SwarmConfig config = SuperSeedConfig();
  config.super_seed_open_peers = 1;
  FakeEnvironment fake(config, /*origin=*/true);
  fake.Add(2, {0, 1});
  const LinkId first = fake.Connect(1, {});
  fake.engine().OnRequest(first, P(0));
  fake.Connect(2, {});
  EXPECT_EQ(fake.Logged("have 1"), Log{"have 1/1"});
}

// Else the one that copies asks at random, and the other names at random what it has sent already.
TEST(SchedulerUploadTest, OriginsTellEachOtherEverythingAndAgentsTheSameAsWithoutThem) {
  FakeEnvironment fake(SuperSeedConfig(), /*origin=*/true);
  const TorrentId id = fake.Add(3, {0, 1});
  const LinkId copier = fake.Connect(1, {}, /*origin=*/true);
  EXPECT_EQ(fake.Logged("accept"), Log{"accept 1 2"});
  fake.Have(copier, {0, 1});
  // What the other origin has is no copy that agents can get from each other.
  fake.Connect(2, {});
  std::set<int> named;
  for (int piece : PiecesNamed(fake.Logged("have 1"))) named.insert(piece);
  EXPECT_EQ(named, (std::set<int>{0, 1}));
  fake.TakeLog();
  ASSERT_TRUE(fake.engine().OnLocalPiece(id, P(2)).ok());
  fake.Advance(10 * kNanosPerMilli);
  EXPECT_EQ(fake.Logged("have 0"), Log{"have 0/2"});
  fake.engine().OnLinkClosed(copier, absl::UnavailableError("gone"));
  fake.engine().CheckInvariants();
}

TEST(SchedulerUploadTest, AnOriginSendsEachPieceOnceBeforeAnyTwice) {
  FakeEnvironment fake(SuperSeedConfig(), /*origin=*/true);
  constexpr int kPieces = 12;
  fake.Add(kPieces, AllOf(kPieces));
  const LinkId a = fake.Connect(1, {});
  const LinkId b = fake.Connect(2, {});
  EXPECT_EQ(fake.Logged("accept"), (Log{"accept 1 0", "accept 2 0"})) << "shows nothing at first";
  std::set<int> sent;
  std::set<std::string> answered;
  for (bool more = true; more;) {
    more = false;
    for (const std::string& entry : fake.Logged("have")) {
      if (!answered.insert(entry).second) continue;
      more = true;
      const int piece = PiecesNamed({entry})[0];
      EXPECT_TRUE(sent.insert(piece).second) << "named twice";
      const LinkId link = entry[5] == '0' ? a : b;
      fake.engine().OnRequest(link, P(piece));
      fake.engine().OnUploadDone(link, P(piece));
      fake.Have(link, {piece});
    }
  }
  EXPECT_EQ(sent.size(), static_cast<size_t>(kPieces));
  fake.engine().CheckInvariants();
}

TEST(SchedulerUploadTest, AnOriginNamesAPieceThatWasNotAskedForToAnother) {
  SwarmConfig config = SuperSeedConfig();
  FakeEnvironment fake(config, /*origin=*/true);
  fake.Add(1, {0});
  fake.Connect(1, {});
  EXPECT_EQ(fake.Logged("have"), Log{"have 0/0"});
  fake.Connect(2, {});
  for (int i = 0; i < 30 && fake.Logged("have 1").empty(); ++i) {
    fake.Advance(ToNanos(config.super_seed_patience));
  }
  EXPECT_FALSE(fake.Logged("have 1").empty());
}

TEST(SchedulerUploadTest, AnOriginTellsAStarvingPeerOfEverything) {
  SwarmConfig config = SuperSeedConfig();
  FakeEnvironment fake(config, /*origin=*/true);
  fake.Add(6, AllOf(6));
  const LinkId fed = fake.Connect(1, {});
  fake.Connect(2, {});
  fake.Have(fed, AllOf(5));
  fake.TakeLog();
  fake.Advance(4 * kNanosPerSecond);
  std::set<int> named;
  for (int piece : PiecesNamed(fake.Logged("have 1"))) named.insert(piece);
  EXPECT_EQ(named.size(), 6u);
}

TEST(SchedulerUploadTest, AnOriginSeedsABlobThatIsStillArriving) {
  FakeEnvironment fake(SuperSeedConfig(), /*origin=*/true);
  const TorrentId id = fake.Add(3);
  const LinkId link = fake.Connect(1, {});
  EXPECT_TRUE(fake.Logged("have").empty());
  ASSERT_TRUE(fake.engine().OnLocalPiece(id, P(1)).ok());
  EXPECT_EQ(fake.Logged("have"), Log{"have 0/1"});
  fake.engine().OnRequest(link, P(1));
  EXPECT_EQ(fake.Logged("upload"), Log{"upload 0/1"});
  ASSERT_TRUE(fake.engine().OnLocalPiece(id, P(0)).ok());
  ASSERT_TRUE(fake.engine().OnLocalPiece(id, P(2)).ok());
  EXPECT_EQ(fake.Logged("announce complete").size(), 1u);
  EXPECT_TRUE(absl::IsInvalidArgument(fake.engine().OnLocalPiece(id, P(3))));
}

TEST(SchedulerUploadTest, AnOriginNamesMoreAtATimeOfABlobThatStillArrives) {
  constexpr int kPieces = 8;
  SwarmConfig config = SuperSeedConfig();
  config.super_seed_arriving_window = 5;
  const auto named = [&](bool arrives) {
    FakeEnvironment fake(config, /*origin=*/true);
    const TorrentId id = fake.Add(kPieces, arrives ? std::vector<int>() : AllOf(kPieces));
    fake.Connect(1, {});
    for (int piece = 0; piece < kPieces; ++piece) {
      EXPECT_TRUE(fake.engine().OnLocalPiece(id, P(piece)).ok());
    }
    return PiecesNamed(fake.Logged("have")).size();
  };
  EXPECT_EQ(named(/*arrives=*/false), 3u);
  EXPECT_EQ(named(/*arrives=*/true), 5u);
}

// 64 KiB pieces; 1 MiB a second, of which 0.1 s may go at once: one piece, not two.
SwarmConfig Limited() {
  SwarmConfig config;
  config.upload_limit = 1 << 20;
  return config;
}

TEST(UploadLimitTest, PiecesGoAtTheRate) {
  FakeEnvironment fake(Limited());
  fake.Add(32, AllOf(32));
  const LinkId link = fake.Connect(1, {});
  for (int piece = 0; piece < 32; ++piece) fake.engine().OnRequest(link, P(piece));
  EXPECT_EQ(fake.Logged("upload").size(), 1u) << "the burst";
  for (int tenth = 1; tenth <= 10; ++tenth) {
    for (int i = 0; i < 100; ++i) {
      fake.Advance(kNanosPerMilli);
      for (const std::string& entry : fake.Logged("upload")) {
        int piece = 0;
        ASSERT_TRUE(absl::SimpleAtoi(entry.substr(entry.find('/') + 1), &piece));
        fake.engine().OnUploadDone(link, P(piece));
      }
    }
    const double sent = 65536.0 * static_cast<double>(fake.Logged("upload").size());
    EXPECT_LE(sent, 1048576.0 * (0.1 + 0.1 * tenth));
    EXPECT_GE(sent, 1048576.0 * (0.1 * tenth) - 65536);
  }
  fake.engine().CheckInvariants();
}

TEST(UploadLimitTest, PeersAreToldOfTheWait) {
  FakeEnvironment fake(Limited());
  fake.Add(32, AllOf(31));
  const LinkId asker = fake.Connect(1, {});
  for (int piece = 0; piece < 30; ++piece) fake.engine().OnRequest(asker, P(piece));
  fake.Connect(2, {});
  // 29 pieces wait for the limit; what is left of the burst is spent at once.
  EXPECT_NEAR(fake.last_load().backlog_micros, 1e6 * 29 / 16 - 37'500, 100);
}

}  // namespace
}  // namespace kraken::swarm
