// Our nodes and a peer of Kraken's version 1 that was written without them
// (testing/kraken_v1_peer.py), over real sockets.
#include <sys/wait.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kraken/base/test_util.h"
#include "kraken/net/cidr_set.h"
#include "kraken/net/test_certificates.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/kraken_metainfo.h"

namespace kraken::peer_wire {
namespace {

using storage::TestBlob;

constexpr int64_t kPiece = 256 << 10;
// Of more than one word of a bitfield, the last piece shorter.
constexpr int64_t kBytes = 70 * kPiece + 12'345;

// Runs the other peer.
class KrakenPeer {
 public:
  explicit KrakenPeer(const std::string& arguments)
      : output_(::popen(absl::StrCat("PYTHONPATH=\"$PWD\" PYTHONDONTWRITEBYTECODE=1 python3 "
                                     "kraken/peer_wire/testing/kraken_v1_peer.py ",
                                     arguments)
                            .c_str(),
                        "r")) {}
  ~KrakenPeer() {
    if (output_ != nullptr) ::pclose(output_);
  }

  std::string ReadLine() {
    char line[200] = {};
    return ::fgets(line, sizeof(line), output_) == nullptr ? "" : line;
  }
  // Waits for its end; 0: it found nothing wrong.
  int Wait() {
    const int status = ::pclose(std::exchange(output_, nullptr));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  FILE* output_;
};

swarm::KrakenMetainfo KrakenMetainfoOf(const TestBlob& blob) {
  std::vector<uint32_t> sums;
  for (int i = 0; i < blob.layout.piece_count().value(); ++i) {
    const auto piece = blob.Piece(i);
    sums.push_back(static_cast<uint32_t>(::crc32_z(0, piece.data(), piece.size())));
  }
  auto metainfo = swarm::KrakenMetainfo::Create(blob.digest, blob.size(),
                                                blob.layout.piece_length(), std::move(sums));
  EXPECT_OK(metainfo);
  return *std::move(metainfo);
}

class KrakenInteropTest : public testing::TestWithParam<bool> {
 protected:
  KrakenInteropTest()
      : blob_(kBytes, kPiece),
        metainfo_(KrakenMetainfoOf(blob_)),
        dir_(MakeTestDir()),
        metainfo_path_(dir_ + "/metainfo"),
        blob_path_(dir_ + "/blob") {
    Write(metainfo_path_, metainfo_.ToJson());
    Write(blob_path_, storage::ToString(blob_.bytes));
  }

  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  // An origin super-seeds, an agent does not.
  TestNodeOptions Options() {
    TestNodeOptions options;
    options.origin = GetParam();
    if (options.origin) options.swarm = swarm::OriginSwarmConfig();
    options.swarm.min_links = options.swarm.max_dialed_links = 4;
    options.security.kraken_v1 = Addresses("127.0.0.0/8");
    return options;
  }

  static net::CidrSet Addresses(const std::string& range) {
    const auto set = net::CidrSet::Parse({range});
    EXPECT_OK(set);
    return *set;
  }

  std::string LeechFrom(const TestNode& node) {
    return absl::StrCat("leech ", node.self().port, " ", node.self().id.hex(), " ", metainfo_path_,
                        " ", dir_, "/out");
  }

  // Lets the node fetch from a seeder that has just been started; returns the fetch.
  std::shared_ptr<TestNode::Fetch> FetchFrom(TestNode& node, KrakenPeer& seeder) {
    const std::vector<std::string> words = absl::StrSplit(seeder.ReadLine(), ' ');
    EXPECT_EQ(words.size(), 2u);
    swarm::PeerInfo peer;
    peer.ip = "127.0.0.1";
    peer.port = static_cast<uint16_t>(std::stoi(words[0]));
    peer.id = *PeerId::Parse(words[1].substr(0, 40));
    peer.version = swarm::WireVersion::kKrakenV1;
    return LeechFromPeer(node, peer);
  }

  std::shared_ptr<TestNode::Fetch> LeechFromPeer(TestNode& node, const swarm::PeerInfo& peer) {
    auto fetch = node.Leech(blob_);
    node.Run([&] {
      const swarm::TorrentKey key{blob_.digest, ByteCount(kPiece)};
      node.node().SetInfoHash(key, metainfo_.info_hash());
      node.node().OnTrackerPeers(key, {peer});
    });
    return fetch;
  }

