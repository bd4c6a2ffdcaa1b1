#include "kraken/base/sha256.h"

#include <algorithm>

#include "kraken/base/check.h"
#include "openssl/sha.h"

namespace kraken {
namespace {

// Where the message's length, in bits, stands in the last block (FIPS 180-4 §5.1.1).
constexpr size_t kLengthOffset = Sha256::kBlockBytes - sizeof(uint64_t);

}  // namespace

Sha256::Sha256() : state_(InitialSha256State()) {}

Sha256::Sha256(const Sha256State& state, uint64_t bytes_so_far)
    : state_(state), total_bytes_(bytes_so_far) {
  KH_CHECK(bytes_so_far % kBlockBytes == 0);
}

void Sha256::Update(absl::Span<const uint8_t> bytes) {
  const size_t waiting = total_bytes_ % kBlockBytes;
  total_bytes_ += bytes.size();
  if (waiting > 0) {
    const size_t taken = std::min(kBlockBytes - waiting, bytes.size());
    std::copy_n(bytes.data(), taken, partial_block_.data() + waiting);
    bytes.remove_prefix(taken);
    if (waiting + taken < kBlockBytes) return;
    SHA256_TransformBlocks(state_.words.data(), partial_block_.data(), 1);
  }
  if (const size_t blocks = bytes.size() / kBlockBytes; blocks > 0) {
    SHA256_TransformBlocks(state_.words.data(), bytes.data(), blocks);
    bytes.remove_prefix(blocks * kBlockBytes);
  }
  std::copy_n(bytes.data(), bytes.size(), partial_block_.data());
}

void Sha256::Update(absl::string_view bytes) {
  Update(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

Sha256State Sha256::state() const {
  KH_CHECK(total_bytes_ % kBlockBytes == 0);
  return state_;
}

Digest Sha256::Finish() {
  const uint64_t length_bits = 8 * total_bytes_;
  size_t end = total_bytes_ % kBlockBytes;
  partial_block_[end++] = 0x80;
  if (end > kLengthOffset) {
    std::fill(partial_block_.begin() + end, partial_block_.end(), 0);
    SHA256_TransformBlocks(state_.words.data(), partial_block_.data(), 1);
    end = 0;
  }
  std::fill(partial_block_.begin() + end, partial_block_.begin() + kLengthOffset, 0);
  for (size_t i = 0; i < sizeof(length_bits); ++i) {
    partial_block_[kLengthOffset + i] = static_cast<uint8_t>(length_bits >> (56 - 8 * i));
  }
  SHA256_TransformBlocks(state_.words.data(), partial_block_.data(), 1);
  return Digest::FromBytes(state_.ToBytes());
}

Digest Sha256Digest(absl::Span<const uint8_t> bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

Digest Sha256Digest(absl::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

}  // namespace kraken
