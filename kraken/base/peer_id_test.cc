#include "kraken/base/peer_id.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

constexpr char kHex[] = "db770bbe2054a18fd6f71aedeb415d296a49b5d1";

// Kraken's vector.
TEST(PeerIdTest, AddressHashIsKrakens) {
  EXPECT_EQ(PeerId::FromAddress("127.0.0.1", 15001).hex(), kHex);
}

TEST(PeerIdTest, Ipv6AddressIsBracketedOnce) {
  EXPECT_EQ(PeerId::FromAddress("::1", 80).hex(), "e2c3aabdec596f0ec5a804b6a5f52d1605f8bb80");
  EXPECT_EQ(PeerId::FromAddress("[::1]", 80), PeerId::FromAddress("::1", 80));
}

TEST(PeerIdTest, ParsesWhatItPrints) {
  ASSERT_OK_AND_ASSIGN(const PeerId id, PeerId::Parse(kHex));
  EXPECT_EQ(id.ToString(), kHex);
  EXPECT_EQ(PeerId::FromBytes(id.bytes()), id);
  EXPECT_NE(id, PeerId());
}

TEST(PeerIdTest, RefusesOtherLengthsAndUpperCase) {
  for (const char* text : {"", "db77", "DB770BBE2054A18FD6F71AEDEB415D296A49B5D1",
                           "db770bbe2054a18fd6f71aedeb415d296a49b5d1 "}) {
    EXPECT_THAT(PeerId::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument,
                                              "peer id: expected 40 lower-case hex digits"));
  }
}

TEST(PeerIdTest, RandomIdsDifferAndSeedsRepeat) {
  EXPECT_NE(PeerId::Random(), PeerId::Random());
  SeededBitGen first(7);
  SeededBitGen second(7);
  EXPECT_EQ(PeerId::Random(first), PeerId::Random(second));
}

}  // namespace
}  // namespace kraken
