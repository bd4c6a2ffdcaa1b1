#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kraken/base/check.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/piece_map_file.h"

// What is accepted is possible, and what it says is said again after encoding.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::PieceIndex;
  using kraken::storage::PieceMapFile;
  using kraken::storage::PieceMapHeader;
  using kraken::storage::PieceMapRecord;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<PieceMapFile> file = PieceMapFile::Decode(bytes);
  if (!file.ok()) {
    KH_CHECK(absl::IsDataLoss(file.status()));
    return 0;
  }
  KH_CHECK(kraken::storage::IsValidPieceLength(file->header.piece_length));
  KH_CHECK(file->records.size() * PieceMapRecord::kSizeBytes + PieceMapHeader::kSizeBytes <= size);
  std::string again = file->header.Encode();
  for (size_t i = 0; i < file->records.size(); ++i) {
    file->records[i].AppendTo(again, PieceIndex(static_cast<int32_t>(i)));
  }
  const absl::StatusOr<PieceMapFile> second = PieceMapFile::Decode(again);
  KH_CHECK(second.ok());
  KH_CHECK(second->header.size == file->header.size);
  KH_CHECK(second->records.size() == file->records.size());
  for (size_t i = 0; i < file->records.size(); ++i) {
    KH_CHECK(second->records[i].state_after == file->records[i].state_after);
    KH_CHECK(second->records[i].verified == file->records[i].verified);
  }
  return 0;
}
