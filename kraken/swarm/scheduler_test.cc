// Torrents, links, readers and time.
#include "kraken/swarm/scheduler.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/swarm/fake_environment.h"

namespace kraken::swarm {
namespace {

using Log = FakeEnvironment::Log;

SwarmConfig SmallConfig() {
  SwarmConfig config;
  config.min_links = 3;
  config.max_dialed_links = 3;
  config.max_links = 4;
  config.max_pending_dials = 2;
  return config;
}

std::vector<PeerInfo> Peers(int from, int to) {
  std::vector<PeerInfo> peers;
  for (int i = from; i <= to; ++i) peers.push_back(FakeEnvironment::Peer(i));
  return peers;
}

TEST(SchedulerTest, RefusesATorrentTwiceAndMapsThatDoNotFit) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(4);
  EXPECT_EQ(fake.engine().FindTorrent(fake.key()), id);
  EXPECT_TRUE(absl::IsAlreadyExists(fake.engine().AddTorrent(fake.Spec(4, {})).status()));
  ASSERT_TRUE(fake.engine().RemoveTorrent(id, absl::OkStatus()).ok());
  EXPECT_TRUE(absl::IsNotFound(fake.engine().RemoveTorrent(id, absl::OkStatus())));
  TorrentSpec spec = fake.Spec(4, {});
  spec.have = PieceMap(PieceCount(5));
  EXPECT_TRUE(absl::IsInvalidArgument(fake.engine().AddTorrent(spec).status()));
}

TEST(SchedulerTest, AnnouncesJoinProgressCompletionAndLeave) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(1);
  EXPECT_EQ(fake.Logged("announce"), Log{"announce join"});
  EXPECT_EQ(fake.last_announce().want_peers, 3);
  fake.Advance(kNanosPerSecond);
  EXPECT_GE(fake.Logged("announce progress").size(), 1u);
  fake.TakeLog();
  const LinkId link = fake.Connect(1, {0});
  fake.Deliver(link, 0);
  EXPECT_EQ(fake.Logged("announce"), Log{"announce complete"});
  EXPECT_EQ(fake.last_announce().want_peers, 0);
  EXPECT_EQ(fake.Logged("complete"), Log{"complete"});
  fake.TakeLog();
  ASSERT_TRUE(fake.engine().RemoveTorrent(id, absl::OkStatus()).ok());
  EXPECT_EQ(fake.Logged("announce"), Log{"announce leave"});
}

TEST(SchedulerTest, AnnouncesLessOftenWhileNobodyElseTurnsUp) {
  FakeEnvironment fake(SmallConfig());
  fake.Add(4);
  fake.Advance(60 * kNanosPerSecond);
  EXPECT_LT(fake.Logged("announce").size(), 20u);
  EXPECT_GT(fake.Logged("announce").size(), 10u);
}

TEST(SchedulerTest, ASeederWithoutPeersHardlyAnnounces) {
  FakeEnvironment fake(SmallConfig());
  fake.Add(4, {0, 1, 2, 3});
  fake.Advance(600 * kNanosPerSecond);
  EXPECT_LE(fake.Logged("announce").size(), 7u);
  EXPECT_GE(fake.Logged("announce").size(), 5u) << "its entries at the tracker would run out";
}

TEST(SchedulerTest, AnnouncesAgainSoonWhenTheTrackersChanged) {
  FakeEnvironment fake(SmallConfig());
  fake.Add(4, {0, 1, 2, 3});
  fake.Advance(30 * kNanosPerSecond);
  fake.TakeLog();
  fake.engine().AnnounceAgain();
  fake.Advance(5 * kNanosPerSecond);
  EXPECT_EQ(fake.Logged("announce"), Log{"announce complete"});
}

TEST(SchedulerTest, DialsUpToItsLimitsAndShakesHands) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(4, {2});
  fake.engine().OnTrackerPeers(id, Peers(1, 9));
  EXPECT_EQ(fake.Logged("dial"), (Log{"dial 10.0.0.1", "dial 10.0.0.2"}));
  const LinkId second = fake.dialed();
  fake.engine().OnDialed(second);
  EXPECT_EQ(fake.Logged("handshake").size(), 1u);
  fake.engine().OnHandshake(second, fake.HandshakeOf(2, {0}));
  EXPECT_EQ(fake.RequestsOf(second), std::vector<int>{0});
  fake.Advance(kNanosPerSecond);
  EXPECT_EQ(fake.Logged("dial").size(), 3u) << "one more: three links in all";
  EXPECT_EQ(fake.engine().StatsOf(id).links, 3);
  fake.engine().CheckInvariants();
}

