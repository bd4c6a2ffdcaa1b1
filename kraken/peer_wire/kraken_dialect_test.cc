#include "kraken/peer_wire/kraken_dialect.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/test_util.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

constexpr int64_t kPiece = 4 << 20;
constexpr int64_t kLastPiece = 1000;
constexpr int kPieces = 3;
// Kraken's production vector of a blob and its info hash, and of an address's peer id.
constexpr char kName[] = "289314c356bc2a19802c3e31505506db30ea81a0bcaea4ec3e079524c8ac3cf5";
constexpr char kInfoHash[] = "85b978c4377625b3963df406d0dd3a1da5a7d9c3";
constexpr char kPeer[] = "db770bbe2054a18fd6f71aedeb415d296a49b5d1";

swarm::PieceMap Map(const std::vector<int>& pieces) {
  swarm::PieceMap map(PieceCount{kPieces});
  for (int piece : pieces) map.Add(PieceIndex(piece));
  return map;
}

KrakenHandshake TheirHandshake(const std::vector<int>& have = {}) {
  return {.peer = *PeerId::Parse(kPeer),
          .digest = *Digest::FromHex(kName),
          .info_hash = *InfoHash::Parse(kInfoHash),
          .piece_count = PieceCount(kPieces),
          .bitfield = Map(have).ToWireBytes(),
          .ns = "library/debian"};
}

WireMessage Open(const std::vector<int>& have) {
  return {.channel = 1,
          .body = OpenChannel{.key = {*Digest::FromHex(kName), ByteCount(kPiece)},
                              .size = ByteCount(2 * kPiece + kLastPiece),
                              .have = Map(have)}};
}

// The protobuf message of the only frame.
proto::Message Decode(absl::string_view frame) {
  proto::Message message;
  EXPECT_TRUE(message.ParseFromString(std::string(frame.substr(kFrameHeaderBytes))));
  return message;
}

proto::Message FromBytes(absl::string_view hex) {
  proto::Message message;
  EXPECT_TRUE(message.ParseFromString(absl::HexStringToBytes(hex)));
  return message;
}

proto::Message Encoded(const KrakenHandshake& handshake) {
  std::string frame;
  AppendKrakenHandshake(handshake, &frame);
  return Decode(frame);
}

// ---- The handshake ----

TEST(KrakenHandshakeTest, HasKrakensBytes) {
  KrakenHandshake handshake = TheirHandshake({0, 2});
  handshake.ns = "a/b";
  std::string frame;
  AppendKrakenHandshake(handshake, &frame);
  // Length, tag 3 (bitfield): 2 info hash, 3 name, 4 peer id, 5 bitfield, 6 namespace.
  const std::string body =
      absl::StrCat("\x12\x28", kInfoHash, "\x1a\x40", kName, "\x22\x28", kPeer,
                   absl::HexStringToBytes("2a1000000000000000030000000000000005"),
                   "\x32\x03"
                   "a/b");
  EXPECT_EQ(absl::BytesToHexString(frame),
            absl::BytesToHexString(absl::StrCat(absl::HexStringToBytes("000000b01aad01"), body)));
}

TEST(KrakenHandshakeTest, ComesBackAsItWas) {
  ASSERT_OK_AND_ASSIGN(const KrakenHandshake parsed,
                       ParseKrakenHandshake(Encoded(TheirHandshake({1}))));
  EXPECT_EQ(parsed.peer.hex(), kPeer);
  EXPECT_EQ(parsed.digest.hex(), kName);
  EXPECT_EQ(parsed.info_hash.hex(), kInfoHash);
  EXPECT_EQ(parsed.piece_count, PieceCount(kPieces));
  EXPECT_EQ(parsed.bitfield, Map({1}).ToWireBytes());
  EXPECT_EQ(parsed.ns, "library/debian");
}

