#include "kraken/storage/piece_list.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/binary_format.h"

namespace kraken::storage {
namespace {

constexpr std::string_view kMagic = "KHPIECES";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 64;
constexpr size_t kChecksumBytes = 4;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("piece list: ", what));
}

}  // namespace

absl::StatusOr<PieceList> PieceList::Create(const Digest& digest, const PieceLayout& layout,
                                            std::vector<Sha256State> states,
                                            std::string signature) {
  const size_t wanted = static_cast<size_t>(layout.piece_count().value()) - 1;
  if (states.size() != wanted) {
    return absl::InvalidArgumentError(absl::StrCat("a list of ", wanted + 1, " pieces has ", wanted,
                                                   " states, not ", states.size()));
  }
  if (signature.size() > kMaxSignatureBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a signature of ", signature.size(),
                                                   " bytes is longer than ", kMaxSignatureBytes));
  }
  return PieceList(digest, layout, std::move(states), std::move(signature));
}

absl::StatusOr<PieceList> PieceList::Decode(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kChecksumBytes) return Damaged("too short");
  if (bytes.substr(0, kMagic.size()) != kMagic) return Damaged("not a piece list");
  if (ReadUint32(bytes, 8) != kVersion) {
    return Damaged(absl::StrCat("version ", ReadUint32(bytes, 8), " is unknown"));
  }
  const size_t state_count = ReadUint32(bytes, 56);
  const size_t signature_bytes = ReadUint32(bytes, 60);
  const size_t states_end = kHeaderBytes + state_count * Sha256State::kSizeBytes;
  if (bytes.size() != states_end + signature_bytes + kChecksumBytes) return Damaged("wrong length");
  const size_t checksum_offset = bytes.size() - kChecksumBytes;
  if (ReadUint32(bytes, checksum_offset) != Crc32(bytes.substr(0, checksum_offset))) {
    return Damaged("checksum does not match");
  }
  absl::StatusOr<PieceLayout> layout =
      PieceLayout::Create(ByteCount(static_cast<int64_t>(ReadUint64(bytes, 16))),
                          ByteCount(static_cast<int64_t>(ReadUint32(bytes, 12))));
  if (!layout.ok()) return Damaged(layout.status().message());
  std::vector<Sha256State> states;
  states.reserve(state_count);
  for (size_t offset = kHeaderBytes; offset < states_end; offset += Sha256State::kSizeBytes) {
    states.push_back(ReadState(bytes, offset));
  }
  absl::StatusOr<PieceList> list = Create(ReadDigest(bytes, 24), *layout, std::move(states),
                                          std::string(bytes.substr(states_end, signature_bytes)));
  if (!list.ok()) return Damaged(list.status().message());
  return list;
}

std::string PieceList::Encode() const {
  std::string out;
  out.reserve(kHeaderBytes + states_.size() * Sha256State::kSizeBytes + signature_.size() +
              kChecksumBytes);
  out.append(kMagic);
  AppendUint32(out, kVersion);
  AppendUint32(out, static_cast<uint32_t>(layout_.piece_length().value()));
  AppendUint64(out, static_cast<uint64_t>(layout_.size().value()));
  AppendDigest(out, digest_);
  AppendUint32(out, static_cast<uint32_t>(states_.size()));
  AppendUint32(out, static_cast<uint32_t>(signature_.size()));
  for (const Sha256State& state : states_) AppendState(out, state);
  out.append(signature_);
  AppendUint32(out, Crc32(out));
  return out;
}

Sha256State PieceList::StartOf(PieceIndex piece) const {
  KH_CHECK(layout_.Contains(piece));
  return piece.value() == 0 ? InitialSha256State() : states_[piece.value() - 1];
}

}  // namespace kraken::storage