TEST(SchedulerTest, ATorrentWhosePeersAllLackTheSameLooksForOthers) {
  const SwarmConfig config = SmallConfig();
  FakeEnvironment fake(config);
  const TorrentId id = fake.Add(4, {0});
  std::vector<LinkId> links;
  for (int peer = 1; peer <= config.min_links; ++peer) links.push_back(fake.Connect(peer, {0}));
  EXPECT_EQ(fake.last_announce().want_peers, config.min_links) << "of the first announce";
  fake.Advance(ToNanos(config.starved_after) + kNanosPerSecond);
  EXPECT_GT(fake.last_announce().want_peers, 0) << "though it has the links that it wants";
  fake.engine().OnTrackerPeers(id, Peers(11, 19));
  EXPECT_FALSE(fake.Logged("dial").empty());
  EXPECT_EQ(fake.Logged("close"), Log()) << "while there is room";
  fake.engine().CheckInvariants();
}

TEST(SchedulerTest, AUselessPeerIsReplacedInTheEnd) {
  SwarmConfig config = SmallConfig();
  config.max_links = config.min_links;
  FakeEnvironment fake(config);
  const TorrentId id = fake.Add(4, {0});
  fake.Connect(1, {0});
  fake.Advance(kNanosPerMilli);
  for (int peer = 2; peer <= config.min_links; ++peer) fake.Connect(peer, {0});
  fake.engine().OnTrackerPeers(id, Peers(11, 11));
  EXPECT_EQ(fake.Logged("dial"), Log());
  fake.Advance(ToNanos(config.replace_interval) + kNanosPerSecond);
  EXPECT_EQ(fake.Logged("close"), Log{"close 0 RESOURCE_EXHAUSTED"});
  EXPECT_EQ(fake.Logged("dial"), Log{"dial 10.0.0.11"});
  fake.engine().CheckInvariants();
}

TEST(SchedulerTest, NeverDialsItself) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(4);
  fake.engine().OnTrackerPeers(id, {FakeEnvironment::Peer(500)});
  EXPECT_TRUE(fake.Logged("dial").empty());
}

TEST(SchedulerTest, ADialThatFailedIsTriedAgainLater) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(4);
  fake.engine().OnTrackerPeers(id, Peers(1, 1));
  fake.engine().OnLinkClosed(fake.dialed(), absl::UnavailableError("refused"));
  EXPECT_EQ(fake.Logged("dial").size(), 1u);
  fake.Advance(3 * kNanosPerSecond);
  EXPECT_EQ(fake.Logged("dial").size(), 2u);
}

TEST(SchedulerTest, TorrentsWaitInTurnForRoomAmongTheHostsLinks) {
  SwarmConfig config = SmallConfig();
  config.max_total_links = 1;
  FakeEnvironment fake(config);
  std::vector<TorrentId> torrents;
  for (int i = 0; i < 3; ++i) {
    fake.SwitchTorrent(i);
    torrents.push_back(fake.Add(4));
    fake.engine().OnTrackerPeers(torrents.back(), Peers(10 * i, 10 * i + 1));
  }
  EXPECT_EQ(fake.Logged("dial"), Log{"dial 10.0.0.0"});
  // At once, not when the torrent is looked after the next time.
  fake.engine().OnLinkClosed(fake.dialed(), absl::UnavailableError("refused"));
  EXPECT_EQ(fake.Logged("dial"), (Log{"dial 10.0.0.0", "dial 10.0.0.1"}))
      << "the torrent that had the link does not wait: it is its turn still";
  ASSERT_TRUE(fake.engine().RemoveTorrent(torrents[0], absl::OkStatus()).ok());
  ASSERT_TRUE(fake.engine().RemoveTorrent(torrents[1], absl::OkStatus()).ok());
  EXPECT_EQ(fake.Logged("dial"),
            (Log{"dial 10.0.0.0", "dial 10.0.0.1", "dial 10.0.0.10", "dial 10.0.0.20"}));
  fake.engine().CheckInvariants();
}

