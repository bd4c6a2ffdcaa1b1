// The tracker's core as peers of Kraken's version 1 meet it; origins are played by the test.
#include "kraken/tracker/kraken_hub.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::tracker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kNamespace[] = "library/debian";
constexpr int kPieces = 100;
constexpr int kOriginPort = 15001;

using Metainfo = absl::StatusOr<KrakenHub::MetainfoPtr>;
using Peers = absl::StatusOr<std::vector<swarm::PeerInfo>>;

class KrakenHubTest : public ::testing::Test {
 protected:
  ~KrakenHubTest() override {
    loop_.RunAndWait([this] {
      kraken_.reset();
      hub_.reset();
      access_.reset();
    });
  }

  void Start(const KrakenHubOptions& options = {}, const TrackerServerConfig& config = {}) {
    loop_.RunAndWait([&] {
      access_ = std::make_unique<daemon::OriginAccess>(
          &loop_.loop(), std::vector<std::string>{origin_.address()}, /*max_replica=*/1);
      hub_ = std::make_unique<AnnounceHub>(&loop_.loop(), &access_->client, access_->cluster.get(),
                                           config);
      kraken_ = std::make_unique<KrakenHub>(&loop_.loop(), hub_.get(),
                                            *net::CidrSet::Parse({"10.0.0.0/8"}), options);
    });
  }

  std::shared_ptr<rpc::Mailbox<Metainfo>> Ask() {
    auto answer = std::make_shared<rpc::Mailbox<Metainfo>>();
    loop_.RunAndWait([&] {
      kraken_->GetMetainfo(blob_, kNamespace,
                           [answer](const Metainfo& metainfo) { answer->Put(metainfo); });
    });
    return answer;
  }

  // A peer of version 1.
  static KrakenAnnounce PeerAt(int port, bool complete = false) {
    KrakenAnnounce announce;
    announce.digest = daemon::TestDigest(7);
    announce.info_hash = Sums().info_hash();
    announce.peer.id = PeerId::FromAddress("10.0.0.1", port);
    announce.peer.ip = "10.0.0.1";
    announce.peer.port = static_cast<uint16_t>(port);
    announce.peer.version = swarm::WireVersion::kKrakenV1;
    announce.peer.complete = complete;
    return announce;
  }

  std::shared_ptr<rpc::Mailbox<Peers>> Begin(const KrakenAnnounce& announce) {
    auto answer = std::make_shared<rpc::Mailbox<Peers>>();
    loop_.RunAndWait(
        [&] { kraken_->Announce(announce, [answer](const Peers& peers) { answer->Put(peers); }); });
    return answer;
  }
  Peers Announce(const KrakenAnnounce& announce) { return Begin(announce)->Wait(0); }
  std::vector<int> PortsFor(const KrakenAnnounce& announce) {
    const Peers peers = Announce(announce);
    EXPECT_OK(peers);
    std::vector<int> ports;
    for (const swarm::PeerInfo& peer : *peers) ports.push_back(peer.port);
    return ports;
  }

  static swarm::KrakenMetainfo Sums() {
    std::vector<uint32_t> sums(kPieces);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<uint32_t>(i);
    return *swarm::KrakenMetainfo::Create(daemon::TestDigest(7),
                                          ByteCount(kPieces * daemon::kTestPieceLength),
                                          ByteCount(daemon::kTestPieceLength), std::move(sums));
  }

  // The origin says who it is, and all that it knows.
  void Tell(const daemon::TestOrigin::Watch& watch) {
    rpc::v1::MetainfoNews news = daemon::TestRange(blob_, 0, kPieces - 1);
    *news.mutable_origin() = daemon::TestPeerAt(kOriginPort);
    news.mutable_origin()->set_origin(true);
    news.mutable_metainfo()->set_complete(true);
    *news.mutable_metainfo()->mutable_kraken() = rpc::ToProto(Sums());
    watch.outlet->Write(std::move(news));
  }
  // All is known.
  void StartKnowing(const KrakenHubOptions& options = {}, const TrackerServerConfig& config = {}) {
    Start(options, config);
    const auto answer = Ask();
    Tell(origin_.WaitForWatch(0));
    ASSERT_OK(answer->Wait(0));
  }

