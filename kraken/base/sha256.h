#ifndef KRAKEN_BASE_SHA256_H_
#define KRAKEN_BASE_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"

namespace kraken {

// Incremental SHA-256 that can start from, and give out, a chaining value: a piece is checked from
// the state before it to the state after it, in any order.
//
// Compression is BoringSSL's (SHA-NI where the processor has it); whole blocks are hashed where
// they lie, without a copy. Copyable, so that a prefix can be forked. Not thread safe.
class Sha256 {
 public:
  static constexpr size_t kBlockBytes = 64;

  Sha256();

  // Continues after `bytes_so_far` bytes whose chaining value is `state`.
  // REQUIRES: bytes_so_far % kBlockBytes == 0.
  Sha256(const Sha256State& state, uint64_t bytes_so_far);

  void Update(absl::Span<const uint8_t> bytes);
  void Update(absl::string_view bytes);

  // The chaining value after all bytes so far.
  // REQUIRES: total_bytes() % kBlockBytes == 0.
  Sha256State state() const;

  // Pads and returns the digest. The object may only be assigned to or destroyed afterwards.
  Digest Finish();

  // Bytes hashed, `bytes_so_far` included.
  uint64_t total_bytes() const { return total_bytes_; }

 private:
  Sha256State state_;
  uint64_t total_bytes_ = 0;
  // The first total_bytes_ % kBlockBytes bytes of it wait for the rest of their block.
  std::array<uint8_t, kBlockBytes> partial_block_;
};

// The digest of `bytes` in one call.
Digest Sha256Digest(absl::Span<const uint8_t> bytes);
Digest Sha256Digest(absl::string_view bytes);

}  // namespace kraken

#endif  // KRAKEN_BASE_SHA256_H_
