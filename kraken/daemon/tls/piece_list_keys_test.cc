#include "kraken/daemon/tls/piece_list_keys.h"

#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/test_util.h"
#include "kraken/net/test_certificates.h"

namespace kraken::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PieceListKeysTest : public ::testing::Test {
 protected:
  swarm::SignedPieceRange Sign(const swarm::PieceListSigner& signer) {
    swarm::SignedPieceRange range;
    range.states.resize(3);
    EXPECT_OK(signer.Sign(range));
    return range;
  }

  const std::string dir_ = MakeTestDir();
  net::TestCa old_{dir_, "old"};
  net::TestCa new_{dir_, "new"};
};

TEST_F(PieceListKeysTest, BothFollowTheirFiles) {
  const net::TlsIdentity identity = old_.Issue("origin", {.dns_sans = {"kraken"}});
  ASSERT_OK_AND_ASSIGN(const auto signer,
                       PieceListSignerFiles::Load(identity.key_file, identity.certificate_file));
  const std::string authorities = dir_ + "/authorities.pem";
  ASSERT_OK_AND_ASSIGN(const std::string old_ca, ReadWholeFile(old_.ca_file(), 1 << 20));
  ASSERT_OK_AND_ASSIGN(const std::string new_ca, ReadWholeFile(new_.ca_file(), 1 << 20));
  WriteTestFile(authorities, old_ca);
  ASSERT_OK_AND_ASSIGN(const auto verifier, PieceListVerifierFiles::Load({authorities}, "kraken"));
  int reloads = 0;
  signer->OnReload([&reloads] { ++reloads; });
  const swarm::SignedPieceRange before = Sign(*signer);
  EXPECT_OK(verifier->Verify(before, absl::Now()));

  // As authorities are changed: the new one is believed, then it certifies, then the old one goes.
  WriteTestFile(authorities, old_ca + new_ca);
  EXPECT_THAT(ReloadRegistry::OfProcess().ReloadChanged().errors, IsEmpty());
  EXPECT_EQ(reloads, 0) << "of the signer's files none has changed";
  new_.Issue("origin", {.dns_sans = {"kraken"}});
  EXPECT_THAT(ReloadRegistry::OfProcess().ReloadChanged().errors, IsEmpty());
  EXPECT_EQ(reloads, 1);
  const swarm::SignedPieceRange after = Sign(*signer);
  EXPECT_NE(after.certificate_chain, before.certificate_chain);
  EXPECT_OK(verifier->Verify(before, absl::Now()));
  EXPECT_OK(verifier->Verify(after, absl::Now()));

  WriteTestFile(authorities, new_ca);
  EXPECT_THAT(ReloadRegistry::OfProcess().ReloadChanged().errors, IsEmpty());
  EXPECT_THAT(verifier->Verify(before, absl::Now()), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_OK(verifier->Verify(after, absl::Now()));
}

TEST_F(PieceListKeysTest, WhatIsBrokenIsNotUsed) {
  const net::TlsIdentity identity = old_.Issue("origin", {.dns_sans = {"kraken"}});
  ASSERT_OK_AND_ASSIGN(const auto signer,
                       PieceListSignerFiles::Load(identity.key_file, identity.certificate_file));
  ASSERT_OK_AND_ASSIGN(const auto verifier, PieceListVerifierFiles::Load({old_.ca_file()}, ""));
  WriteTestFile(identity.key_file, "nonsense");
  WriteTestFile(old_.ca_file(), "nonsense");
  EXPECT_THAT(
      ReloadRegistry::OfProcess().ReloadChanged().errors,
      ::testing::UnorderedElementsAre(HasSubstr(identity.key_file), HasSubstr(old_.ca_file())));
  EXPECT_OK(verifier->Verify(Sign(*signer), absl::Now()));
}

}  // namespace
}  // namespace kraken::daemon
