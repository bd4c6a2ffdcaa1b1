// A real tracker's announce service: peers are real streams, origins are played by the test.
#include "kraken/tracker/announce_hub.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/status.h"
#include "kraken/rpc/tracker.grpc.pb.h"

namespace kraken::tracker {
namespace {

using rpc::v1::AnnounceRecord;
using rpc::v1::AnnounceReply;
using rpc::v1::AnnounceRequest;
using rpc::v1::TorrentNews;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int kPieces = 4;

// Passes all on to the hub of the moment, and tells which streams have ended.
class Switchboard final : public rpc::AnnounceHandler {
 public:
  void OnAnnounce(const std::shared_ptr<rpc::AnnounceOutlet>& stream,
                  AnnounceRequest request) override {
    hub->OnAnnounce(stream, std::move(request));
  }
  void OnStreamClosed(const std::shared_ptr<rpc::AnnounceOutlet>& stream) override {
    hub->OnStreamClosed(stream);
    closed.Put(1);
  }

  AnnounceHub* hub = nullptr;
  rpc::Mailbox<int> closed;
};

AnnounceRecord Record(rpc::v1::AnnounceEvent event, int have, int want) {
  AnnounceRecord record;
  record.set_digest(rpc::ToBytes(daemon::TestDigest(7)));
  record.set_piece_length_bytes(daemon::kTestPieceLength);
  record.set_event(event);
  record.set_have_pieces(static_cast<uint32_t>(have));
  record.set_piece_count(kPieces);
  record.set_want_peers(want);
  record.set_namespace_("library/debian");
  return record;
}
AnnounceRecord Join(int want = 10) { return Record(rpc::v1::ANNOUNCE_EVENT_JOIN, 0, want); }
AnnounceRecord Progress(int want = 10) { return Record(rpc::v1::ANNOUNCE_EVENT_PROGRESS, 1, want); }
AnnounceRecord Complete(int want = 0) {
  return Record(rpc::v1::ANNOUNCE_EVENT_COMPLETE, kPieces, want);
}
AnnounceRecord Leave() { return Record(rpc::v1::ANNOUNCE_EVENT_LEAVE, 0, 0); }
// Before anything is known of the blob.
AnnounceRecord WantMetainfo() {
  AnnounceRecord record;
  record.set_digest(rpc::ToBytes(daemon::TestDigest(7)));
  record.set_want_metainfo(true);
  record.set_namespace_("library/debian");
  return record;
}

// The peers that were handed out, by port, in order.
std::vector<uint32_t> PortsOf(const std::vector<TorrentNews>& news) {
  std::vector<uint32_t> ports;
  for (const TorrentNews& torrent : news) {
    for (const rpc::v1::Peer& peer : torrent.peers()) ports.push_back(peer.port());
  }
  return ports;
}

// A peer's announce stream.
class Peer {
 public:
  Peer(int grpc_port, rpc::v1::Peer self) : self_(std::move(self)) {
    auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", grpc_port),
                                       grpc::InsecureChannelCredentials());
    context_.set_deadline(absl::ToChronoTime(absl::Now() + rpc::kTestPatience));
    stub_ = rpc::v1::Tracker::NewStub(channel);
    stream_ = stub_->Announce(&context_);
  }
  ~Peer() {
    if (stream_ != nullptr) Break();
  }

  void Send(const AnnounceRequest& request) { stream_->Write(request); }

  // What the tracker has told until now. Introduces itself (anew): the answer to that, an empty
  // one, says that all before has been answered.
  std::vector<TorrentNews> News() {
    AnnounceRequest hello;
    *hello.mutable_self() = self_;
    Send(hello);
    std::vector<TorrentNews> news;
    AnnounceReply reply;
    while (stream_->Read(&reply)) {
      if (reply.torrents().empty()) return news;
      news.insert(news.end(), reply.torrents().begin(), reply.torrents().end());
    }
    ADD_FAILURE() << "the stream has ended";
    return news;
  }
  // The answer, and what the tracker has told unasked before it.
  std::vector<TorrentNews> Say(const AnnounceRecord& record) {
    AnnounceRequest request;
    *request.add_records() = record;
    Send(request);
    return News();
  }
  // The next word of the tracker, as soon as there is one.
  TorrentNews WaitForNews() {
    AnnounceReply reply;
    if (!stream_->Read(&reply) || reply.torrents_size() != 1) {
      ADD_FAILURE() << "not one piece of news: " << reply.DebugString();
      return TorrentNews();
    }
    return reply.torrents(0);
  }