  const Digest blob_ = daemon::TestDigest(7);
  net::LoopThread origin_loop_{"origin"};
  daemon::TestOrigin origin_{origin_loop_};
  net::LoopThread loop_{"tracker"};
  std::unique_ptr<daemon::OriginAccess> access_;
  std::unique_ptr<AnnounceHub> hub_;
  std::unique_ptr<KrakenHub> kraken_;
};

TEST_F(KrakenHubTest, WhoAsksHearsWhatAnOriginTells) {
  Start();
  const auto answer = Ask();
  const daemon::TestOrigin::Watch watch = origin_.WaitForWatch(0);
  EXPECT_EQ(watch.request.namespace_(), kNamespace);
  EXPECT_FALSE(watch.request.only_if_here());
  Tell(watch);
  ASSERT_OK_AND_ASSIGN(const auto metainfo, answer->Wait(0));
  ASSERT_NE(metainfo, nullptr);
  EXPECT_EQ(metainfo->ToJson(), Sums().ToJson());
  // And at once what is known.
  ASSERT_OK_AND_ASSIGN(const auto again, Ask()->Wait(0));
  EXPECT_EQ(again, metainfo);
  EXPECT_EQ(origin_.watch_count(), 1u);
}

TEST_F(KrakenHubTest, WhoHasWaitedAsksAgain) {
  Start({.patience = absl::Milliseconds(1)});
  ASSERT_OK_AND_ASSIGN(const auto metainfo, Ask()->Wait(0));
  EXPECT_EQ(metainfo, nullptr);
  EXPECT_THAT(Announce(PeerAt(1)), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(KrakenHubTest, NoMoreWaitThanMay) {
  Start({.patience = absl::InfiniteDuration(), .max_waiting = 1});
  const auto first = Ask();
  ASSERT_OK_AND_ASSIGN(const auto second, Ask()->Wait(0));
  EXPECT_EQ(second, nullptr);
  Tell(origin_.WaitForWatch(0));
  EXPECT_OK(first->Wait(0));
}

TEST_F(KrakenHubTest, WhatNobodyHasIsNotFound) {
  Start();
  const auto answer = Ask();
  origin_.WaitForWatch(0).outlet->Finish(absl::NotFoundError("not at the backend"));
  EXPECT_THAT(answer->Wait(0),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("not at the backend")));
}

TEST_F(KrakenHubTest, AnOriginThatCouldNotBeReachedIsAskedAgain) {
  Start();
  const auto answer = Ask();
  origin_.WaitForWatch(0).outlet->Finish(absl::UnavailableError("it restarts"));
  Tell(origin_.WaitForWatch(1));
  ASSERT_OK_AND_ASSIGN(const auto metainfo, answer->Wait(0));
  EXPECT_NE(metainfo, nullptr);
}

TEST_F(KrakenHubTest, WhoCantBeHelpedHearsSo) {
  Start({.patience = absl::Milliseconds(100)});
  const auto answer = Ask();
  origin_.WaitForWatch(0).outlet->Finish(absl::UnavailableError("it restarts"));
  const Metainfo metainfo = answer->Wait(0);
  // Whichever is first: the end of patience, or the origin's word.
  EXPECT_TRUE(metainfo.ok() ? *metainfo == nullptr : absl::IsUnavailable(metainfo.status()));
}

TEST_F(KrakenHubTest, PeersHearOfEachOtherAndOfOrigins) {
  StartKnowing();
  EXPECT_THAT(PortsFor(PeerAt(1)), UnorderedElementsAre(kOriginPort));
  ASSERT_OK_AND_ASSIGN(const auto peers, Announce(PeerAt(2)));
  ASSERT_EQ(peers.size(), 2u);
  for (const swarm::PeerInfo& peer : peers) {
    EXPECT_EQ(peer.origin, peer.port == kOriginPort);
    EXPECT_EQ(peer.version == swarm::WireVersion::kHarbor, peer.port == kOriginPort);
  }
  EXPECT_EQ(hub_->stats().peers, 3u);
}

TEST_F(KrakenHubTest, ASeederHearsOfNobody) {
  StartKnowing();
  ASSERT_OK(Announce(PeerAt(1)));
  EXPECT_THAT(PortsFor(PeerAt(2, /*complete=*/true)), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto peers, Announce(PeerAt(3)));
  const auto seeder = std::find_if(peers.begin(), peers.end(),
                                   [](const swarm::PeerInfo& peer) { return peer.port == 2; });
  ASSERT_NE(seeder, peers.end());
  EXPECT_TRUE(seeder->complete);
}

// As after a restart of the tracker: announces do not say where origins find the blob.
TEST_F(KrakenHubTest, AnAnnounceAsksOriginsThatHaveTheBlob) {
  Start();
  const auto answer = Begin(PeerAt(1));
  const daemon::TestOrigin::Watch watch = origin_.WaitForWatch(0);
  EXPECT_TRUE(watch.request.only_if_here());
  EXPECT_EQ(watch.request.namespace_(), "");
  Tell(watch);
  EXPECT_OK(answer->Wait(0));
}

TEST_F(KrakenHubTest, WhoKnowsTheNamespaceAsksForAll) {
  Start();
  const auto announced = Begin(PeerAt(1));
  origin_.WaitForWatch(0);
  const auto answer = Ask();
  const daemon::TestOrigin::Watch watch = origin_.WaitForWatch(1);
  EXPECT_FALSE(watch.request.only_if_here());
  EXPECT_EQ(watch.request.namespace_(), kNamespace);
  Tell(watch);
  EXPECT_OK(answer->Wait(0));
  EXPECT_OK(announced->Wait(0));
}

TEST_F(KrakenHubTest, AnotherInfoHashIsRefused) {
  StartKnowing();
  KrakenAnnounce announce = PeerAt(1);
  announce.info_hash = *InfoHash::Parse(std::string(40, 'a'));
  EXPECT_THAT(Announce(announce),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(Sums().info_hash().hex())));
  EXPECT_EQ(kraken_->entry_count(), 0u);
}

