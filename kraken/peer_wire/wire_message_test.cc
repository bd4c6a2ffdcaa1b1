#include "kraken/peer_wire/wire_message.h"

#include <string>
#include <utility>

#include "kraken/base/digest.h"
#include "kraken/base/test_util.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

constexpr int64_t kPiece = 256 << 10;

Digest SomeDigest() { return *Digest::FromHex(std::string(64, 'a')); }

// The protobuf message of a frame.
proto::Message Decode(const std::string& frame) {
  proto::Message message;
  EXPECT_TRUE(message.ParseFromString(frame.substr(kFrameHeaderBytes)));
  return message;
}

absl::StatusOr<WireMessage> RoundTrip(const WireMessage& message) {
  std::string frame;
  AppendWireMessage(message, &frame);
  EXPECT_LE(frame.size(), kFrameHeaderBytes + kMaxOurMessageBytes);
  return ParseWireMessage(Decode(frame));
}

TEST(WireMessageTest, HelloComesBackAsItWas) {
  const Hello hello{.peer = PeerId::FromAddress("127.0.0.1", 15001),
                    .instance = 0xfedcba9876543210,
                    .listen_port = 15001,
                    .zone = 7,
                    .origin = true,
                    .tls = true};
  std::string frame;
  AppendHello(hello, &frame);
  EXPECT_EQ(frame[0], '\0');  // as the acceptor expects of plain connections
  const proto::Message message = Decode(frame);
  EXPECT_EQ(message.version(), "kh/1");
  EXPECT_EQ(message.bitfield().peer_id(), "db770bbe2054a18fd6f71aedeb415d296a49b5d1");
  ASSERT_OK_AND_ASSIGN(const Hello parsed, ParseHello(message));
  EXPECT_EQ(parsed.peer, hello.peer);
  EXPECT_EQ(parsed.instance, hello.instance);
  EXPECT_EQ(parsed.listen_port, hello.listen_port);
  EXPECT_EQ(parsed.zone, hello.zone);
  EXPECT_TRUE(parsed.origin && parsed.tls);
}