  // As the peer's death does.
  void Break() {
    context_.TryCancel();
    EXPECT_FALSE(WaitForEnd().ok());
  }
  // Why the tracker has ended the stream.
  absl::Status WaitForEnd() {
    AnnounceReply reply;
    while (stream_->Read(&reply)) {
    }
    const grpc::Status status = stream_->Finish();
    stream_ = nullptr;
    return rpc::FromGrpc(status);
  }

 private:
  const rpc::v1::Peer self_;
  grpc::ClientContext context_;
  std::unique_ptr<rpc::v1::Tracker::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<AnnounceRequest, AnnounceReply>> stream_;
};

class AnnounceHubTest : public ::testing::Test {
 protected:
  AnnounceHubTest() {
    loop_.RunAndWait([this] {
      access_ = std::make_unique<daemon::OriginAccess>(
          &loop_.loop(), std::vector<std::string>{origin_.address()}, /*max_replica=*/3);
    });
    StartHub();
    tracker_.Serve({&service_});
  }
  ~AnnounceHubTest() override {
    tracker_.Stop();
    loop_.RunAndWait([this] {
      hub_.reset();
      access_.reset();
    });
  }

  // With an empty memory.
  void StartHub(const TrackerServerConfig& config = TrackerServerConfig()) {
    loop_.RunAndWait([&] {
      hub_ = std::make_unique<AnnounceHub>(&loop_.loop(), &access_->client, access_->cluster.get(),
                                           config);
      switchboard_.hub = hub_.get();
    });
  }
  AnnounceHubStats Stats() {
    AnnounceHubStats stats;
    loop_.RunAndWait([&] { stats = hub_->stats(); });
    return stats;
  }
  // Until so many streams have ended since the start.
  void WaitForClosed(size_t count) { switchboard_.closed.Wait(count - 1); }

  std::unique_ptr<Peer> Connect(const rpc::v1::Peer& self) {
    auto peer = std::make_unique<Peer>(tracker_.grpc_port(), self);
    EXPECT_THAT(peer->News(), IsEmpty());
    return peer;
  }
  std::unique_ptr<Peer> Connect(int port, const std::string& zone = "") {
    return Connect(daemon::TestPeerAt(port, zone));
  }