TEST_F(KrakenHubTest, NobodyIsSentWhereNoPeerMayBe) {
  StartKnowing();
  KrakenAnnounce announce = PeerAt(1);
  announce.peer.ip = "192.168.0.1";
  EXPECT_THAT(Announce(announce), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(KrakenHubTest, NobodyPretendsToBeOneOfOurs) {
  StartKnowing();
  rpc::ZoneTable zones;
  ASSERT_OK_AND_ASSIGN(const auto origin, rpc::FromProto(daemon::TestPeerAt(kOriginPort), zones));
  KrakenAnnounce announce = PeerAt(1);
  announce.peer.id = origin.id;
  EXPECT_THAT(Announce(announce), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(KrakenHubTest, NoMorePeersThanMay) {
  StartKnowing({.max_entries = 1});
  ASSERT_OK(Announce(PeerAt(1)));
  EXPECT_THAT(Announce(PeerAt(2)), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(Announce(PeerAt(1)));
}

// It announces once, and serves for long.
TEST_F(KrakenHubTest, ASeederStaysAndASilentLeecherGoes) {
  TrackerServerConfig config;
  config.lease = absl::Milliseconds(500);
  StartKnowing({.leecher_lease = absl::Seconds(1), .renewal = absl::Milliseconds(100)}, config);
  ASSERT_OK(Announce(PeerAt(1)));
  ASSERT_OK(Announce(PeerAt(2, /*complete=*/true)));
  std::vector<int> ports;
  const absl::Time end = absl::Now() + rpc::kTestPatience;
  do {
    ports = PortsFor(PeerAt(3));
  } while (std::count(ports.begin(), ports.end(), 1) != 0 && absl::Now() < end);
  EXPECT_EQ(std::count(ports.begin(), ports.end(), 1), 0);
  EXPECT_EQ(std::count(ports.begin(), ports.end(), 2), 1);
}

}  // namespace
}  // namespace kraken::tracker