TEST(SchedulerTest, ClosesALinkWhoseHandshakeIsOfSomethingElse) {
  for (int kind = 0; kind < 3; ++kind) {
    FakeEnvironment fake(SmallConfig());
    const TorrentId id = fake.Add(4);
    fake.engine().OnTrackerPeers(id, Peers(1, 1));
    fake.engine().OnDialed(fake.dialed());
    Handshake handshake = fake.HandshakeOf(1, {});
    if (kind == 0) handshake.peer = FakeEnvironment::Peer(2).id;
    if (kind == 1) handshake.have = PieceMap(PieceCount(5));
    if (kind == 2) handshake.key.piece_length = ByteCount(1 << 20);
    fake.engine().OnHandshake(fake.dialed(), handshake);
    EXPECT_EQ(fake.Logged("close").size(), 1u) << kind;
    EXPECT_EQ(fake.engine().stats().protocol_errors, 1u);
  }
}

TEST(SchedulerTest, AcceptsWhileThereIsRoom) {
  FakeEnvironment fake(SmallConfig());
  fake.Add(4);
  for (int peer = 1; peer <= 4; ++peer) EXPECT_TRUE(fake.Connect(peer, {}).is_valid());
  EXPECT_FALSE(fake.Connect(5, {}).is_valid());
  EXPECT_TRUE(absl::IsResourceExhausted(fake.status()));
  EXPECT_FALSE(fake.Connect(1, {}).is_valid());
  EXPECT_TRUE(absl::IsAlreadyExists(fake.status()));
}

TEST(SchedulerTest, RefusesAnUnknownTorrentAndABitfieldThatDoesNotFit) {
  FakeEnvironment fake(SmallConfig());
  EXPECT_FALSE(fake.Connect(1, {}).is_valid());
  EXPECT_TRUE(absl::IsNotFound(fake.status()));
  fake.Add(4);
  Handshake handshake = fake.HandshakeOf(1, {});
  handshake.have = PieceMap(PieceCount(3));
  EXPECT_TRUE(absl::IsInvalidArgument(
      fake.engine().OnIncoming(IncomingId{1}, FakeEnvironment::Peer(1), handshake)));
}

TEST(SchedulerTest, OfSimultaneousDialsTheLowerPeersSurvives) {
  FakeEnvironment fake(SmallConfig());  // Is peer 500.
  const TorrentId id = fake.Add(4);
  fake.engine().OnTrackerPeers(id, Peers(1, 1));
  EXPECT_TRUE(fake.Connect(1, {}).is_valid());
  EXPECT_EQ(fake.Logged("close").size(), 1u);
  fake.engine().OnTrackerPeers(id, Peers(600, 600));
  EXPECT_FALSE(fake.Connect(600, {}).is_valid());
  EXPECT_TRUE(absl::IsAlreadyExists(fake.status()));
  EXPECT_EQ(fake.engine().StatsOf(id).links, 2);
}

TEST(SchedulerTest, TwoThatHaveEverythingDoNotStayLinked) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(2, {0, 1});
  EXPECT_FALSE(fake.Connect(1, {0, 1}).is_valid());
  EXPECT_TRUE(absl::IsFailedPrecondition(fake.status()));
  const LinkId link = fake.Connect(2, {0});
  fake.Have(link, {1});
  EXPECT_EQ(fake.Logged("close").size(), 1u);
  EXPECT_EQ(fake.engine().StatsOf(id).links, 0);
}

TEST(SchedulerTest, RequestsOnlyWhatCanBeChecked) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.AddProvisional(4);
  const LinkId link = fake.Connect(1, {0, 1, 2, 3});
  EXPECT_TRUE(fake.Logged("request").empty());
  ASSERT_TRUE(fake.engine().OnStatesKnown(id, PieceIndex(1), PieceCount(1)).ok());
  EXPECT_TRUE(fake.Logged("request").empty()) << "no piece has both its states";
  ASSERT_TRUE(fake.engine().OnStatesKnown(id, PieceIndex(2), PieceCount(1)).ok());
  std::vector<int> requested = fake.RequestsOf(link);
  std::sort(requested.begin(), requested.end());
  EXPECT_EQ(requested, (std::vector<int>{2, 3}));
  EXPECT_TRUE(
      absl::IsInvalidArgument(fake.engine().OnStatesKnown(id, PieceIndex(2), PieceCount(2))));
  EXPECT_TRUE(
      absl::IsInvalidArgument(fake.engine().OnStatesKnown(id, PieceIndex(-1), PieceCount(1))));
}

