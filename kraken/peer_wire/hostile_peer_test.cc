// What the peer port makes of those who don't behave: each costs its own connection, and nothing
// else.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "kraken/base/random.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/socket_address.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/peer_wire/wire_message.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::peer_wire {
namespace {

using storage::TestBlob;

constexpr int64_t kPiece = 64 << 10;

// A peer in the test's hands.
class RawPeer : public FrameReader::Handler {
 public:
  explicit RawPeer(const TestNode& node) : reader_(this) {
    const auto address = net::SocketAddress::FromIp("127.0.0.1", node.self().port);
    EXPECT_OK(address);
    fd_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd_.get(), address->data(), address->size()), 0);
    reader_.set_max_message_bytes(kMaxOurMessageBytes);
  }

  void Send(absl::string_view bytes) {
    ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void Send(const WireMessage& message) {
    std::string frame;
    AppendWireMessage(message, &frame);
    Send(frame);
  }
  void SendHello(PeerId id = PeerId::Random()) {
    std::string frame;
    AppendHello({.peer = id, .instance = 1, .listen_port = 1}, &frame);
    Send(frame);
  }

  // Ends the connection as a process that crashes with unread bytes does.
  void Reset() {
    const linger hard = {1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    fd_.Reset();
  }

  // Reads until the node closes the connection, or a message of this type comes.
  bool IsClosed() { return ReadUntil(-1); }
  bool Gets(proto::Message::Type type) { return !ReadUntil(type) && got_; }
  // Reads until so many bytes of payload have come.
  bool GetsPayload(size_t bytes) {
    wanted_payload_ = bytes;
    return !ReadUntil(-1) && got_;
  }

  absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) override {
    last = message;
    if (message.type() == wanted_) got_ = true;
    if (message.type() == proto::Message::PIECE_PAYLOAD) {
      *payload_bytes = static_cast<uint64_t>(message.piece_payload().length());
    }
    return absl::OkStatus();
  }
  absl::Status OnPayload(absl::string_view bytes) override {
    payload_bytes += bytes.size();
    if (payload_bytes >= wanted_payload_) got_ = true;
    return absl::OkStatus();
  }

  proto::Message last;
  size_t payload_bytes = 0;

 private:
  // True when the end has come.
  bool ReadUntil(int type) {
    wanted_ = type;
    got_ = false;
    while (!got_) {
      pollfd poll_fd = {fd_.get(), POLLIN, 0};
      if (::poll(&poll_fd, 1, static_cast<int>(absl::ToInt64Milliseconds(kTestPatience))) <= 0) {
        return false;
      }
      char buffer[1 << 16];
      const ssize_t n = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
      if (n <= 0) return true;
      EXPECT_OK(reader_.Consume({buffer, static_cast<size_t>(n)}));
    }
    return false;
  }

  UniqueFd fd_;
  FrameReader reader_;
  int wanted_ = -1;
  size_t wanted_payload_ = ~size_t{0};
  bool got_ = false;
};

class HostilePeerTest : public testing::Test {
 protected:
  HostilePeerTest()
      : blob_(10 * kPiece, kPiece),
        node_(&tracker_, {.origin = true, .limits = {.handshake_timeout = absl::Seconds(2)}}) {
    node_.Store(blob_);
  }

  WireMessage Open(uint32_t channel) {
    return {.channel = channel,
            .body = OpenChannel{.key = {blob_.digest, ByteCount(kPiece)},
                                .size = blob_.size(),
                                .have = swarm::PieceMap(PieceCount(10))}};
  }
  // One that behaves is still served.
  void ExpectStillServes() {
    TestNode leecher(&tracker_);
    const auto fetch = leecher.Leech(blob_);
    leecher.Run([&] {
      leecher.node().OnTrackerPeers({blob_.digest, ByteCount(kPiece)}, {node_.self()});
    });
    EXPECT_OK(fetch->Wait());
  }

  TestTracker tracker_;
  const TestBlob blob_;
  TestNode node_;
};

