#include "kraken/net/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kraken/net/tls_error.h"

namespace kraken::net {
namespace {

bssl::UniquePtr<BIO> MemoryBio(absl::string_view text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// PEM password callback; `arg` is the passphrase, or null if there is none.
int GivePassphrase(char* buffer, int size, int /*writing*/, void* arg) {
  const auto* passphrase = static_cast<const std::string*>(arg);
  if (passphrase == nullptr || static_cast<int>(passphrase->size()) > size) return -1;
  std::copy(passphrase->begin(), passphrase->end(), buffer);
  return static_cast<int>(passphrase->size());
}

}  // namespace

absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ParseCertificates(absl::string_view pem) {
  const bssl::UniquePtr<BIO> bio = MemoryBio(pem);
  std::vector<bssl::UniquePtr<X509>> certificates;
  while (X509* certificate = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const uint32_t last = ERR_peek_last_error();
  ERR_clear_error();
  const bool ended =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!ended) return absl::FailedPreconditionError("a certificate is not well-formed");
  if (certificates.empty()) return absl::FailedPreconditionError("holds no PEM certificate");
  return certificates;
}

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(absl::string_view pem,
                                                          const std::string* passphrase) {
  const bssl::UniquePtr<BIO> bio = MemoryBio(pem);
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &GivePassphrase,
                                                        const_cast<std::string*>(passphrase)));
  if (key == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("no usable private key (", TakeTlsErrors(), ")"));
  }
  ERR_clear_error();
  return key;
}

bool BelongTogether(X509* certificate, const EVP_PKEY* key) {
  const bool belong = X509_check_private_key(certificate, key) == 1;
  ERR_clear_error();
  return belong;
}

}  // namespace kraken::net
