#include "kraken/storage/binary_format.h"

#include <cstring>

#include "kraken/base/check.h"
#include "zlib.h"

namespace kraken::storage {

void AppendUint32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void AppendUint64(std::string& out, uint64_t value) {
  AppendUint32(out, static_cast<uint32_t>(value >> 32));
  AppendUint32(out, static_cast<uint32_t>(value));
}

void AppendState(std::string& out, const Sha256State& state) {
  const Sha256State::Bytes bytes = state.ToBytes();
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void AppendDigest(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.bytes().data()), Digest::kSizeBytes);
}

uint32_t ReadUint32(std::string_view bytes, size_t offset) {
  KH_CHECK(offset + 4 <= bytes.size());
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  }
  return value;
}

uint64_t ReadUint64(std::string_view bytes, size_t offset) {
  return uint64_t{ReadUint32(bytes, offset)} << 32 | ReadUint32(bytes, offset + 4);
}

Sha256State ReadState(std::string_view bytes, size_t offset) {
  Sha256State::Bytes raw;
  KH_CHECK(offset + raw.size() <= bytes.size());
  std::memcpy(raw.data(), bytes.data() + offset, raw.size());
  return Sha256State::FromBytes(raw);
}

Digest ReadDigest(std::string_view bytes, size_t offset) {
  Digest::Bytes raw;
  KH_CHECK(offset + raw.size() <= bytes.size());
  std::memcpy(raw.data(), bytes.data() + offset, raw.size());
  return Digest::FromBytes(raw);
}

uint32_t Crc32(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace kraken::storage