TEST(KrakenHandshakeTest, RefusesWhatIsNone) {
  const auto refused = [](const std::function<void(proto::Message&)>& spoil) {
    proto::Message message = Encoded(TheirHandshake({0}));
    spoil(message);
    return absl::IsInvalidArgument(ParseKrakenHandshake(message).status());
  };
  EXPECT_FALSE(refused([](proto::Message&) {}));
  EXPECT_TRUE(refused([](proto::Message& m) { m.set_type(proto::Message::COMPLETE); }));
  EXPECT_TRUE(refused([](proto::Message& m) { m.clear_bitfield(); }));
  EXPECT_TRUE(refused([](proto::Message& m) { m.mutable_bitfield()->clear_info_hash(); }));
  EXPECT_TRUE(refused([](proto::Message& m) { m.mutable_bitfield()->set_name("sha256:00"); }));
  EXPECT_TRUE(refused([](proto::Message& m) { m.mutable_bitfield()->set_peer_id("../../x"); }));
  EXPECT_TRUE(
      refused([](proto::Message& m) { m.mutable_bitfield()->set_peer_id(std::string(40, '0')); }));
  for (const char* bitfield :
       {"", "00000000", "0000000000000000", "0000000000000003", "000000000000000300000000000000",
        "00000000000000030000000000000001ff",
        // Of 2^63 - 1 and of 2^64 - 1 bits.
        "7fffffffffffffff0000000000000001", "ffffffffffffffff0000000000000001",
        // One word, and says to need two.
        "00000000000000410000000000000001"}) {
    EXPECT_TRUE(refused([&](proto::Message& m) {
      m.mutable_bitfield()->set_bitfield_bytes(absl::HexStringToBytes(bitfield));
    })) << bitfield;
  }
}

// ---- A connection ----

class KrakenDialectTest : public testing::Test {
 protected:
  // Dials, sends ours with pieces `ours`, and hears theirs.
  void OpenDialled(const std::vector<int>& ours, const std::vector<int>& theirs) {
    dialect_ =
        std::make_unique<KrakenDialect>(self_, *PeerId::Parse(kPeer), *InfoHash::Parse(kInfoHash));
    Append(Open(ours));
    ASSERT_OK(dialect_->Parse(Encoded(TheirHandshake(theirs))));
    ASSERT_TRUE(dialect_->is_open());
  }
  void OpenAccepted(const std::vector<int>& ours, const std::vector<int>& theirs) {
    dialect_ = std::make_unique<KrakenDialect>(self_, TheirHandshake(theirs));
    WireMessage answer = Open(ours);
    answer.peer_channel = 1;
    Append(answer);
    ASSERT_TRUE(dialect_->is_open());
  }
  // The frames that it becomes, as hex.
  std::string Append(const WireMessage& message) {
    std::string out;
    dialect_->Append(message, &out);
    return absl::BytesToHexString(out);
  }
  template <typename Body>
  std::string Say(Body body) {
    return Append({.channel = 1, .body = std::move(body)});
  }
  // What a message in hex says.
  template <typename Body>
  Body Hear(absl::string_view hex) {
    const auto parsed = dialect_->Parse(FromBytes(hex));
    EXPECT_OK(parsed);
    if (!parsed.ok() || !parsed->has_value() || !std::holds_alternative<Body>((*parsed)->body)) {
      ADD_FAILURE() << hex << " says something else";
      return Body{};
    }
    EXPECT_EQ((*parsed)->channel, KrakenDialect::kChannel);
    return std::get<Body>((*parsed)->body);
  }
  bool IsRefused(absl::string_view hex) {
    return absl::IsInvalidArgument(dialect_->Parse(FromBytes(hex)).status());
  }
  bool IsOfNoInterest(absl::string_view hex) {
    const auto parsed = dialect_->Parse(FromBytes(hex));
    return parsed.ok() && !parsed->has_value();
  }

  const PeerId self_ = PeerId::FromAddress("127.0.0.1", 16001);
  std::unique_ptr<KrakenDialect> dialect_;
};

TEST_F(KrakenDialectTest, TheAnswerOpensTheChannel) {
  dialect_ =
      std::make_unique<KrakenDialect>(self_, *PeerId::Parse(kPeer), *InfoHash::Parse(kInfoHash));
  std::string frame;
  dialect_->Append(Open({1}), &frame);
  ASSERT_OK_AND_ASSIGN(const KrakenHandshake ours, ParseKrakenHandshake(Decode(frame)));
  EXPECT_EQ(ours.peer, self_);
  EXPECT_EQ(ours.info_hash.hex(), kInfoHash);
  EXPECT_EQ(ours.bitfield, Map({1}).ToWireBytes());
  EXPECT_EQ(ours.ns, "");
  ASSERT_OK_AND_ASSIGN(const auto parsed, dialect_->Parse(Encoded(TheirHandshake({0, 2}))));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->peer_channel, KrakenDialect::kChannel);
  const auto& open = std::get<OpenChannel>(parsed->body);
  EXPECT_EQ(open.key.digest.hex(), kName);
  EXPECT_EQ(open.key.piece_length, ByteCount(kPiece));
  EXPECT_EQ(open.have, Map({0, 2}));
  EXPECT_FALSE(open.load.is_known());
}