TEST(WireMessageTest, TellsAKrakenPeerByItsMissingVersion) {
  proto::Message message;
  message.set_type(proto::Message::BITFIELD);
  message.mutable_bitfield()->set_peer_id(std::string(40, 'a'));
  EXPECT_THAT(ParseHello(message), StatusIs(absl::StatusCode::kUnimplemented));
  message.set_version("kh/0");
  EXPECT_THAT(ParseHello(message), StatusIs(absl::StatusCode::kUnimplemented));
  message.set_version("kh/1");
  EXPECT_THAT(ParseHello(message), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(WireMessageTest, OpenChannelComesBackAsItWas) {
  for (int32_t count : {0, 1, 70, 100}) {
    swarm::PieceMap have(PieceCount(100));
    for (int32_t i = 0; i < count; ++i) have.Add(PieceIndex(i));
    const WireMessage message{.channel = 3,
                              .peer_channel = 9,
                              .body = OpenChannel{.key = {SomeDigest(), ByteCount(kPiece)},
                                                  .size = ByteCount(100 * kPiece - 5),
                                                  .have = have,
                                                  .load = {12345}}};
    ASSERT_OK_AND_ASSIGN(const WireMessage parsed, RoundTrip(message));
    EXPECT_EQ(parsed.channel, 3u);
    EXPECT_EQ(parsed.peer_channel, 9u);
    const auto& open = std::get<OpenChannel>(parsed.body);
    EXPECT_EQ(open.key, (swarm::TorrentKey{SomeDigest(), ByteCount(kPiece)}));
    EXPECT_EQ(open.size, ByteCount(100 * kPiece - 5));
    EXPECT_TRUE(open.have == have) << count;
    EXPECT_EQ(open.load.backlog_micros, 12345u);
  }
}

TEST(WireMessageTest, TheLargestBitfieldFits) {
  swarm::PieceMap have{PieceCount(swarm::kMaxPieces)};
  have.Add(PieceIndex(0));
  const WireMessage message{
      .channel = 1,
      .body = OpenChannel{.key = {SomeDigest(), ByteCount(kPiece)},
                          .size = ByteCount(int64_t{swarm::kMaxPieces} * kPiece),
                          .have = std::move(have)}};
  EXPECT_OK(RoundTrip(message));
}

TEST(WireMessageTest, SmallMessagesComeBackAsTheyWere) {
  ASSERT_OK_AND_ASSIGN(
      WireMessage have,
      RoundTrip(
          {.channel = 1, .body = Have{.pieces = {PieceIndex(0), PieceIndex(77)}, .load = {}}}));
  EXPECT_EQ(std::get<Have>(have.body).pieces.size(), 2u);
  EXPECT_FALSE(std::get<Have>(have.body).load.is_known());
  ASSERT_OK_AND_ASSIGN(WireMessage chunk,
                       RoundTrip({.channel = 1, .body = PieceChunk{PieceIndex(4), 256, 1000}}));
  EXPECT_EQ(std::get<PieceChunk>(chunk.body).offset, 256);
  EXPECT_EQ(std::get<PieceChunk>(chunk.body).length, 1000);
  ASSERT_OK_AND_ASSIGN(WireMessage abort, RoundTrip({.channel = 1, .body = Abort{PieceIndex(4)}}));
  EXPECT_TRUE(std::holds_alternative<Abort>(abort.body));
  ASSERT_OK_AND_ASSIGN(WireMessage reject,
                       RoundTrip({.channel = 1, .body = Reject{PieceIndex(4)}}));
  EXPECT_TRUE(std::holds_alternative<Reject>(reject.body));
  ASSERT_OK_AND_ASSIGN(
      WireMessage close,
      RoundTrip({.peer_channel = 2, .body = CloseChannel{absl::NotFoundError("not here")}}));
  EXPECT_EQ(std::get<CloseChannel>(close.body).status, absl::NotFoundError("not here"));
  ASSERT_OK_AND_ASSIGN(WireMessage goodbye,
                       RoundTrip({.body = Goodbye{Goodbye::Reason::kIdle, "nothing to do"}}));
  EXPECT_EQ(std::get<Goodbye>(goodbye.body).reason, Goodbye::Reason::kIdle);
  EXPECT_OK(RoundTrip({.body = Ping{}}));
  EXPECT_OK(RoundTrip({.body = Pong{}}));
}

TEST(WireMessageTest, CutsLongTexts) {
  ASSERT_OK_AND_ASSIGN(
      const WireMessage close,
      RoundTrip({.channel = 1, .body = CloseChannel{absl::InternalError(std::string(9999, 'x'))}}));
  EXPECT_EQ(std::get<CloseChannel>(close.body).status.message().size(), kMaxReasonBytes);
}

TEST(WireMessageTest, RefusesWhatMakesNoSense) {
  const auto refuses = [](const proto::Message& message) {
    EXPECT_THAT(ParseWireMessage(message), StatusIs(absl::StatusCode::kInvalidArgument))
        << message.type();
  };
  proto::Message message;
  message.set_type(proto::Message::PIECE_REQUEST);
  message.mutable_piece_request()->set_length(1);
  refuses(message);  // no channel
  message.set_channel(1);
  EXPECT_OK(ParseWireMessage(message));
  message.mutable_piece_request()->set_offset(1);
  refuses(message);
  message.mutable_piece_request()->set_offset(0);
  message.mutable_piece_request()->set_index(-1);
  refuses(message);

  message.set_type(proto::Message::PIECE_PAYLOAD);
  message.mutable_piece_payload()->set_length(kMaxChunkBytes + 1);
  refuses(message);
  message.mutable_piece_payload()->set_length(0);
  refuses(message);
  message.mutable_piece_payload()->set_length(5);
  message.mutable_piece_payload()->set_offset(-1);
  refuses(message);

  message.set_type(proto::Message::ANNOUCE_PIECE);
  message.mutable_have()->add_pieces(0x80000000u);
  refuses(message);

  message.set_type(proto::Message::OPEN);
  refuses(message);  // no digest
  proto::OpenMessage& open = *message.mutable_open();
  open.set_digest(std::string(32, 'd'));
  open.set_piece_length(kPiece);
  open.set_size(0);
  refuses(message);
  open.set_size(uint64_t{1} << 63);
  refuses(message);
  open.set_size(uint64_t{1} << 50);  // too many pieces
  refuses(message);
  open.set_size(100 * kPiece);
  EXPECT_OK(ParseWireMessage(message));
  open.set_piece_length(kPiece + 1);
  refuses(message);
  open.set_piece_length(kPiece);
  open.set_pieces(proto::OpenMessage::SOME);
  open.set_bitfield(swarm::PieceMap(PieceCount(99)).ToWireBytes());
  refuses(message);
  open.set_bitfield(swarm::PieceMap(PieceCount(100)).ToWireBytes());
  EXPECT_OK(ParseWireMessage(message));

  message.set_type(proto::Message::COMPLETE);  // Kraken's, of no use here
  refuses(message);
}

}  // namespace
}  // namespace kraken::peer_wire
