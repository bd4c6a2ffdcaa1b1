#include "kraken/rpc/convert.h"

#include <cstdint>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::rpc {
namespace {

swarm::PeerInfo SomePeer() {
  swarm::PeerInfo peer;
  peer.id = PeerId::FromAddress("10.0.0.1", 16001);
  peer.ip = "10.0.0.1";
  peer.port = 16001;
  peer.origin = true;
  peer.tls = true;
  return peer;
}

TEST(ConvertTest, PeersSurviveARoundTripWithTheirZone) {
  ZoneTable sender;
  ZoneTable receiver;
  receiver.NumberOf("another");
  swarm::PeerInfo peer = SomePeer();
  peer.zone = sender.NumberOf("rack-7");
  ASSERT_OK_AND_ASSIGN(const swarm::PeerInfo got, FromProto(ToProto(peer, sender), receiver));
  EXPECT_EQ(got.id, peer.id);
  EXPECT_EQ(got.ip, peer.ip);
  EXPECT_EQ(got.port, peer.port);
  EXPECT_TRUE(got.origin);
  EXPECT_TRUE(got.tls);
  EXPECT_FALSE(got.complete);
  EXPECT_EQ(receiver.NameOf(got.zone), "rack-7");
}

TEST(ConvertTest, RefusesPeersThatNobodyCouldDial) {
  ZoneTable zones;
  const v1::Peer good = ToProto(SomePeer(), zones);
  EXPECT_OK(FromProto(good, zones));
  for (int field = 0; field < 6; ++field) {
    v1::Peer bad = good;
    if (field == 0) bad.set_id("short");
    if (field == 1) bad.set_ip("");
    if (field == 2) bad.set_port(0);
    if (field == 3) bad.set_port(65536);
    if (field == 4) bad.set_wire_version(9);
    if (field == 5) bad.set_ip("registry.example");
    EXPECT_THAT(FromProto(bad, zones), StatusIs(absl::StatusCode::kInvalidArgument)) << field;
  }
}

TEST(ConvertTest, ZoneNamesAreBounded) {
  ZoneTable zones;
  std::set<uint16_t> numbers;
  int names = 0;
  while (numbers.size() < ZoneTable::kMaxZones) {
    const uint16_t number = zones.NumberOf("zone-" + std::to_string(names++));
    ASSERT_NE(number, 0);
    numbers.insert(number);
  }
  EXPECT_LT(names, 1.1 * ZoneTable::kMaxZones) << "names that share their number are few";
  const std::string one_too_many = "rack 17";
  EXPECT_EQ(zones.NumberOf(one_too_many), 0);
  EXPECT_EQ(zones.NameOf(ZoneTable::NumberFor(one_too_many)), "");
  EXPECT_EQ(zones.NameOf(zones.NumberOf("zone-3")), "zone-3");
}

TEST(ConvertTest, AZoneHasTheSameNumberEverywhere) {
  ZoneTable other;
  other.NumberOf("somewhere else");
  EXPECT_EQ(other.NumberOf("rack-7"), ZoneTable::NumberFor("rack-7"));
  EXPECT_EQ(ZoneTable::NumberFor(""), 0);
  EXPECT_NE(ZoneTable::NumberFor("rack-7"), ZoneTable::NumberFor("rack-8"));
}

TEST(ConvertTest, PieceRangesSurviveARoundTrip) {
  swarm::SignedPieceRange range;
  Digest::Bytes digest{};
  digest[31] = 9;
  range.digest = Digest::FromBytes(digest);
  range.size = ByteCount(1 << 20);
  range.piece_length = ByteCount(256 << 10);
  range.sequence = 5;
  range.first = PieceIndex(1);
  range.states.resize(2);
  range.states[0].words = {1, 2, 3, 4, 5, 6, 7, 0xfffffff0};
  range.signature = "signature";
  range.certificate_chain = "chain";
  ASSERT_OK_AND_ASSIGN(const swarm::SignedPieceRange got, FromProto(ToProto(range)));
  EXPECT_EQ(got.digest, range.digest);
  EXPECT_EQ(got.size.value(), range.size.value());
  EXPECT_EQ(got.piece_length.value(), range.piece_length.value());
  EXPECT_EQ(got.sequence, 5u);
  EXPECT_EQ(got.first.value(), 1);
  EXPECT_EQ(got.states, range.states);
  EXPECT_EQ(got.signature, "signature");
  EXPECT_EQ(got.certificate_chain, "chain");
}

TEST(ConvertTest, SumsOfVersionOneSurvive) {
  const Digest digest = *Digest::FromHex(std::string(64, 'a'));
  ASSERT_OK_AND_ASSIGN(const auto metainfo,
                       swarm::KrakenMetainfo::Create(digest, ByteCount((2 << 20) + 1),
                                                     ByteCount(1 << 20), {1, 2, ~uint32_t{0}}));
  const v1::KrakenMetainfo proto = ToProto(metainfo);
  ASSERT_OK_AND_ASSIGN(const auto got, FromProto(proto, digest, (2 << 20) + 1));
  EXPECT_EQ(got.ToJson(), metainfo.ToJson());
  EXPECT_EQ(got.info_hash(), metainfo.info_hash());
  // Of a blob with another number of pieces.
  EXPECT_THAT(FromProto(proto, digest, 2 << 20), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FromProto(proto, digest, ~uint64_t{0}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ConvertTest, AnInfoHashHasTwentyBytes) {
  const InfoHash info_hash = *InfoHash::Parse(std::string(40, 'c'));
  ASSERT_OK_AND_ASSIGN(const InfoHash got, InfoHashFromBytes(ToBytes(info_hash)));
  EXPECT_EQ(got, info_hash);
  EXPECT_THAT(InfoHashFromBytes(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(InfoHashFromBytes(std::string(21, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ConvertTest, RefusesRangesThatDoNotFitTheirTypes) {
  v1::PieceRange good;
  good.set_digest(std::string(32, 'd'));
  EXPECT_OK(FromProto(good));
  for (int field = 0; field < 5; ++field) {
    v1::PieceRange bad = good;
    if (field == 0) bad.set_digest("short");
    if (field == 1) bad.set_size_bytes(~uint64_t{0});
    if (field == 2) bad.set_piece_length_bytes(~uint64_t{0});
    if (field == 3) bad.set_first(~uint32_t{0});
    if (field == 4) bad.set_states("31 bytes are no state of SHA-2");
    EXPECT_THAT(FromProto(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << field;
  }
}

}  // namespace
}  // namespace kraken::rpc