TEST_F(KrakenDialectTest, TheAnswerMustBeThatPeersAndOfThatTorrent) {
  const auto answered = [this](const std::function<void(proto::BitfieldMessage&)>& spoil) {
    dialect_ =
        std::make_unique<KrakenDialect>(self_, *PeerId::Parse(kPeer), *InfoHash::Parse(kInfoHash));
    Append(Open({}));
    proto::Message message = Encoded(TheirHandshake());
    spoil(*message.mutable_bitfield());
    return dialect_->Parse(message).status();
  };
  EXPECT_OK(answered([](proto::BitfieldMessage&) {}));
  EXPECT_THAT(answered([](proto::BitfieldMessage& m) { m.set_peer_id(std::string(40, 'a')); }),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(answered([](proto::BitfieldMessage& m) { m.set_info_hash(std::string(40, 'a')); }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(answered([](proto::BitfieldMessage& m) { m.set_name(std::string(64, 'a')); }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // Of four pieces; and of three with a bit for a fourth.
  for (const char* bitfield :
       {"00000000000000040000000000000000", "00000000000000030000000000000008"}) {
    EXPECT_THAT(answered([&](proto::BitfieldMessage& m) {
                  m.set_bitfield_bytes(absl::HexStringToBytes(bitfield));
                }),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(KrakenDialectTest, NothingIsHeardBeforeTheHandshakesAreThrough) {
  dialect_ = std::make_unique<KrakenDialect>(self_, TheirHandshake({0}));
  EXPECT_TRUE(IsRefused("10013a00"));
  EXPECT_TRUE(IsRefused("1006"));
  dialect_ =
      std::make_unique<KrakenDialect>(self_, *PeerId::Parse(kPeer), *InfoHash::Parse(kInfoHash));
  EXPECT_TRUE(IsRefused("1006"));
  Append(Open({}));
  EXPECT_TRUE(IsRefused("1006"));
  EXPECT_FALSE(dialect_->is_open());
}

TEST_F(KrakenDialectTest, SaysItInKrakensBytes) {
  OpenAccepted({}, {0, 1, 2});
  // Type 1, field 4: index 2, length 4 (4 MiB).
  EXPECT_EQ(Say(Request{PieceIndex(0), ByteCount(kPiece)}), "00000009100122052080808002");
  EXPECT_EQ(Say(Request{PieceIndex(2), ByteCount(kLastPiece)}), "0000000910012205100220e807");
  EXPECT_EQ(Say(PieceChunk{PieceIndex(1), 0, kPiece}), "0000000b10022a0710012080808002");
  EXPECT_EQ(Say(Have{.pieces = {PieceIndex(0), PieceIndex(1)}, .load = {}}),
            "000000041003320000000006100332021001");
  EXPECT_EQ(Say(Cancel{PieceIndex(2)}), "0000000610043a021002");
  // An error's code 0, as all of Kraken's.
  EXPECT_EQ(Say(Reject{PieceIndex(1)}),
            absl::StrCat("0000001f1005421b1217", absl::BytesToHexString("the piece is not served"),
                         "1801"));
  EXPECT_EQ(Say(Abort{PieceIndex(1)}), Say(Reject{PieceIndex(1)}));
}

TEST_F(KrakenDialectTest, HasNoWordsForTheRest) {
  OpenAccepted({}, {0});
  EXPECT_EQ(Say(Ping{}), "");
  EXPECT_EQ(Say(Pong{}), "");
  EXPECT_EQ(Say(Goodbye{}), "");
  EXPECT_EQ(Say(CloseChannel{absl::OkStatus()}), "");
  EXPECT_EQ(Say(Have{.pieces = {}, .load = {.backlog_micros = 5}}), "");
}

TEST_F(KrakenDialectTest, CompleteIsSaidOnceAllIsHere) {
  OpenAccepted({0}, {1});
  EXPECT_EQ(Say(Have{.pieces = {PieceIndex(0)}, .load = {}}), "");
  EXPECT_EQ(Say(Have{.pieces = {PieceIndex(2)}, .load = {}}), "00000006100332021002");
  EXPECT_EQ(Say(Have{.pieces = {PieceIndex(1)}, .load = {}}), "0000000410064a00");
  EXPECT_EQ(Say(Have{.pieces = {PieceIndex(1)}, .load = {}}), "");
}

TEST_F(KrakenDialectTest, HearsKrakensBytes) {
  OpenDialled({0, 1, 2}, {});
  const auto request = Hear<Request>("100122052080808002");
  EXPECT_EQ(request.piece, PieceIndex(0));
  EXPECT_EQ(request.length, ByteCount(kPiece));
  const auto chunk = Hear<PieceChunk>("10022a05100220e807");
  EXPECT_EQ(chunk.piece, PieceIndex(2));
  EXPECT_EQ(chunk.offset, 0);
  EXPECT_EQ(chunk.length, kLastPiece);
  EXPECT_THAT(Hear<Have>("100332021001").pieces, testing::ElementsAre(PieceIndex(1)));
  EXPECT_EQ(Hear<Cancel>("10043a021002").piece, PieceIndex(2));
  EXPECT_EQ(Hear<Reject>("100542051201781801").piece, PieceIndex(1));
  EXPECT_THAT(Hear<Have>("10064a00").pieces, testing::ElementsAre(PieceIndex(0), PieceIndex(2)));
}

TEST_F(KrakenDialectTest, WhatIsKnownAlreadyIsOfNoInterest) {
  OpenDialled({}, {1});
  EXPECT_TRUE(IsOfNoInterest("100332021001"));
  EXPECT_TRUE(IsOfNoInterest("1a00"));  // a late bitfield
  Hear<Have>("1006");
  EXPECT_TRUE(IsOfNoInterest("1006"));
}

TEST_F(KrakenDialectTest, EachIndexAndLengthIsChecked) {
  OpenAccepted({0}, {1});
  for (const char* bad : {
           "1001",  // a request of nothing
           "1002",  // a payload of nothing
           "1003",  // an announcement of nothing
           "1004",
           "1005",
           "1001220710032080808002",          // piece 3 of 3
           "1001220b10ffffffffffffffffff01",  // piece -1, no bytes
           "10012207180120ffffff01",          // at an offset
           "100122022001",                    // less than the piece
           "100122052081808002",              // one byte more
           "1001220b20ffffffffffffffffff01",  // -1 bytes
           "1001220710022080808002",          // the last piece is shorter
           "10022a0b20ffffffffffffffffff01",  // payload of -1 bytes
           "10022a0520ffffff01",
           "10022a0710032080808002",
           "10022a0b10ffffffffffffffffff01",
           "10022a0620ffffffff07",            // of 2 GiB
           "100332021003",                    // announces piece 3
           "1003320b10ffffffffffffffffff01",  // and piece -1
           "10043a021003",                    // takes back piece 3
           "100542021803",                    // an error about piece 3
           "100542022001",                    // of a code that Kraken does not have
           "1064",                            // our own OPEN
           "1066",                            // and PING
           "1007",
       }) {
    EXPECT_TRUE(IsRefused(bad)) << bad;
  }
}

TEST_F(KrakenDialectTest, APieceSentIsAPieceThere) {
  OpenAccepted({0, 1, 2}, {});
  const auto said = dialect_->OnPieceSent(1, PieceIndex(1));
  ASSERT_TRUE(said.has_value());
  EXPECT_THAT(std::get<Have>(said->body).pieces, testing::ElementsAre(PieceIndex(1)));
  EXPECT_FALSE(dialect_->OnPieceSent(1, PieceIndex(1)).has_value());
  EXPECT_TRUE(dialect_->OnPieceSent(1, PieceIndex(0)).has_value());
  // Of its last piece the peer speaks itself.
  EXPECT_FALSE(dialect_->OnPieceSent(1, PieceIndex(2)).has_value());
  EXPECT_THAT(Hear<Have>("1006").pieces, testing::ElementsAre(PieceIndex(2)));
}

}  // namespace
}  // namespace kraken::peer_wire
