#include "kraken/storage/storage_test_util.h"

#include "kraken/base/random.h"
#include "kraken/base/sha256.h"

namespace kraken::storage {

TestBlob::TestBlob(int64_t size, int64_t piece_length, uint64_t seed)
    : bytes(static_cast<size_t>(size)),
      layout(PieceLayout::Create(ByteCount(size), ByteCount(piece_length)).value()) {
  SeededBitGen(seed).Fill(absl::MakeSpan(bytes));
  Sha256 hash;
  for (int i = 0; i < layout.piece_count().value(); ++i) {
    hash.Update(Piece(i));
    if (PieceIndex(i) != layout.last_piece()) states.push_back(hash.state());
  }
  digest = hash.Finish();
}

absl::Span<const uint8_t> TestBlob::Piece(PieceIndex piece) const {
  return absl::MakeConstSpan(bytes).subspan(static_cast<size_t>(layout.OffsetOf(piece).value()),
                                            static_cast<size_t>(layout.LengthOf(piece).value()));
}

PieceList TestBlob::List() const {
  return PieceList::Create(digest, layout, states, "signature").value();
}

std::string ToString(absl::Span<const uint8_t> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

absl::Span<const uint8_t> ToBytes(std::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace kraken::storage
