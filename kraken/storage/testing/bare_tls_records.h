// The least that a TLS stream can cost: records as TLS 1.3 has them (RFC 8446 §5.2, without their
// content type) sealed by BoringSSL's AES-128-GCM, and no handshake: both ends have the same fixed
// key. For benchmarks only.
#ifndef KRAKEN_STORAGE_TESTING_BARE_TLS_RECORDS_H_
#define KRAKEN_STORAGE_TESTING_BARE_TLS_RECORDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "openssl/aead.h"

namespace kraken::storage {

// The key, and a nonce that counts records. Not thread-safe.
class BareTlsKey {
 public:
  static constexpr size_t kNonceBytes = 12;

  BareTlsKey();
  BareTlsKey(const BareTlsKey&) = delete;
  BareTlsKey& operator=(const BareTlsKey&) = delete;

  const EVP_AEAD_CTX* context() const { return context_.get(); }
  // Of the next record.
  const std::array<uint8_t, kNonceBytes>& NextNonce();

 private:
  bssl::ScopedEVP_AEAD_CTX context_;
  std::array<uint8_t, kNonceBytes> nonce_{};
};

class BareTlsSealer {
 public:
  // At most `max_bytes` at a time.
  explicit BareTlsSealer(size_t max_bytes);

  // Full records, and one for the rest. Valid until the next call.
  absl::Span<const uint8_t> Seal(absl::Span<const uint8_t> plain);

 private:
  BareTlsKey key_;
  std::vector<uint8_t> sealed_;
};

class BareTlsOpener {
 public:
  // Both what is received and what is opened fill at most about `buffer_bytes`.
  explicit BareTlsOpener(size_t buffer_bytes);

  // Where to receive to. Never empty when OpenSome has returned false.
  absl::Span<uint8_t> room();
  void Received(size_t bytes) { end_ += bytes; }

  // Opens one record; false if none is there whole. Aborts if one is not authentic.
  // REQUIRES: !full().
  bool OpenSome();
  absl::Span<const uint8_t> plain() const {
    return absl::MakeConstSpan(plain_).first(plain_bytes_);
  }
  // No further record may fit.
  bool full() const;
  void Clear() { plain_bytes_ = 0; }

 private:
  BareTlsKey key_;
  std::vector<uint8_t> received_;
  size_t start_ = 0;
  size_t end_ = 0;
  std::vector<uint8_t> plain_;
  size_t plain_bytes_ = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_TESTING_BARE_TLS_RECORDS_H_