  net::LoopThread origin_loop_{"origin"};
  net::LoopThread loop_{"tracker"};
  daemon::TestOrigin origin_{origin_loop_};
  std::unique_ptr<daemon::OriginAccess> access_;
  std::unique_ptr<AnnounceHub> hub_;
  Switchboard switchboard_;
  rpc::AnnounceService service_{loop_.loop().handle(), &switchboard_};
  rpc::TestProcess tracker_{loop_};
};

TEST_F(AnnounceHubTest, NobodyIsHandedOutToHimself) {
  auto a = Connect(1001);
  EXPECT_THAT(a->Say(Join()), IsEmpty());
  EXPECT_THAT(a->Say(Progress()), IsEmpty());
  auto b = Connect(1002);
  EXPECT_THAT(PortsOf(b->Say(Join())), ElementsAre(1001));
}

TEST_F(AnnounceHubTest, SaysWhoHasAllAndNamesThoseFirst) {
  auto incomplete = Connect(1001);
  incomplete->Say(Progress());
  auto complete = Connect(1002);
  EXPECT_THAT(complete->Say(Complete(/*want=*/10)), IsEmpty()) << "it needs nobody";
  auto asks = Connect(1003);
  const std::vector<TorrentNews> news = asks->Say(Join());
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(news[0].digest(), rpc::ToBytes(daemon::TestDigest(7)));
  EXPECT_EQ(news[0].piece_length_bytes(), daemon::kTestPieceLength);
  ASSERT_THAT(PortsOf(news), ElementsAre(1002, 1001));
  EXPECT_TRUE(news[0].peers(0).complete());
  EXPECT_FALSE(news[0].peers(1).complete());

  // And who has all by now.
  incomplete->Say(Complete());
  const std::vector<TorrentNews> later = asks->Say(Progress());
  ASSERT_EQ(later.size(), 1u);
  ASSERT_EQ(later[0].peers_size(), 2);
  EXPECT_TRUE(later[0].peers(0).complete());
  EXPECT_TRUE(later[0].peers(1).complete());
}

TEST_F(AnnounceHubTest, NewcomersArePushedToThoseWhoWantMore) {
  auto wants = Connect(1001);
  EXPECT_THAT(wants->Say(Join(/*want=*/1)), IsEmpty());
  auto content = Connect(1002);
  content->Say(Join(/*want=*/0));
  EXPECT_THAT(PortsOf(wants->News()), ElementsAre(1002));
  auto newcomer = Connect(1003);
  EXPECT_THAT(PortsOf(newcomer->Say(Join(/*want=*/0))), IsEmpty());
  EXPECT_THAT(wants->News(), IsEmpty()) << "it wanted one";
  EXPECT_THAT(content->News(), IsEmpty()) << "it wanted none";
}

TEST_F(AnnounceHubTest, APeerIsHandedOutAsItDescribedItself) {
  rpc::v1::Peer self = daemon::TestPeerAt(1001, "eu-1");
  self.set_tls(true);
  auto a = Connect(self);
  a->Say(Join());
  auto far = Connect(1002, "us-1");
  far->Say(Join());
  auto asks = Connect(1003, "eu-1");
  const std::vector<TorrentNews> news = asks->Say(Join());
  ASSERT_THAT(PortsOf(news), UnorderedElementsAre(1001, 1002));
  for (const rpc::v1::Peer& peer : news[0].peers()) {
    if (peer.port() == 1001) {
      EXPECT_EQ(peer.DebugString(), self.DebugString());
    } else {
      EXPECT_EQ(peer.zone(), "us-1");
    }
  }
}

TEST_F(AnnounceHubTest, SwarmsOfOtherBlobsAndPieceLengthsAreKeptApart) {
  auto a = Connect(1001);
  a->Say(Join());
  auto b = Connect(1002);
  AnnounceRecord other = Join();
  other.set_digest(rpc::ToBytes(daemon::TestDigest(8)));
  EXPECT_THAT(b->Say(other), IsEmpty());
  other = Join();
  other.set_piece_length_bytes(2 * daemon::kTestPieceLength);
  EXPECT_THAT(b->Say(other), IsEmpty());
  EXPECT_THAT(a->News(), IsEmpty());
  EXPECT_EQ(Stats().swarms, 3u);
}

TEST_F(AnnounceHubTest, AnAnswerHasAtMostAsManyPeersAsAskedFor) {
  std::vector<std::unique_ptr<Peer>> peers;
  for (int port = 1001; port < 1006; ++port) {
    peers.push_back(Connect(port));
    peers.back()->Say(Join(0));
  }
  auto asks = Connect(1010);
  EXPECT_EQ(PortsOf(asks->Say(Join(/*want=*/3))).size(), 3u);
  EXPECT_EQ(PortsOf(asks->Say(Progress(/*want=*/0))).size(), 0u);
}

TEST_F(AnnounceHubTest, WhoLeavesIsHandedOutNoMore) {
  auto leaves = Connect(1001);
  leaves->Say(Join());
  auto stays = Connect(1002);
  stays->Say(Join());
  leaves->Say(Leave());
  auto asks = Connect(1003);
  EXPECT_THAT(PortsOf(asks->Say(Join())), ElementsAre(1002));
  EXPECT_THAT(leaves->News(), IsEmpty()) << "it is told of no newcomer";
}

TEST_F(AnnounceHubTest, WhoseStreamBreaksIsHandedOutNoMore) {
  auto breaks = Connect(1001);
  breaks->Say(Join());
  auto stays = Connect(1002);
  stays->Say(Join());
  breaks->Break();
  WaitForClosed(1);
  auto asks = Connect(1003);
  EXPECT_THAT(PortsOf(asks->Say(Join())), ElementsAre(1002));
  EXPECT_EQ(Stats().streams, 2u);
}

TEST_F(AnnounceHubTest, APeerThatIsBackOnANewStreamOutlivesItsOldOne) {
  auto old_stream = Connect(1001);
  old_stream->Say(Join());
  auto new_stream = Connect(1001);
  new_stream->Say(Progress());
  old_stream->Break();
  WaitForClosed(1);
  auto asks = Connect(1002);
  EXPECT_THAT(PortsOf(asks->Say(Join(1))), ElementsAre(1001));
  auto newcomer = Connect(1003);
  newcomer->Say(Join(0));
  EXPECT_THAT(PortsOf(new_stream->News()), ElementsAre(1003)) << "pushed there";
}

TEST_F(AnnounceHubTest, APeerThatDoesNotKnowItsPiecesYetIsNotTakenForComplete) {
  auto seeds = Connect(1001);
  seeds->Say(Complete());
  auto asks = Connect(1002);
  AnnounceRecord record = Join();
  record.set_piece_count(0);
  EXPECT_THAT(PortsOf(asks->Say(record)), ElementsAre(1001));
}

// ---- What is refused ----

struct Malformed {
  std::string what;
  AnnounceRequest request;
};

std::vector<Malformed> MalformedRequests() {
  std::vector<Malformed> all;
  const auto peer = [&](const std::string& what, auto change) {
    AnnounceRequest request;
    *request.mutable_self() = daemon::TestPeerAt(1666);
    change(*request.mutable_self());
    all.push_back({what, request});
  };
  const auto record = [&](const std::string& what, auto change) {
    AnnounceRequest request;
    *request.mutable_self() = daemon::TestPeerAt(1666);
    // What came before it in the same message must leave no trace either.
    *request.add_records() = Join();
    *request.add_records() = Join();
    change(*request.mutable_records(1));
    all.push_back({what, request});
  };
  AnnounceRequest nobody;
  *nobody.add_records() = Join();
  all.push_back({"(self)", nobody});
  peer("peer id of 19 bytes", [](auto& self) { self.mutable_id()->pop_back(); });
  peer("harbor.example", [](auto& self) { self.set_ip("harbor.example"); });
  peer("port 0", [](auto& self) { self.set_port(0); });
  peer("port 65536", [](auto& self) { self.set_port(65536); });
  peer("wire version 9", [](auto& self) { self.set_wire_version(9); });
  record("digest of 3 bytes", [](auto& record) { record.set_digest("abc"); });
  record("5 of 4 pieces", [](auto& record) { record.set_have_pieces(5); });
  record("of 4294967295 pieces", [](auto& record) { record.set_piece_count(0xffffffff); });
  record("pieces of 4294967296 bytes",
         [](auto& record) { record.set_piece_length_bytes(uint64_t{1} << 32); });
  record("announce event 77",
         [](auto& record) { record.set_event(static_cast<rpc::v1::AnnounceEvent>(77)); });
  record("namespace", [](auto& record) {
    record.set_want_metainfo(true);
    record.set_namespace_("Bad Name");
  });
  AnnounceRequest many;
  *many.mutable_self() = daemon::TestPeerAt(1666);
  for (int i = 0; i < 65; ++i) *many.add_records() = Join();
  all.push_back({"65 records", many});
  return all;
}

TEST_F(AnnounceHubTest, WhoSendsNonsenseLosesHisStreamAndNobodyElseIsHarmed) {
  auto wants = Connect(1001);
  wants->Say(Join(100));
  size_t closed = 0;
  for (const Malformed& malformed : MalformedRequests()) {
    Peer hostile(tracker_.grpc_port(), daemon::TestPeerAt(1666));
    hostile.Send(malformed.request);
    EXPECT_THAT(hostile.WaitForEnd(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(malformed.what)));
    WaitForClosed(++closed);
    EXPECT_EQ(Stats().refused, closed) << malformed.what;
    EXPECT_EQ(Stats().streams, 1u) << malformed.what;
    EXPECT_EQ(Stats().peers, 1u) << malformed.what;
  }
  EXPECT_GE(closed, 13u);
  wants->News();
  auto b = Connect(1002);
  EXPECT_THAT(PortsOf(b->Say(Join())), ElementsAre(1001));
  auto c = Connect(1003);
  c->Say(Join(0));
  EXPECT_THAT(PortsOf(wants->News()), ElementsAre(1003));
}

TEST_F(AnnounceHubTest, AStreamIsOnePeers) {
  auto a = Connect(1001);
  a->Say(Join());
  AnnounceRequest other;
  *other.mutable_self() = daemon::TestPeerAt(1002);
  a->Send(other);
  EXPECT_THAT(a->WaitForEnd(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("one peer")));
}

TEST_F(AnnounceHubTest, APeerEntersOnlySoManySwarms) {
  TrackerServerConfig config;
  config.max_swarms_per_peer = 2;
  StartHub(config);
  auto a = Connect(1001);
  const auto join = [](uint8_t byte) {
    AnnounceRecord record = Join();
    record.set_digest(rpc::ToBytes(daemon::TestDigest(byte)));
    return record;
  };
  EXPECT_THAT(a->Say(join(1)), IsEmpty());
  EXPECT_THAT(a->Say(join(2)), IsEmpty());
  const std::vector<TorrentNews> refused = a->Say(join(3));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].digest(), rpc::ToBytes(daemon::TestDigest(3)));
  EXPECT_EQ(refused[0].piece_length_bytes(), daemon::kTestPieceLength);
  EXPECT_THAT(rpc::FromFailure(refused[0].failure()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("in 2 swarms")));
  EXPECT_EQ(Stats().peers, 2u);
  EXPECT_EQ(Stats().over_limit, 1u);

  // The others stand, and who leaves one may enter another.
  EXPECT_THAT(a->Say(join(2)), IsEmpty());
  AnnounceRecord leave = join(1);
  leave.set_event(rpc::v1::ANNOUNCE_EVENT_LEAVE);
  EXPECT_THAT(a->Say(leave), IsEmpty());
  EXPECT_THAT(a->Say(join(3)), IsEmpty());
  // The limit is each peer's own.
  auto b = Connect(1002);
  EXPECT_THAT(PortsOf(b->Say(join(3))), ElementsAre(1001));
}

