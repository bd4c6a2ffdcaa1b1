#include "kraken/net/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken::net {
namespace {

bssl::UniquePtr<EVP_PKEY> NewKey() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  KH_CHECK(ec != nullptr && EC_KEY_generate_key(ec.get()) == 1);
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  KH_CHECK(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1);
  return key;
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, const_cast<char*>(value.c_str())));
  KH_CHECK(extension != nullptr);
  KH_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

bssl::UniquePtr<X509> NewCertificate(const std::string& common_name, int64_t serial,
                                     int64_t valid_seconds, EVP_PKEY* key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  KH_CHECK(X509_set_version(certificate.get(), 2) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_seconds);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  KH_CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const uint8_t*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1);
  KH_CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  return certificate;
}

std::string Contents(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  KH_CHECK(BIO_mem_contents(bio, &data, &size) == 1);
  return std::string(reinterpret_cast<const char*>(data), size);
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  KH_CHECK(out.flush().good());
}

std::string CertificatePem(X509* certificate) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  KH_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return Contents(bio.get());
}

std::string KeyPem(EVP_PKEY* key, const std::string& passphrase) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const bool ok =
      passphrase.empty()
          ? PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1
          : PEM_write_bio_PKCS8PrivateKey(
                bio.get(), key, EVP_aes_256_cbc(), const_cast<char*>(passphrase.data()),
                static_cast<int>(passphrase.size()), nullptr, nullptr) == 1;
  KH_CHECK(ok);
  return Contents(bio.get());
}

}  // namespace

struct TestCa::Keys {
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
};

TestCa::TestCa(std::string dir, std::string name)
    : dir_(std::move(dir)),
      name_(std::move(name)),
      ca_file_(absl::StrCat(dir_, "/", name_, "-ca.pem")),
      keys_(std::make_unique<Keys>()) {
  keys_->key = NewKey();
  keys_->certificate = NewCertificate(name_, 1, 24 * 3600, keys_->key.get());
  X509* certificate = keys_->certificate.get();
  KH_CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1);
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  KH_CHECK(X509_sign(certificate, keys_->key.get(), EVP_sha256()) > 0);
  WriteFile(ca_file_, CertificatePem(certificate));
}

TestCa::~TestCa() = default;

TlsIdentity TestCa::Issue(const std::string& name, const Request& request) {
  bssl::UniquePtr<EVP_PKEY> key = NewKey();
  bssl::UniquePtr<X509> certificate =
      NewCertificate(request.common_name, next_serial_++, request.valid_seconds, key.get());
  KH_CHECK(X509_set_issuer_name(certificate.get(),
                                X509_get_subject_name(keys_->certificate.get())) == 1);
  std::string sans;
  const auto add = [&sans](const char* kind, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      absl::StrAppend(&sans, sans.empty() ? "" : ",", kind, ":", value);
    }
  };
  add("DNS", request.dns_sans);
  add("IP", request.ip_sans);
  add("URI", request.uri_sans);
  if (!sans.empty()) AddExtension(certificate.get(), NID_subject_alt_name, sans);
  KH_CHECK(X509_sign(certificate.get(), keys_->key.get(), EVP_sha256()) > 0);
  TlsIdentity identity;
  identity.certificate_file = absl::StrCat(dir_, "/", name, ".pem");
  identity.key_file = absl::StrCat(dir_, "/", name, ".key");
  WriteFile(identity.certificate_file, CertificatePem(certificate.get()));
  WriteFile(identity.key_file, KeyPem(key.get(), request.key_passphrase));
  if (!request.key_passphrase.empty()) {
    identity.key_passphrase_file = absl::StrCat(dir_, "/", name, ".pass");
    WriteFile(identity.key_passphrase_file, absl::StrCat(request.key_passphrase, "\n"));
  }
  return identity;
}

}  // namespace kraken::net
