#ifndef KRAKEN_REGISTRY_TESTING_SELF_SIGNED_H_
#define KRAKEN_REGISTRY_TESTING_SELF_SIGNED_H_

#include <openssl/base.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace kraken::registry::testing {

// A P-256 key and a certificate for localhost and 127.0.0.1 that it signed itself, good for an hour
// before and a day after now. Made anew for each test: no key lies in the source tree.
class SelfSigned {
 public:
  SelfSigned();
  ~SelfSigned();

  std::string CertificatePem() const;
  std::string KeyPem() const;
  std::string CertificateDer() const;

  // ECDSA over SHA-256 as JSON Web Signatures have it (RFC 7518 §3.4): r and s, 32 bytes each.
  std::string SignEs256(absl::string_view text) const;

 private:
  bssl::UniquePtr<EVP_PKEY> key_;
  bssl::UniquePtr<X509> certificate_;
};

}  // namespace kraken::registry::testing

#endif  // KRAKEN_REGISTRY_TESTING_SELF_SIGNED_H_