TEST_F(AnnounceHubTest, APeerWaitsForTheMetainfoOfOnlySoManyBlobs) {
  TrackerServerConfig config;
  config.max_swarms_per_peer = 2;
  StartHub(config);
  auto a = Connect(1001);
  const auto want = [](uint8_t byte) {
    AnnounceRecord record = WantMetainfo();
    record.set_digest(rpc::ToBytes(daemon::TestDigest(byte)));
    return record;
  };
  EXPECT_THAT(a->Say(want(1)), IsEmpty());
  EXPECT_THAT(a->Say(want(2)), IsEmpty());
  const std::vector<TorrentNews> refused = a->Say(want(3));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_THAT(rpc::FromFailure(refused[0].failure()),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(a->Say(want(2)), IsEmpty());
  EXPECT_EQ(Stats().blobs, 2u);
}

// ---- Origins ----

rpc::v1::MetainfoNews OriginHello(int port) {
  rpc::v1::MetainfoNews news = daemon::TestRange(daemon::TestDigest(7), 0, 2);
  *news.mutable_origin() = daemon::TestPeerAt(port);
  news.mutable_origin()->set_origin(true);
  return news;
}

TEST_F(AnnounceHubTest, MetainfoReachesAllWhoWantItAsItGrows) {
  auto a = Connect(1001);
  EXPECT_THAT(a->Say(WantMetainfo()), IsEmpty());
  const daemon::TestOrigin::Watch watch = origin_.WaitForWatch(0);
  watch.outlet->Write(daemon::TestRange(daemon::TestDigest(7), 0, 2));
  const TorrentNews first = a->WaitForNews();
  EXPECT_EQ(first.digest(), rpc::ToBytes(daemon::TestDigest(7)));
  EXPECT_EQ(first.metainfo().ranges(0).states().size(), 2 * 32u);

  // Who comes later gets at once what is known, and asks for it again in vain.
  auto b = Connect(1002);
  const std::vector<TorrentNews> known = b->Say(WantMetainfo());
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].metainfo().ranges(0).states(), first.metainfo().ranges(0).states());
  EXPECT_THAT(b->Say(WantMetainfo()), IsEmpty());

  // Who does not want it any more is spared the rest.
  auto c = Connect(1003);
  c->Say(WantMetainfo());
  c->Say(Progress(0));
  watch.outlet->Write(daemon::TestRange(daemon::TestDigest(7), 2, 3));
  EXPECT_EQ(a->WaitForNews().metainfo().ranges(0).first(), 2u);
  EXPECT_EQ(b->WaitForNews().metainfo().ranges(0).first(), 2u);
  EXPECT_THAT(c->News(), IsEmpty());
  EXPECT_EQ(origin_.watch_count(), 1u) << "all share one watch";
}

