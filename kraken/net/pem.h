#ifndef KRAKEN_NET_PEM_H_
#define KRAKEN_NET_PEM_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken::net {

// Certificates and keys are small; a bundle of all public authorities has 250 KiB.
constexpr size_t kMaxPemFileBytes = 8 << 20;

// All certificates of a text, at least one. FAILED_PRECONDITION: there is none, or one is not
// well-formed.
absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ParseCertificates(absl::string_view pem);

// The first private key. `passphrase` null: it must not be encrypted. FAILED_PRECONDITION.
absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(absl::string_view pem,
                                                          const std::string* passphrase = nullptr);

// Whether the key is this certificate's.
bool BelongTogether(X509* certificate, const EVP_PKEY* key);

}  // namespace kraken::net

#endif  // KRAKEN_NET_PEM_H_
