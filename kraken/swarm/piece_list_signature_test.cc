#include "kraken/swarm/piece_list_signature.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/curve25519.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace kraken::swarm {
namespace {

using Key = bssl::UniquePtr<EVP_PKEY>;
using Certificate = bssl::UniquePtr<X509>;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr absl::Duration kLifetime = absl::Hours(24 * 365);

enum class Kind { kP256, kP384, kRsa, kWeakRsa, kEd25519 };

Key NewKey(Kind kind) {
  Key key(EVP_PKEY_new());
  if (kind == Kind::kEd25519) {
    uint8_t public_key[32];
    uint8_t private_key[64];
    ED25519_keypair(public_key, private_key);
    return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, private_key, 32));
  }
  if (kind == Kind::kRsa || kind == Kind::kWeakRsa) {
    bssl::UniquePtr<RSA> rsa(RSA_new());
    bssl::UniquePtr<BIGNUM> exponent(BN_new());
    BN_set_word(exponent.get(), RSA_F4);
    RSA_generate_key_ex(rsa.get(), kind == Kind::kRsa ? 2048 : 1024, exponent.get(), nullptr);
    EVP_PKEY_set1_RSA(key.get(), rsa.get());
    return key;
  }
  bssl::UniquePtr<EC_KEY> ec(
      EC_KEY_new_by_curve_name(kind == Kind::kP256 ? NID_X9_62_prime256v1 : NID_secp384r1));
  EC_KEY_generate_key(ec.get());
  EVP_PKEY_set1_EC_KEY(key.get(), ec.get());
  return key;
}

// `san`: in the form of OpenSSL's configuration, "DNS:x" or "URI:x"; empty for an authority.
Certificate NewCertificate(EVP_PKEY* key, const std::string& name, const std::string& san,
                           EVP_PKEY* issuer_key, X509* issuer) {
  static int serial = 1;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(kNow - absl::Hours(1)));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(kNow + kLifetime));
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const uint8_t*>(name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate.get() : issuer;
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer, certificate.get(), nullptr, nullptr, 0);
  const auto add = [&](int nid, const std::string& value) {
    bssl::UniquePtr<X509_EXTENSION> extension(
        X509V3_EXT_nconf_nid(nullptr, &context, nid, const_cast<char*>(value.c_str())));
    X509_add_ext(certificate.get(), extension.get(), -1);
  };
  add(NID_basic_constraints, san.empty() ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!san.empty()) add(NID_subject_alt_name, san);
  const bool ed25519 = EVP_PKEY_id(issuer_key) == EVP_PKEY_ED25519;
  X509_sign(certificate.get(), issuer_key, ed25519 ? nullptr : EVP_sha256());
  return certificate;
}

std::string Pem(X509* certificate) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  const uint8_t* data = nullptr;
  size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string Pem(EVP_PKEY* key) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  const uint8_t* data = nullptr;
  size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

SignedPieceRange SomeRange() {
  SignedPieceRange range;
  range.size = ByteCount(5 << 20);
  range.piece_length = ByteCount(1 << 20);
  range.sequence = 3;
  range.first = PieceIndex(1);
  range.states.resize(2);
  range.states[1].words[7] = 0x01020304;
  return range;
}

class PieceListSignatureTest : public testing::Test {
 protected:
  std::unique_ptr<PieceListSigner> Signer(Kind kind, const std::string& san = "DNS:origin.test") {
    const Key key = NewKey(kind);
    const Certificate leaf = NewCertificate(key.get(), "origin", san, ca_key_.get(), ca_.get());
    auto signer = PieceListSigner::Create(Pem(key.get()), Pem(leaf.get()));
    EXPECT_TRUE(signer.ok()) << signer.status();
    return *std::move(signer);
  }

  std::unique_ptr<PieceListVerifier> Verifier(const std::string& name = "origin.test") {
    auto verifier = PieceListVerifier::Create(Pem(ca_.get()), name);
    EXPECT_TRUE(verifier.ok()) << verifier.status();
    return *std::move(verifier);
  }

  Key ca_key_ = NewKey(Kind::kP256);
  Certificate ca_ = NewCertificate(ca_key_.get(), "authority", "", ca_key_.get(), nullptr);
};

TEST_F(PieceListSignatureTest, EveryKindOfKeySignsWhatTheVerifierAccepts) {
  const auto verifier = Verifier();
  for (Kind kind : {Kind::kP256, Kind::kP384, Kind::kRsa, Kind::kEd25519}) {
    SignedPieceRange range = SomeRange();
    ASSERT_TRUE(Signer(kind)->Sign(range).ok());
    EXPECT_TRUE(verifier->Verify(range, kNow).ok()) << verifier->Verify(range, kNow);
    range.signature.back() ^= 1;
    EXPECT_TRUE(absl::IsDataLoss(verifier->Verify(range, kNow)));
  }
}

TEST_F(PieceListSignatureTest, EveryFieldIsSigned) {
  const auto verifier = Verifier();
  SignedPieceRange range = SomeRange();
  ASSERT_TRUE(Signer(Kind::kP256)->Sign(range).ok());
  const auto rejects = [&](auto change) {
    SignedPieceRange changed = range;
    change(changed);
    return absl::IsDataLoss(verifier->Verify(changed, kNow));
  };
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { r.digest = Digest::FromBytes({1}); }));
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { r.size = ByteCount(1); }));
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { r.piece_length = ByteCount(1 << 16); }));
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { ++r.sequence; }));
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { r.first = PieceIndex(0); }));
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { r.states[0].words[0] = 1; }));
  EXPECT_TRUE(rejects([](SignedPieceRange& r) { r.states.pop_back(); }));
}