TEST_F(AnnounceHubTest, AnOriginIsHandedOutWhileItIsThere) {
  auto a = Connect(1001);
  AnnounceRecord record = Join(1);
  record.set_want_metainfo(true);
  a->Say(record);
  const daemon::TestOrigin::Watch watch = origin_.WaitForWatch(0);
  watch.outlet->Write(OriginHello(2001));
  EXPECT_TRUE(a->WaitForNews().has_metainfo());
  const TorrentNews pushed = a->WaitForNews();
  ASSERT_THAT(PortsOf({pushed}), ElementsAre(2001));
  EXPECT_TRUE(pushed.peers(0).origin());
  EXPECT_FALSE(pushed.peers(0).complete()) << "the blob is still arriving";

  rpc::v1::MetainfoNews complete;
  *complete.mutable_origin() = OriginHello(2001).origin();
  complete.mutable_metainfo()->set_complete(true);
  watch.outlet->Write(complete);
  EXPECT_TRUE(a->WaitForNews().metainfo().complete());
  auto b = Connect(1002);
  const std::vector<TorrentNews> news = b->Say(Join());
  ASSERT_THAT(PortsOf(news), UnorderedElementsAre(1001, 2001));
  for (const rpc::v1::Peer& peer : news[0].peers()) {
    EXPECT_EQ(peer.complete(), peer.port() == 2001) << peer.port();
  }

  EXPECT_EQ(Stats().peers, 3u);
  origin_.Die();
  auto c = Connect(1003);
  std::vector<uint32_t> ports;
  do {
    ports = PortsOf(c->Say(Join()));
  } while (std::count(ports.begin(), ports.end(), 2001u) > 0);
  EXPECT_THAT(ports, UnorderedElementsAre(1001, 1002));
}

