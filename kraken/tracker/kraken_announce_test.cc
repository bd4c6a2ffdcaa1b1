#include "kraken/tracker/kraken_announce.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/test_util.h"

namespace kraken::tracker {
namespace {

using ::testing::HasSubstr;

constexpr char kHex[] = "289314c356bc2a19802c3e31505506db30ea81a0bcaea4ec3e079524c8ac3cf5";
// SHA-1 of "127.0.0.1:15001".
constexpr char kPeerId[] =
    "[219,119,11,190,32,84,161,143,214,247,26,237,235,65,93,41,106,73,181,209]";
constexpr char kInfoHash[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]";
constexpr char kInfoHashHex[] = "0102030405060708090a0b0c0d0e0f1011121314";

std::string Body() {
  return absl::StrCat(R"({"name":")", kHex, R"(","digest":"sha256:)", kHex, R"(","info_hash":)",
                      kInfoHash, R"(,"peer":{"peer_id":)", kPeerId,
                      R"(,"ip":"10.0.0.1","port":16001,"origin":false,"complete":false}})");
}

absl::StatusOr<KrakenAnnounce> ParseWith(const std::string& what, const std::string& instead) {
  EXPECT_THAT(Body(), HasSubstr(what));
  return ParseKrakenAnnounce(absl::StrReplaceAll(Body(), {{what, instead}}), std::nullopt);
}

TEST(KrakenAnnounceTest, ReadsWhoAnnouncesWhat) {
  ASSERT_OK_AND_ASSIGN(const KrakenAnnounce announce, ParseKrakenAnnounce(Body(), std::nullopt));
  EXPECT_EQ(announce.digest.hex(), kHex);
  EXPECT_EQ(announce.info_hash.hex(), kInfoHashHex);
  EXPECT_EQ(announce.peer.id, PeerId::FromAddress("127.0.0.1", 15001));
  EXPECT_EQ(announce.peer.ip, "10.0.0.1");
  EXPECT_EQ(announce.peer.port, 16001);
  EXPECT_EQ(announce.peer.version, swarm::WireVersion::kKrakenV1);
  EXPECT_FALSE(announce.peer.origin);
  EXPECT_FALSE(announce.peer.complete);
  EXPECT_FALSE(announce.peer.tls);
}

TEST(KrakenAnnounceTest, NameDoesWithoutDigest) {
  for (const std::string& instead : {std::string(R"("other":"x",)"), std::string(R"("digest":"",)"),
                                     std::string(R"("digest":null,)")}) {
    ASSERT_OK_AND_ASSIGN(const KrakenAnnounce announce,
                         ParseWith(absl::StrCat(R"("digest":"sha256:)", kHex, R"(",)"), instead));
    EXPECT_EQ(announce.digest.hex(), kHex);
  }
}

TEST(KrakenAnnounceTest, ThePathsInfoHashHolds) {
  const InfoHash other = *InfoHash::Parse(std::string(40, 'b'));
  ASSERT_OK_AND_ASSIGN(const KrakenAnnounce announce, ParseKrakenAnnounce(Body(), other));
  EXPECT_EQ(announce.info_hash, other);
  ASSERT_OK(ParseKrakenAnnounce(
      absl::StrReplaceAll(Body(), {{absl::StrCat(R"("info_hash":)", kInfoHash, ","), ""}}), other));
}

TEST(KrakenAnnounceTest, KeysMayBeInAnyCase) {
  ASSERT_OK_AND_ASSIGN(const KrakenAnnounce announce, ParseWith(R"("port")", R"("Port")"));
  EXPECT_EQ(announce.peer.port, 16001);
  ASSERT_OK(ParseWith(R"("info_hash")", R"("INFO_HASH")"));
}

TEST(KrakenAnnounceTest, ASeederSaysSo) {
  ASSERT_OK_AND_ASSIGN(const KrakenAnnounce announce,
                       ParseWith(R"("complete":false)", R"("complete":true)"));
  EXPECT_TRUE(announce.peer.complete);
}

TEST(KrakenAnnounceTest, NobodyAnnouncesAnOrigin) {
  ASSERT_OK_AND_ASSIGN(const KrakenAnnounce announce,
                       ParseWith(R"("origin":false)", R"("origin":true)"));
  EXPECT_FALSE(announce.peer.origin);
}

TEST(KrakenAnnounceTest, RefusesWhatMakesNoSense) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {R"("ip":"10.0.0.1")", R"("ip":"example.com")"},
      {R"("ip":"10.0.0.1")", R"("ip":7)"},
      {R"("ip":"10.0.0.1",)", ""},
      {R"("port":16001)", R"("port":0)"},
      {R"("port":16001)", R"("port":65536)"},
      {R"("port":16001)", R"("port":-1)"},
      {R"("port":16001)", R"("port":"16001")"},
      {kPeerId, "[1,2,3]"},
      {kPeerId, "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"},
      {kPeerId, "null"},
      {kInfoHash, "\"0102\""},
      {absl::StrCat("sha256:", kHex), "sha256:12"},
      {absl::StrCat("sha256:", kHex), kHex},
      {R"("peer":)", R"("paar":)"},
      {R"("complete":false}})", ""},
  };
  for (const auto& [what, instead] : bad) {
    EXPECT_THAT(ParseWith(what, instead), StatusIs(absl::StatusCode::kInvalidArgument)) << instead;
  }
  for (const char* body : {"", "[]", "null", "{}", "7", "[[[[[[[[[["}) {
    EXPECT_THAT(ParseKrakenAnnounce(body, std::nullopt),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << body;
  }
}

TEST(KrakenAnnounceTest, AnswersAsKrakenDoes) {
  swarm::PeerInfo peer;
  peer.id = PeerId::FromAddress("127.0.0.1", 15001);
  peer.ip = "127.0.0.1";
  peer.port = 15001;
  peer.origin = true;
  peer.complete = true;
  const std::string shown =
      absl::StrCat(R"({"peer_id":)", kPeerId, R"(,"ip":"127.0.0.1","port":15001,"origin":true,)",
                   R"("complete":true})");
  EXPECT_EQ(FormatKrakenAnnounceReply({peer}, absl::Seconds(3)),
            absl::StrCat(R"({"peers":[)", shown, R"(],"interval":3000000000})"));
  EXPECT_EQ(FormatKrakenAnnounceReply({peer, peer}, absl::Seconds(3)),
            absl::StrCat(R"({"peers":[)", shown, ",", shown, R"(],"interval":3000000000})"));
  EXPECT_EQ(FormatKrakenAnnounceReply(absl::Seconds(3)), R"({"peers":null,"interval":3000000000})");
}

}  // namespace
}  // namespace kraken::tracker
