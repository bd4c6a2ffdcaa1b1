#ifndef KRAKEN_STORAGE_BINARY_FORMAT_H_
#define KRAKEN_STORAGE_BINARY_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"

namespace kraken::storage {

// Big endian integers and fixed-size fields of the store's files.
void AppendUint32(std::string& out, uint32_t value);
void AppendUint64(std::string& out, uint64_t value);
void AppendState(std::string& out, const Sha256State& state);
void AppendDigest(std::string& out, const Digest& digest);

// REQUIRES: the field lies within `bytes`.
uint32_t ReadUint32(std::string_view bytes, size_t offset);
uint64_t ReadUint64(std::string_view bytes, size_t offset);
Sha256State ReadState(std::string_view bytes, size_t offset);
Digest ReadDigest(std::string_view bytes, size_t offset);

// CRC-32 as zlib, PNG and Kraken's metainfo compute it.
uint32_t Crc32(std::string_view bytes);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_BINARY_FORMAT_H_
