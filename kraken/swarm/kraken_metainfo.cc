#include "kraken/swarm/kraken_metainfo.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/sha1.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::swarm {
namespace {

std::string BencodeString(absl::string_view text) { return absl::StrCat(text.size(), ":", text); }

std::string BencodeInteger(int64_t value) { return absl::StrCat("i", value, "e"); }

}  // namespace

absl::StatusOr<KrakenMetainfo> KrakenMetainfo::Create(const Digest& digest, ByteCount size,
                                                      ByteCount piece_length,
                                                      std::vector<uint32_t> piece_sums) {
  KH_ASSIGN_OR_RETURN(const storage::PieceLayout layout,
                      storage::PieceLayout::Create(size, piece_length));
  // Kraken has no piece for an empty blob, our layout has an empty one.
  const int32_t pieces = size == ByteCount(0) ? 0 : layout.piece_count().value();
  if (piece_sums.size() != static_cast<size_t>(pieces)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "blob ", digest.ToString(), ": ", piece_sums.size(), " sums for ", pieces, " pieces"));
  }
  return KrakenMetainfo(digest, size, piece_length, std::move(piece_sums));
}

KrakenMetainfo::KrakenMetainfo(const Digest& digest, ByteCount size, ByteCount piece_length,
                               std::vector<uint32_t> piece_sums)
    : digest_(digest),
      size_(size),
      piece_length_(piece_length),
      piece_sums_(std::move(piece_sums)),
      info_hash_(InfoHash::FromBytes(Sha1(ToBencode()))) {}

std::string KrakenMetainfo::ToJson() const {
  const std::string sums =
      piece_sums_.empty() ? "null" : absl::StrCat("[", absl::StrJoin(piece_sums_, ","), "]");
  return absl::StrCat("{\"Info\":{\"PieceLength\":", piece_length_.value(), ",\"PieceSums\":", sums,
                      ",\"Name\":\"", digest_.hex(), "\",\"Length\":", size_.value(), "}}");
}

std::string KrakenMetainfo::ToBencode() const {
  std::string sums;
  for (const uint32_t sum : piece_sums_) sums += BencodeInteger(sum);
  return absl::StrCat("d", BencodeString("Length"), BencodeInteger(size_.value()),
                      BencodeString("Name"), BencodeString(digest_.hex()),
                      BencodeString("PieceLength"), BencodeInteger(piece_length_.value()),
                      BencodeString("PieceSums"), "l", sums, "e", "e");
}

}  // namespace kraken::swarm
