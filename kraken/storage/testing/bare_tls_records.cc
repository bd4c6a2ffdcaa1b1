#include "kraken/storage/testing/bare_tls_records.h"

#include <algorithm>

#include "kraken/base/check.h"

namespace kraken::storage {
namespace {

constexpr size_t kHeaderBytes = 5;
constexpr size_t kPlainBytes = 16 << 10;
constexpr uint8_t kApplicationData = 23;
constexpr size_t kTagBytes = 16;
constexpr size_t kRecordBytes = kHeaderBytes + kPlainBytes + kTagBytes;

size_t BodyBytes(const uint8_t* header) { return size_t{header[3]} << 8 | header[4]; }

}  // namespace

BareTlsKey::BareTlsKey() {
  constexpr uint8_t kKey[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  KH_CHECK(EVP_AEAD_CTX_init(context_.get(), EVP_aead_aes_128_gcm(), kKey, sizeof(kKey), kTagBytes,
                             nullptr) == 1);
}

const std::array<uint8_t, BareTlsKey::kNonceBytes>& BareTlsKey::NextNonce() {
  for (size_t i = nonce_.size(); i-- > 0;) {
    if (++nonce_[i] != 0) break;
  }
  return nonce_;
}

BareTlsSealer::BareTlsSealer(size_t max_bytes)
    : sealed_((max_bytes / kPlainBytes + 1) * kRecordBytes) {}

absl::Span<const uint8_t> BareTlsSealer::Seal(absl::Span<const uint8_t> plain) {
  size_t size = 0;
  while (!plain.empty()) {
    const absl::Span<const uint8_t> part = plain.first(std::min(plain.size(), kPlainBytes));
    const size_t body = part.size() + kTagBytes;
    uint8_t* header = sealed_.data() + size;
    header[0] = kApplicationData;
    header[1] = header[2] = 3;
    header[3] = static_cast<uint8_t>(body >> 8);
    header[4] = static_cast<uint8_t>(body & 0xff);
    const auto& nonce = key_.NextNonce();
    size_t written = 0;
    KH_CHECK(EVP_AEAD_CTX_seal(key_.context(), header + kHeaderBytes, &written, body, nonce.data(),
                               nonce.size(), part.data(), part.size(), header, kHeaderBytes) == 1);
    size += kHeaderBytes + written;
    plain.remove_prefix(part.size());
  }
  return absl::MakeConstSpan(sealed_).first(size);
}

BareTlsOpener::BareTlsOpener(size_t buffer_bytes)
    : received_(std::max(buffer_bytes, kRecordBytes)),
      plain_(std::max(buffer_bytes, kPlainBytes)) {}

absl::Span<uint8_t> BareTlsOpener::room() {
  if (start_ > 0) {
    std::copy(received_.begin() + static_cast<ptrdiff_t>(start_),
              received_.begin() + static_cast<ptrdiff_t>(end_), received_.begin());
    end_ -= start_;
    start_ = 0;
  }
  return absl::MakeSpan(received_).subspan(end_);
}

bool BareTlsOpener::OpenSome() {
  KH_CHECK(!full());
  const uint8_t* header = received_.data() + start_;
  if (end_ - start_ < kHeaderBytes) return false;
  const size_t body = BodyBytes(header);
  if (end_ - start_ < kHeaderBytes + body) return false;
  const auto& nonce = key_.NextNonce();
  size_t opened = 0;
  KH_CHECK(EVP_AEAD_CTX_open(key_.context(), plain_.data() + plain_bytes_, &opened,
                             plain_.size() - plain_bytes_, nonce.data(), nonce.size(),
                             header + kHeaderBytes, body, header, kHeaderBytes) == 1);
  start_ += kHeaderBytes + body;
  plain_bytes_ += opened;
  return true;
}

bool BareTlsOpener::full() const { return plain_.size() - plain_bytes_ < kPlainBytes; }

}  // namespace kraken::storage
