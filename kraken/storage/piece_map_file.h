#ifndef KRAKEN_STORAGE_PIECE_MAP_FILE_H_
#define KRAKEN_STORAGE_PIECE_MAP_FILE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/boot_id.h"

namespace kraken::storage {

// The format of a partial blob's `map` file, version 1: what is known of its pieces. Integers are
// big endian.
//
//   offset  bytes  field
//        0      8  magic "KHPIEMAP"
//        8      4  version, 1
//       12      4  piece length in bytes
//       16      8  blob size in bytes; 2^64 - 1: not known yet
//       24     32  SHA-256 digest of the blob
//       56     16  boot id of the machine when pieces were marked (the UUID's bytes)
//       72     20  zero
//       92      4  CRC-32 of bytes 0 ... 91
//       96   40 i  record of piece i; a file that ends early means zero records
//
// Record:
//        0     32  SHA-256 state after the piece, if flag 1
//       32      1  flags: 1 the state is known; 2 the piece is verified and in `data`
//       33      3  zero
//       36      4  CRC-32 of the piece's index (4 bytes) and bytes 0 ... 35
//
// A record of zeros, or with a wrong checksum, says nothing. The header is written before the first
// record; records are overwritten in place, singly, and never synced: within one boot the page
// cache keeps their order, and after another boot claims are checked again.
struct PieceMapHeader {
  static constexpr size_t kSizeBytes = 96;

  Digest digest;
  int64_t piece_length = 0;
  std::optional<int64_t> size;
  BootId boot_id{};

  std::string Encode() const;
  // DATA_LOSS. Checks that piece length and size are possible ones. Looks at the first kSizeBytes.
  static absl::StatusOr<PieceMapHeader> Decode(std::string_view bytes);
};

struct PieceMapRecord {
  static constexpr size_t kSizeBytes = 40;

  std::optional<Sha256State> state_after;
  bool verified = false;

  void AppendTo(std::string& out, PieceIndex piece) const;
  // `bytes` has exactly kSizeBytes. What is damaged is an empty record.
  static PieceMapRecord Decode(std::string_view bytes, PieceIndex piece);

  static int64_t OffsetOf(PieceIndex piece) {
    return static_cast<int64_t>(PieceMapHeader::kSizeBytes) +
           int64_t{piece.value()} * static_cast<int64_t>(kSizeBytes);
  }
};

// A whole file. Records beyond the number of pieces are left out; missing ones are not filled in.
struct PieceMapFile {
  PieceMapHeader header;
  std::vector<PieceMapRecord> records;

  static absl::StatusOr<PieceMapFile> Decode(std::string_view bytes);
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_MAP_FILE_H_