TEST_F(AnnounceHubTest, WhoWantsWhatDoesNotExistIsToldAndMayAskAgain) {
  auto a = Connect(1001);
  a->Say(WantMetainfo());
  origin_.WaitForWatch(0).outlet->Finish(absl::NotFoundError("no such blob"));
  const TorrentNews news = a->WaitForNews();
  EXPECT_EQ(news.digest(), rpc::ToBytes(daemon::TestDigest(7)));
  EXPECT_THAT(rpc::FromFailure(news.failure()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such blob")));
  EXPECT_EQ(Stats().blobs, 0u);
  a->Say(WantMetainfo());
  origin_.WaitForWatch(1).outlet->Write(daemon::TestRange(daemon::TestDigest(7), 0, 2));
  EXPECT_TRUE(a->WaitForNews().has_metainfo());
}

TEST_F(AnnounceHubTest, ARevocationReachesThoseWhoWantAndThoseWhoHave) {
  auto wants = Connect(1001);
  wants->Say(WantMetainfo());
  auto has = Connect(1002);
  has->Say(Progress(0));
  auto other = Connect(1003);
  AnnounceRecord unconcerned = Join(0);
  unconcerned.set_digest(rpc::ToBytes(daemon::TestDigest(8)));
  other->Say(unconcerned);
  rpc::v1::MetainfoNews revoked;
  *revoked.mutable_revoked() = rpc::ToFailure(absl::DataLossError("wrong bytes"));
  origin_.WaitForWatch(0).outlet->Write(revoked);
  EXPECT_THAT(rpc::FromFailure(wants->WaitForNews().revoked()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrong bytes")));
  EXPECT_THAT(rpc::FromFailure(has->WaitForNews().revoked()),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(other->News(), IsEmpty());
}

}  // namespace
}  // namespace kraken::tracker
