#include "kraken/storage/piece_map_file.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/storage/binary_format.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {
namespace {

constexpr std::string_view kMagic = "KHPIEMAP";
constexpr uint32_t kVersion = 1;
constexpr uint64_t kSizeUnknown = std::numeric_limits<uint64_t>::max();
constexpr size_t kHeaderChecksumOffset = PieceMapHeader::kSizeBytes - 4;
constexpr size_t kHeaderReservedBytes = 20;
constexpr size_t kRecordChecksumOffset = PieceMapRecord::kSizeBytes - 4;
constexpr size_t kFlagsOffset = Sha256State::kSizeBytes;
constexpr uint8_t kStateKnown = 1;
constexpr uint8_t kVerified = 2;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("piece map: ", what));
}

uint32_t RecordChecksum(std::string_view body, PieceIndex piece) {
  std::string covered;
  covered.reserve(PieceMapRecord::kSizeBytes);
  AppendUint32(covered, static_cast<uint32_t>(piece.value()));
  covered.append(body);
  return Crc32(covered);
}

}  // namespace

std::string PieceMapHeader::Encode() const {
  std::string out;
  out.reserve(kSizeBytes);
  out.append(kMagic);
  AppendUint32(out, kVersion);
  AppendUint32(out, static_cast<uint32_t>(piece_length));
  AppendUint64(out, size.has_value() ? static_cast<uint64_t>(*size) : kSizeUnknown);
  AppendDigest(out, digest);
  out.append(reinterpret_cast<const char*>(boot_id.data()), boot_id.size());
  out.append(kHeaderReservedBytes, '\0');
  AppendUint32(out, Crc32(out));
  KH_CHECK(out.size() == kSizeBytes);
  return out;
}

absl::StatusOr<PieceMapHeader> PieceMapHeader::Decode(std::string_view bytes) {
  if (bytes.size() < kSizeBytes) return Damaged("too short");
  if (bytes.substr(0, kMagic.size()) != kMagic) return Damaged("not a piece map");
  if (ReadUint32(bytes, 8) != kVersion) {
    return Damaged(absl::StrCat("version ", ReadUint32(bytes, 8), " is unknown"));
  }
  if (ReadUint32(bytes, kHeaderChecksumOffset) != Crc32(bytes.substr(0, kHeaderChecksumOffset))) {
    return Damaged("checksum does not match");
  }
  PieceMapHeader header;
  header.piece_length = ReadUint32(bytes, 12);
  if (!IsValidPieceLength(header.piece_length)) return Damaged("impossible piece length");
  if (const uint64_t size = ReadUint64(bytes, 16); size != kSizeUnknown) {
    header.size = static_cast<int64_t>(size);
    const absl::StatusOr<PieceLayout> layout =
        PieceLayout::Create(ByteCount(*header.size), ByteCount(header.piece_length));
    if (!layout.ok()) return Damaged(layout.status().message());
  }
  header.digest = ReadDigest(bytes, 24);
  std::memcpy(header.boot_id.data(), bytes.data() + 56, header.boot_id.size());
  return header;
}

void PieceMapRecord::AppendTo(std::string& out, PieceIndex piece) const {
  const size_t begin = out.size();
  AppendState(out, state_after.value_or(Sha256State{}));
  const int flags = (state_after.has_value() ? kStateKnown : 0) | (verified ? kVerified : 0);
  out.push_back(static_cast<char>(flags));
  out.append(3, '\0');
  AppendUint32(out, RecordChecksum(std::string_view(out).substr(begin), piece));
}

PieceMapRecord PieceMapRecord::Decode(std::string_view bytes, PieceIndex piece) {
  KH_CHECK(bytes.size() == kSizeBytes);
  PieceMapRecord record;
  const std::string_view body = bytes.substr(0, kRecordChecksumOffset);
  if (ReadUint32(bytes, kRecordChecksumOffset) != RecordChecksum(body, piece)) return record;
  const auto flags = static_cast<uint8_t>(body[kFlagsOffset]);
  if ((flags & kStateKnown) != 0) record.state_after = ReadState(body, 0);
  record.verified = (flags & kVerified) != 0;
  return record;
}

absl::StatusOr<PieceMapFile> PieceMapFile::Decode(std::string_view bytes) {
  absl::StatusOr<PieceMapHeader> header = PieceMapHeader::Decode(bytes);
  if (!header.ok()) return header.status();
  size_t limit = kMaxPieceCount;
  if (header->size.has_value()) {
    limit = PieceLayout::Create(ByteCount(*header->size), ByteCount(header->piece_length))
                ->piece_count()
                .value();
  }
  PieceMapFile file{.header = *header, .records = {}};
  const size_t present = (bytes.size() - PieceMapHeader::kSizeBytes) / PieceMapRecord::kSizeBytes;
  const size_t count = std::min(limit, present);
  file.records.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const PieceIndex piece(static_cast<int32_t>(i));
    file.records.push_back(
        PieceMapRecord::Decode(bytes.substr(static_cast<size_t>(PieceMapRecord::OffsetOf(piece)),
                                            PieceMapRecord::kSizeBytes),
                               piece));
  }
  return file;
}

}  // namespace kraken::storage