  TestTracker tracker_;
  const TestBlob blob_;
  const swarm::KrakenMetainfo metainfo_;
  const std::string dir_;
  const std::string metainfo_path_;
  const std::string blob_path_;
};

TEST_P(KrakenInteropTest, ItLeechesFromUs) {
  TestNode node(&tracker_, Options());
  node.Store(blob_);
  KrakenPeer leecher(LeechFrom(node));
  EXPECT_EQ(leecher.Wait(), 0);
  std::ifstream out(dir_ + "/out", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(out)), {});
  EXPECT_TRUE(bytes == storage::ToString(blob_.bytes));
  EXPECT_EQ(node.Stats().connections_malformed, 0u);
}

TEST_P(KrakenInteropTest, ItSeedsToUs) {
  TestNode node(&tracker_, Options());
  KrakenPeer seeder(absl::StrCat("seed ", metainfo_path_, " ", blob_path_));
  const auto fetch = FetchFrom(node, seeder);
  EXPECT_OK(fetch->Wait());
  EXPECT_EQ(seeder.Wait(), 0);
  node.ExpectStored(blob_);
  EXPECT_EQ(node.Stats().connections_malformed, 0u);
}

// It gets the pieces as they come to us, although none of them has come to us when it dials.
TEST_P(KrakenInteropTest, ItLeechesFromUsWhatAnotherOneSeedsToUs) {
  TestNode node(&tracker_, Options());
  KrakenPeer seeder(absl::StrCat("seed ", metainfo_path_, " ", blob_path_));
  const auto fetch = FetchFrom(node, seeder);
  KrakenPeer leecher(LeechFrom(node));
  EXPECT_OK(fetch->Wait());
  EXPECT_EQ(leecher.Wait(), 0);
}

TEST_P(KrakenInteropTest, WhatItSeedsIsCheckedAgainstOurList) {
  TestNode node(&tracker_, Options());
  std::string spoilt = storage::ToString(blob_.bytes);
  spoilt[5 * kPiece] ^= 1;
  Write(blob_path_, spoilt);
  KrakenPeer seeder(absl::StrCat("seed ", metainfo_path_, " ", blob_path_, " 2>/dev/null"));
  const auto fetch = FetchFrom(node, seeder);
  EXPECT_TRUE(WaitFor([&] { return node.Stats().pieces_corrupt >= 1; }));
  EXPECT_NE(seeder.Wait(), -1);
  EXPECT_FALSE(fetch->HasEnded());
  EXPECT_FALSE(node.store().Contains(blob_.digest));
}

TEST_P(KrakenInteropTest, WhatIsMalformedCostsItsConnectionAndNoOther) {
  TestNode node(&tracker_, Options());
  node.Store(blob_);
  KrakenPeer hostile(
      absl::StrCat("hostile ", node.self().port, " ", node.self().id.hex(), " ", metainfo_path_));
  const int connections = std::atoi(hostile.ReadLine().c_str());
  EXPECT_EQ(hostile.Wait(), 0);
  EXPECT_GT(connections, 30);
  EXPECT_GE(node.Stats().connections_malformed, static_cast<uint64_t>(connections) / 2);
  EXPECT_TRUE(WaitFor([&] { return node.Stats().connections == 0; }));
}

TEST_P(KrakenInteropTest, AnotherInfoHashIsRefused) {
  TestNode node(&tracker_, Options());
  node.Store(blob_);
  node.Run([&] { node.node().SeedComplete(blob_.digest, [](absl::Status) {}); });
  ASSERT_TRUE(WaitFor([&] { return node.Stats().torrents == 1; }));
  node.Run([&] {
    node.node().SetInfoHash({blob_.digest, ByteCount(kPiece)},
                            *InfoHash::Parse(std::string(40, 'a')));
  });
  KrakenPeer leecher(LeechFrom(node) + " 2>/dev/null");
  EXPECT_NE(leecher.Wait(), 0);
}

TEST_P(KrakenInteropTest, NobodySpeaksItUnlessAllowed) {
  TestNodeOptions options = Options();
  options.security.kraken_v1 = net::CidrSet();
  TestNode node(&tracker_, options);
  node.Store(blob_);
  KrakenPeer leecher(LeechFrom(node) + " 2>/dev/null");
  EXPECT_NE(leecher.Wait(), 0);
}

TEST_P(KrakenInteropTest, NobodyElseSpeaksIt) {
  TestNodeOptions options = Options();
  options.security.kraken_v1 = Addresses("10.0.0.0/8");
  TestNode node(&tracker_, options);
  node.Store(blob_);
  KrakenPeer leecher(LeechFrom(node) + " 2>/dev/null");
  EXPECT_NE(leecher.Wait(), 0);
}

TEST_P(KrakenInteropTest, NobodyElseIsDialled) {
  TestNodeOptions options = Options();
  options.security.kraken_v1 = Addresses("10.0.0.0/8");
  TestNode node(&tracker_, options);
  swarm::PeerInfo peer;
  peer.ip = "127.0.0.1";
  peer.port = 1;
  peer.id = PeerId::Random();
  peer.version = swarm::WireVersion::kKrakenV1;
  const auto fetch = LeechFromPeer(node, peer);
  EXPECT_TRUE(WaitFor([&] { return node.Stats().engine.dials_failed > 0; }));
  EXPECT_EQ(node.Stats().connections_dialed, 0u);
  EXPECT_FALSE(fetch->HasEnded());
}

// The v1 peer and one of ours with TLS at the same port; ours without TLS is refused all the same.
TEST_P(KrakenInteropTest, ItIsSpokenBesideTls) {
  net::TestCa ca(dir_, "cluster");
  TestNodeOptions options = Options();
  const net::CidrSet kraken_v1 = options.security.kraken_v1;
  options.security = MakeTestSecurity(ca, ca, "seeder");
  options.security.kraken_v1 = kraken_v1;
  TestNode node(&tracker_, options);
  node.Store(blob_);

  TestNode plain(&tracker_);
  const auto refused = plain.Leech(blob_);
  swarm::PeerInfo without_tls = node.self();
  without_tls.tls = false;
  const swarm::TorrentKey key{blob_.digest, ByteCount(kPiece)};
  EXPECT_TRUE(WaitFor([&] {
    plain.Run([&] { plain.node().OnTrackerPeers(key, {without_tls}); });
    return plain.Stats().engine.dials_failed > 0;
  }));
  EXPECT_FALSE(refused->HasEnded());

  TestNode secure(&tracker_, {.security = MakeTestSecurity(ca, ca, "leecher")});
  const auto fetch = secure.Leech(blob_);
  secure.Run([&] { secure.node().OnTrackerPeers(key, {node.self()}); });
  KrakenPeer leecher(LeechFrom(node));
  EXPECT_EQ(leecher.Wait(), 0);
  EXPECT_OK(fetch->Wait());
  secure.ExpectStored(blob_);
}

INSTANTIATE_TEST_SUITE_P(AgentAndOrigin, KrakenInteropTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Origin" : "Agent"; });

}  // namespace
}  // namespace kraken::peer_wire