TEST_F(PieceListSignatureTest, OnlyAnOriginOfTheAuthorityIsBelieved) {
  SignedPieceRange range = SomeRange();
  ASSERT_TRUE(Signer(Kind::kP256, "DNS:agent.test")->Sign(range).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Verifier()->Verify(range, kNow)));
  EXPECT_TRUE(Verifier("")->Verify(range, kNow).ok());
  ASSERT_TRUE(Signer(Kind::kP256, "URI:spiffe://harbor/origin")->Sign(range).ok());
  EXPECT_TRUE(Verifier("spiffe://harbor/origin")->Verify(range, kNow).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Verifier()->Verify(range, kNow)));

  // Another authority of the same name.
  const Key key = NewKey(Kind::kP256);
  const Certificate other = NewCertificate(key.get(), "authority", "", key.get(), nullptr);
  auto verifier = PieceListVerifier::Create(Pem(other.get()), "");
  ASSERT_TRUE(verifier.ok());
  EXPECT_TRUE(absl::IsPermissionDenied((*verifier)->Verify(range, kNow)));
}

TEST_F(PieceListSignatureTest, AnExpiredCertificateIsNotBelieved) {
  SignedPieceRange range = SomeRange();
  ASSERT_TRUE(Signer(Kind::kP256)->Sign(range).ok());
  EXPECT_TRUE(
      absl::IsPermissionDenied(Verifier()->Verify(range, kNow + kLifetime + absl::Hours(1))));
  EXPECT_TRUE(absl::IsPermissionDenied(Verifier()->Verify(range, kNow - absl::Hours(2))));
}

TEST_F(PieceListSignatureTest, ChainsThatDoNotParseAreRefused) {
  SignedPieceRange range = SomeRange();
  ASSERT_TRUE(Signer(Kind::kP256)->Sign(range).ok());
  const auto verifier = Verifier();
  for (size_t size = 0; size < range.certificate_chain.size(); size += 7) {
    SignedPieceRange cut = range;
    cut.certificate_chain.resize(size);
    EXPECT_TRUE(absl::IsInvalidArgument(verifier->Verify(cut, kNow))) << size;
  }
  SignedPieceRange many = range;
  for (int i = 0; i < kMaxChainCertificates; ++i) many.certificate_chain += range.certificate_chain;
  EXPECT_TRUE(absl::IsInvalidArgument(verifier->Verify(many, kNow)));
}

TEST_F(PieceListSignatureTest, AChainThroughAnIntermediateIsBelieved) {
  const Key middle_key = NewKey(Kind::kP256);
  const Certificate middle =
      NewCertificate(middle_key.get(), "middle", "", ca_key_.get(), ca_.get());
  const Key key = NewKey(Kind::kEd25519);
  const Certificate leaf =
      NewCertificate(key.get(), "origin", "DNS:origin.test", middle_key.get(), middle.get());
  auto signer = PieceListSigner::Create(Pem(key.get()), Pem(leaf.get()) + Pem(middle.get()));
  ASSERT_TRUE(signer.ok());
  SignedPieceRange range = SomeRange();
  ASSERT_TRUE((*signer)->Sign(range).ok());
  EXPECT_TRUE(Verifier()->Verify(range, kNow).ok());
}

TEST_F(PieceListSignatureTest, RefusesKeysThatDoNotBelongOrAreWeak) {
  const Key key = NewKey(Kind::kP256);
  const Certificate leaf =
      NewCertificate(key.get(), "origin", "DNS:origin.test", ca_key_.get(), ca_.get());
  const auto refuses = [&](const std::string& key_pem, const std::string& chain) {
    return absl::IsInvalidArgument(PieceListSigner::Create(key_pem, chain).status());
  };
  EXPECT_TRUE(refuses(Pem(ca_key_.get()), Pem(leaf.get())));
  EXPECT_TRUE(refuses("", Pem(leaf.get())));
  EXPECT_TRUE(refuses(Pem(key.get()), ""));
  EXPECT_TRUE(refuses(Pem(key.get()), Pem(leaf.get()).substr(0, 200)));
  const Key weak = NewKey(Kind::kWeakRsa);
  const Certificate weak_leaf =
      NewCertificate(weak.get(), "origin", "DNS:origin.test", ca_key_.get(), ca_.get());
  EXPECT_TRUE(refuses(Pem(weak.get()), Pem(weak_leaf.get())));
  EXPECT_FALSE(PieceListVerifier::Create("", "origin.test").ok());
}

TEST_F(PieceListSignatureTest, TheEncodingIsTheOneInTheHeader) {
  const std::string encoded = EncodeForSigning(SomeRange());
  EXPECT_EQ(encoded.size(), 27u + 32 + 8 + 8 + 8 + 4 + 4 + 2 * 32);
  EXPECT_EQ(encoded.substr(0, 27), std::string("kraken-harbor piece list 1\0", 27));
  EXPECT_EQ(encoded.substr(59), std::string("\0\0\0\0\0\x50\0\0"
                                            "\0\0\0\0\0\x10\0\0"
                                            "\0\0\0\0\0\0\0\x03"
                                            "\0\0\0\x01"
                                            "\0\0\0\x02",
                                            32) +
                                    std::string(60, '\0') + std::string("\x01\x02\x03\x04"));
}

}  // namespace
}  // namespace kraken::swarm