TEST(SchedulerTest, AReaderGetsThePiecesAtItsCursorFirst) {
  SwarmConfig config = SmallConfig();
  config.min_requests = 2;
  config.max_window_requests = 1;
  config.max_requests_per_link = 1;
  config.reader_window_pieces = 4;
  FakeEnvironment fake(config);
  const TorrentId id = fake.Add(100);
  const auto reader = fake.engine().AddReader(id, ByteOffset(50 * (64 << 10) + 7));
  ASSERT_TRUE(reader.ok());
  std::vector<int> all(100);
  std::iota(all.begin(), all.end(), 0);
  const LinkId a = fake.Connect(1, all);
  EXPECT_EQ(fake.RequestsOf(a), std::vector<int>{50});
  fake.engine().AdvanceReader(*reader, ByteOffset(70 * (64 << 10)));
  fake.Deliver(a, 50);
  EXPECT_EQ(fake.RequestsOf(a), std::vector<int>{70});
  fake.engine().SuspendReader(*reader);
  fake.Deliver(a, 70);
  EXPECT_NE(fake.RequestsOf(a), std::vector<int>{71});
  EXPECT_TRUE(
      absl::IsOutOfRange(fake.engine().AddReader(id, ByteOffset(100 * (64 << 10))).status()));
  fake.engine().RemoveReader(*reader);
  fake.engine().RemoveReader(*reader);
}

TEST(SchedulerTest, AnIdleTorrentIsEvictedUnlessSomebodyReads) {
  SwarmConfig config = SmallConfig();
  FakeEnvironment fake(config);
  const TorrentId id = fake.Add(2, {0, 1});
  const auto reader = fake.engine().AddReader(id, ByteOffset(0));
  fake.Advance(ToNanos(config.idle_seeder_limit) * 2);
  EXPECT_TRUE(fake.Logged("evicted").empty());
  fake.engine().RemoveReader(*reader);
  fake.Advance(ToNanos(config.idle_seeder_limit) + 10 * kNanosPerSecond);
  EXPECT_EQ(fake.Logged("evicted").size(), 1u);
  EXPECT_FALSE(fake.engine().FindTorrent(fake.key()).is_valid());
}

TEST(SchedulerTest, AStalledTorrentIsReportedEachTimeTheLimitPasses) {
  SwarmConfig config = SmallConfig();
  FakeEnvironment fake(config);
  fake.Add(2);
  fake.Advance(2 * ToNanos(config.stall_limit) + 2 * kNanosPerSecond);
  EXPECT_EQ(fake.Logged("stalled").size(), 2u);
}

TEST(SchedulerTest, LateCallbacksForWhatIsGoneAreIgnored) {
  FakeEnvironment fake(SmallConfig());
  const TorrentId id = fake.Add(4);
  const LinkId link = fake.Connect(1, {0, 1});
  ASSERT_TRUE(fake.engine().RemoveTorrent(id, absl::DataLossError("revoked")).ok());
  EXPECT_EQ(fake.Logged("close"), Log{"close 0 DATA_LOSS"});
  fake.TakeLog();
  Scheduler& engine = fake.engine();
  engine.OnHave(link, {PieceIndex(0)}, {});
  engine.OnRequest(link, PieceIndex(0));
  engine.OnPieceReceived(link, PieceIndex(0), Scheduler::PieceOutcome::kVerified, ByteCount(1));
  engine.OnUploadDone(link, PieceIndex(0));
  engine.OnLinkClosed(link, absl::OkStatus());
  engine.OnTrackerPeers(id, Peers(1, 3));
  EXPECT_TRUE(absl::IsNotFound(engine.OnLocalPiece(id, PieceIndex(0))));
  fake.Advance(10 * kNanosPerSecond);
  EXPECT_EQ(fake.TakeLog(), Log{});
}

}  // namespace
}  // namespace kraken::swarm
