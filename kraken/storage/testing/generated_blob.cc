#include "kraken/storage/testing/generated_blob.h"

#include "kraken/base/check.h"
#include "kraken/base/random.h"
#include "kraken/base/sha256.h"
#include "kraken/storage/sequential_writer.h"

namespace kraken::storage {

GeneratedBlob::GeneratedBlob(ByteCount size, uint64_t seed)
    : layout_(PieceLayout::Create(size, PieceLengthFor(size)).value()), seed_(seed) {
  Sha256 hash;
  const auto inner_pieces = static_cast<size_t>(layout_.piece_count().value() - 1);
  ForEachPiece([&](absl::Span<const uint8_t> piece) {
    hash.Update(piece);
    if (states_.size() < inner_pieces) states_.push_back(hash.state());
  });
  digest_ = hash.Finish();
}

void GeneratedBlob::ForEachPiece(absl::FunctionRef<void(absl::Span<const uint8_t>)> take) const {
  SeededBitGen random(seed_);
  std::vector<uint8_t> bytes(static_cast<size_t>(layout_.piece_length().value()));
  for (int32_t i = 0; i < layout_.piece_count().value(); ++i) {
    const auto piece =
        absl::MakeSpan(bytes).first(static_cast<size_t>(layout_.LengthOf(PieceIndex(i)).value()));
    random.Fill(piece);
    take(piece);
  }
}

void StoreBlob(BlobStore& store, const GeneratedBlob& blob) {
  const auto partial = store.OpenPartial(blob.digest(), blob.layout().size(),
                                         {.piece_length = blob.layout().piece_length()});
  KH_CHECK(partial.ok());
  SequentialWriter writer(*partial);
  blob.ForEachPiece([&](absl::Span<const uint8_t> piece) { KH_CHECK(writer.Append(piece).ok()); });
  KH_CHECK(writer.Finish().ok());
}

}  // namespace kraken::storage
