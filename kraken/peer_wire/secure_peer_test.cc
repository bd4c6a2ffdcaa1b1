// TLS between peers, and signed piece lists.
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/test_certificates.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/piece_list_signature.h"

namespace kraken::peer_wire {
namespace {

using storage::TestBlob;

constexpr int64_t kPiece = 64 << 10;

std::string ReadFile(const std::string& path) {
  std::string content;
  std::FILE* file = std::fopen(path.c_str(), "r");
  EXPECT_NE(file, nullptr);
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) content.append(buffer, n);
  std::fclose(file);
  return content;
}

class SecurePeerTest : public testing::Test {
 protected:
  SecurePeerTest() : dir_(MakeTestDir()), ca_(dir_, "cluster"), blob_(20 * kPiece + 5, kPiece) {}

  TransportSecurity Security(net::TestCa& issuer, const std::string& name) {
    return MakeTestSecurity(ca_, issuer, name);
  }

  const std::string dir_;
  net::TestCa ca_;
  TestTracker tracker_;
  const TestBlob blob_;
};

TEST_F(SecurePeerTest, FetchesOverTls) {
  TestNode seeder(&tracker_, {.origin = true, .security = Security(ca_, "origin-1")});
  TransportSecurity security = Security(ca_, "agent-1");
  std::string seen;
  absl::Mutex mu;
  security.authorizer = [&](const net::TlsPeerCertificate& certificate, const PeerId& peer) {
    absl::MutexLock lock(&mu);
    seen = certificate.dns_sans.empty() ? "" : certificate.dns_sans[0];
    EXPECT_EQ(peer, seeder.self().id);
    return absl::OkStatus();
  };
  TestNode leecher(&tracker_, {.security = security});
  EXPECT_TRUE(seeder.self().tls);
  seeder.Store(blob_);
  const auto fetch = leecher.Leech(blob_);
  leecher.Run([&] {
    leecher.node().OnTrackerPeers({blob_.digest, ByteCount(kPiece)}, {seeder.self()});
  });
  EXPECT_OK(fetch->Wait());
  leecher.ExpectStored(blob_);
  absl::MutexLock lock(&mu);
  EXPECT_EQ(seen, "origin-1");
}

// Dials until the attempt has failed; what came of it.
void ExpectNoConnection(TestNode& seeder, TestNode& leecher, const TestBlob& blob,
                        const swarm::PeerInfo& peer) {
  seeder.Store(blob);
  const auto fetch = leecher.Leech(blob);
  EXPECT_TRUE(WaitFor([&] {
    leecher.Run([&] {
      leecher.node().OnTrackerPeers({blob.digest, blob.layout.piece_length()}, {peer});
    });
    return leecher.Stats().engine.dials_failed > 0;
  }));
  EXPECT_FALSE(fetch->HasEnded());
  EXPECT_EQ(leecher.Stats().bytes_from_agents, 0u);
}

TEST_F(SecurePeerTest, AStrangersCertificateIsRefused) {
  net::TestCa stranger(dir_, "stranger");
  TestNode seeder(&tracker_, {.security = Security(ca_, "agent-1")});
  TestNode leecher(&tracker_, {.security = Security(stranger, "agent-2")});
  ExpectNoConnection(seeder, leecher, blob_, seeder.self());
}

TEST_F(SecurePeerTest, PlaintextIsRefusedUnlessItIsAllowed) {
  TestNode seeder(&tracker_, {.security = Security(ca_, "agent-1")});
  TestNode leecher(&tracker_);
  ExpectNoConnection(seeder, leecher, blob_, seeder.self());

  TransportSecurity lenient = Security(ca_, "agent-3");
  lenient.allow_plaintext = true;
  TestNode lenient_seeder(&tracker_, {.security = lenient});
  lenient_seeder.Store(blob_);
  const TestBlob other(3 * kPiece, kPiece, 9);
  lenient_seeder.Store(other);
  const auto fetch = leecher.Leech(other);
  leecher.Run([&] {
    leecher.node().OnTrackerPeers({other.digest, ByteCount(kPiece)}, {lenient_seeder.self()});
  });
  EXPECT_OK(fetch->Wait());
}

TEST_F(SecurePeerTest, APlainPeerIsNotDialledWherePlaintextIsNotAllowed) {
  TestNode seeder(&tracker_);
  TestNode leecher(&tracker_, {.security = Security(ca_, "agent-1")});
  ExpectNoConnection(seeder, leecher, blob_, seeder.self());
  EXPECT_EQ(leecher.Stats().connections_dialed, 0u);
}

TEST_F(SecurePeerTest, AnotherPeersIdIsRefused) {
  TestNode seeder(&tracker_, {.security = Security(ca_, "agent-1")});
  TestNode leecher(&tracker_, {.security = Security(ca_, "agent-2")});
  swarm::PeerInfo liar = seeder.self();
  liar.id = PeerId::Random();
  ExpectNoConnection(seeder, leecher, blob_, liar);
}

TEST_F(SecurePeerTest, AnUnauthorizedPeerIsRefused) {
  TransportSecurity security = Security(ca_, "agent-1");
  security.authorizer = [](const net::TlsPeerCertificate&, const PeerId&) {
    return absl::PermissionDeniedError("not this one");
  };
  TestNode seeder(&tracker_, {.security = security});
  TestNode leecher(&tracker_, {.security = Security(ca_, "agent-2")});
  ExpectNoConnection(seeder, leecher, blob_, seeder.self());
}

TEST_F(SecurePeerTest, OnlySignedStatesAreBelieved) {
  const net::TlsIdentity identity = ca_.Issue("origin-1", {.dns_sans = {"origin"}});
  auto signer = swarm::PieceListSigner::Create(ReadFile(identity.key_file),
                                               ReadFile(identity.certificate_file));
  ASSERT_OK(signer);
  auto verifier = swarm::PieceListVerifier::Create(ReadFile(ca_.ca_file()), "origin");
  ASSERT_OK(verifier);
  TestNode seeder(&tracker_, {.origin = true});
  seeder.Store(blob_);
  TestNode leecher(&tracker_, {.verifier = *std::move(verifier)});
  const auto fetch = leecher.Leech(
      *swarm::Metainfo::Create(blob_.digest, blob_.size(), blob_.layout.piece_length()));
  swarm::SignedPieceRange range;
  range.digest = blob_.digest;
  range.size = blob_.size();
  range.piece_length = blob_.layout.piece_length();
  range.states = blob_.states;
  const auto add = [&](swarm::SignedPieceRange added) {
    auto done = std::make_shared<TestNode::Fetch>();
    leecher.Run([&] {
      leecher.node().AddStates(std::move(added),
                               [done](absl::Status status) { done->End(status); });
    });
    return done->Wait();
  };
  EXPECT_FALSE(add(range).ok());
  ASSERT_OK((*signer)->Sign(range));
  swarm::SignedPieceRange forged = range;
  forged.states[3].words[0] ^= 1;
  EXPECT_FALSE(add(forged).ok());
  leecher.Run([&] {
    leecher.node().OnTrackerPeers({blob_.digest, ByteCount(kPiece)}, {seeder.self()});
  });
  EXPECT_FALSE(fetch->HasEnded());
  EXPECT_OK(add(range));
  EXPECT_OK(fetch->Wait());
  leecher.ExpectStored(blob_);
}

}  // namespace
}  // namespace kraken::peer_wire