TEST_F(HostilePeerTest, GarbageIsCutOff) {
  const std::vector<std::string> garbage = {
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),  // TLS, which is off
      std::string("\x00\x00\x80\x01", 4),
      std::string("\x00\x00\x00\x00", 4),
      std::string("\x00\x00\x00\x03\xff\xff\xff", 7),
      std::string(100'000, '\0'),
      std::string(100'000, '\xff'),
  };
  for (const std::string& bytes : garbage) {
    RawPeer peer(node_);
    peer.Send(bytes);
    EXPECT_TRUE(peer.IsClosed()) << bytes.substr(0, 10);
  }
  SeededBitGen random(7);
  for (int i = 0; i < 50; ++i) {
    std::string bytes(1 + random.Uniform(5000), '\0');
    random.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
    bytes[0] = '\0';
    bytes[1] = '\0';
    RawPeer peer(node_);
    if (i % 2 == 0) peer.SendHello();
    peer.Send(bytes);
    // More than the length that it may have begun with.
    peer.Send(std::string(70'000, '\xff'));
    EXPECT_TRUE(peer.IsClosed()) << i;
  }
  EXPECT_GT(node_.Stats().connections_malformed, 50u);
  EXPECT_TRUE(WaitFor([&] { return node_.Stats().connections == 0; }));
  ExpectStillServes();
}

TEST_F(HostilePeerTest, AKrakenPeerIsToldNothingAndClosed) {
  RawPeer peer(node_);
  proto::Message message;
  message.mutable_bitfield()->set_peer_id(PeerId::Random().hex());
  message.mutable_bitfield()->set_name(blob_.digest.hex());
  std::string frame;
  AppendFrame(message, &frame);
  peer.Send(frame);
  EXPECT_TRUE(peer.IsClosed());
}

TEST_F(HostilePeerTest, WhoSaysNothingIsClosed) {
  RawPeer silent(node_);
  RawPeer slow(node_);
  slow.Send(std::string(1, '\0'));
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_TRUE(slow.IsClosed());
}

TEST_F(HostilePeerTest, OurOwnIdIsRefused) {
  RawPeer peer(node_);
  peer.SendHello(node_.self().id);
  EXPECT_TRUE(peer.IsClosed());
}

TEST_F(HostilePeerTest, AnUnknownTorrentIsRefusedAndTheConnectionStays) {
  RawPeer peer(node_);
  peer.SendHello();
  WireMessage open = Open(1);
  std::get<OpenChannel>(open.body).key.digest = TestBlob(100, kPiece, 5).digest;
  peer.Send(open);
  ASSERT_TRUE(peer.Gets(proto::Message::CLOSE));
  EXPECT_EQ(peer.last.peer_channel(), 1u);
  EXPECT_EQ(peer.last.close().code(), static_cast<uint32_t>(absl::StatusCode::kNotFound));
  peer.Send(Open(2));
  ASSERT_TRUE(peer.Gets(proto::Message::OPEN));
  EXPECT_EQ(peer.last.peer_channel(), 2u);
  // Another size or piece length is another torrent.
  open = Open(3);
  std::get<OpenChannel>(open.body).size = ByteCount(9 * kPiece);
  std::get<OpenChannel>(open.body).have = swarm::PieceMap(PieceCount(9));
  peer.Send(open);
  ASSERT_TRUE(peer.Gets(proto::Message::CLOSE));
  EXPECT_EQ(peer.last.peer_channel(), 3u);
}

TEST_F(HostilePeerTest, BadIndexesCloseTheChannelOrTheConnection) {
  RawPeer peer(node_);
  peer.SendHello();
  peer.Send(Open(1));
  ASSERT_TRUE(peer.Gets(proto::Message::OPEN));
  peer.Send({.channel = 1, .body = Request{PieceIndex(10), ByteCount(kPiece)}});
  ASSERT_TRUE(peer.Gets(proto::Message::CLOSE));
  // On the closed channel nothing counts any more.
  peer.Send({.channel = 1, .body = Request{PieceIndex(0), ByteCount(kPiece)}});
  peer.Send({.body = Ping{}});
  ASSERT_TRUE(peer.Gets(proto::Message::PONG));
  EXPECT_EQ(peer.payload_bytes, 0u);
  peer.Send({.channel = 1, .body = PieceChunk{PieceIndex(0), 0, 100}});
  peer.Send(std::string(100, 'x'));
  peer.Send({.body = Ping{}});
  ASSERT_TRUE(peer.Gets(proto::Message::PONG));
  // Payload that nobody asked for.
  peer.Send(Open(2));
  ASSERT_TRUE(peer.Gets(proto::Message::OPEN));
  peer.Send({.channel = 2, .body = PieceChunk{PieceIndex(0), 0, 100}});
  EXPECT_TRUE(peer.IsClosed());
  ExpectStillServes();
}

TEST_F(HostilePeerTest, ServesWholePieces) {
  RawPeer peer(node_);
  peer.SendHello();
  peer.Send(Open(1));
  ASSERT_TRUE(peer.Gets(proto::Message::OPEN));
  EXPECT_EQ(peer.last.open().pieces(), proto::OpenMessage::ALL);
  peer.Send({.channel = 1, .body = Request{PieceIndex(3), ByteCount(kPiece)}});
  peer.Send({.channel = 1, .body = Request{PieceIndex(4), ByteCount(kPiece)}});
  ASSERT_TRUE(peer.GetsPayload(2 * kPiece));
  // Taking back what was not asked for does no harm.
  peer.Send({.channel = 1, .body = Cancel{PieceIndex(5)}});
  peer.Send({.channel = 1, .body = Request{PieceIndex(9), ByteCount(kPiece)}});
  ASSERT_TRUE(peer.GetsPayload(3 * kPiece));
}

TEST_F(HostilePeerTest, ANewConnectionOfTheSamePeerReplacesItsOldOne) {
  const PeerId id = PeerId::Random();
  RawPeer first(node_);
  first.SendHello(id);
  first.Send({.body = Ping{}});
  ASSERT_TRUE(first.Gets(proto::Message::PONG));
  RawPeer second(node_);
  second.SendHello(id);
  EXPECT_TRUE(first.IsClosed());
  second.Send({.body = Ping{}});
  EXPECT_TRUE(second.Gets(proto::Message::PONG));
}

TEST_F(HostilePeerTest, AFloodOfMessagesIsSurvived) {
  RawPeer peer(node_);
  peer.SendHello();
  peer.Send(Open(1));
  ASSERT_TRUE(peer.Gets(proto::Message::OPEN));
  std::string frames;
  for (int i = 0; i < 20'000; ++i) {
    AppendWireMessage({.channel = 1, .body = Have{.pieces = {PieceIndex(i % 9)}, .load = {}}},
                      &frames);
  }
  for (int i = 0; i < 10; ++i) peer.Send(frames);
  peer.Send({.body = Ping{}});
  EXPECT_TRUE(peer.Gets(proto::Message::PONG));
}

TEST(ConnectionLimitTest, MoreThanTheLimitAreNotAccepted) {
  TestTracker tracker;
  TestNode node(&tracker, {.limits = {.max_pending_incoming = 3}});
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(std::make_unique<RawPeer>(node));
  ASSERT_TRUE(WaitFor([&] { return node.Stats().connections == 3; }));
  RawPeer refused(node);
  EXPECT_TRUE(refused.IsClosed());
  EXPECT_EQ(node.Stats().connections, 3u);
}

// The kernel reports data and reset in one edge, and gives the data first.
TEST(ResetTest, AResetThatComesWithDataIsNoticed) {
  TestTracker tracker;
  TestNode node(&tracker, {.limits = {.handshake_timeout = absl::Hours(1),
                                      .ping_interval = absl::Hours(1),
                                      .idle_timeout = absl::Hours(1)}});
  for (int i = 0; i < 100; ++i) {
    RawPeer peer(node);
    peer.SendHello();
    peer.Send({.body = Ping{}});
    ASSERT_TRUE(peer.Gets(proto::Message::PONG));
    peer.Send({.body = Pong{}});
    peer.Reset();
  }
  EXPECT_TRUE(WaitFor([&] { return node.Stats().connections == 0; }));
}

TEST(PingTest, AMutePeerIsPingedAndThenClosed) {
  TestTracker tracker;
  TestNode node(&tracker, {.limits = {.ping_interval = absl::Milliseconds(50)}});
  RawPeer peer(node);
  peer.SendHello();
  EXPECT_TRUE(peer.Gets(proto::Message::PING));
  EXPECT_TRUE(peer.IsClosed());
}

TEST(IdleTest, AConnectionWithoutATorrentIsClosedAfterAWhile) {
  TestTracker tracker;
  TestNode node(&tracker, {.limits = {.idle_timeout = absl::ZeroDuration()}});
  RawPeer peer(node);
  peer.SendHello();
  EXPECT_TRUE(peer.Gets(proto::Message::GOODBYE));
  EXPECT_EQ(peer.last.goodbye().reason(), proto::GoodbyeMessage::IDLE);
  EXPECT_TRUE(peer.IsClosed());
}

}  // namespace
}  // namespace kraken::peer_wire
