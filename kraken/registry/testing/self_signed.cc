#include "kraken/registry/testing/self_signed.h"

#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"

namespace kraken::registry::testing {
namespace {

constexpr long kHourSeconds = 3600;  // NOLINT(google-runtime-int): OpenSSL's type
constexpr size_t kScalarBytes = 32;

std::string Contents(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  KH_CHECK(BIO_mem_contents(bio, &data, &size));
  return std::string(reinterpret_cast<const char*>(data), size);
}

void AddExtension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, const_cast<char*>(value)));
  KH_CHECK(extension != nullptr);
  KH_CHECK(X509_add_ext(certificate, extension.get(), -1));
}

}  // namespace

SelfSigned::SelfSigned() : key_(EVP_PKEY_new()), certificate_(X509_new()) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  KH_CHECK(ec != nullptr && EC_KEY_generate_key(ec.get()));
  KH_CHECK(EVP_PKEY_set1_EC_KEY(key_.get(), ec.get()));

  X509* certificate = certificate_.get();
  KH_CHECK(X509_set_version(certificate, 2));  // version 3
  KH_CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
  KH_CHECK(X509_gmtime_adj(X509_get_notBefore(certificate), -kHourSeconds) != nullptr);
  KH_CHECK(X509_gmtime_adj(X509_get_notAfter(certificate), 24 * kHourSeconds) != nullptr);
  X509_NAME* name = X509_get_subject_name(certificate);
  KH_CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      reinterpret_cast<const uint8_t*>("localhost"), -1, -1, 0));
  KH_CHECK(X509_set_issuer_name(certificate, name));
  KH_CHECK(X509_set_pubkey(certificate, key_.get()));
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  KH_CHECK(X509_sign(certificate, key_.get(), EVP_sha256()));
}

SelfSigned::~SelfSigned() = default;

std::string SelfSigned::CertificatePem() const {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  KH_CHECK(PEM_write_bio_X509(bio.get(), certificate_.get()));
  return Contents(bio.get());
}

std::string SelfSigned::KeyPem() const {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  KH_CHECK(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr));
  return Contents(bio.get());
}

std::string SelfSigned::CertificateDer() const {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  KH_CHECK(i2d_X509_bio(bio.get(), certificate_.get()));
  return Contents(bio.get());
}

std::string SelfSigned::SignEs256(absl::string_view text) const {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest);
  bssl::UniquePtr<ECDSA_SIG> signature(
      ECDSA_do_sign(digest, sizeof(digest), EVP_PKEY_get0_EC_KEY(key_.get())));
  KH_CHECK(signature != nullptr);
  uint8_t bytes[2 * kScalarBytes];
  const BIGNUM* r = nullptr;
  const BIGNUM* s = nullptr;
  ECDSA_SIG_get0(signature.get(), &r, &s);
  KH_CHECK(BN_bn2bin_padded(bytes, kScalarBytes, r));
  KH_CHECK(BN_bn2bin_padded(bytes + kScalarBytes, kScalarBytes, s));
  return std::string(reinterpret_cast<const char*>(bytes), sizeof(bytes));
}

}  // namespace kraken::registry::testing
