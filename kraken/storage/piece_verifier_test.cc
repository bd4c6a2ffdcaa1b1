#include "kraken/storage/piece_verifier.h"

#include <algorithm>

#include "kraken/base/test_util.h"
#include "kraken/storage/piece_list.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {
namespace {

constexpr int64_t kPiece = 64 << 10;

PieceVerifier VerifierOf(const TestBlob& blob, int piece) {
  const PieceList list = blob.List();
  const PieceIndex index(piece);
  if (index == blob.layout.last_piece()) {
    return PieceVerifier::ForLastPiece(blob.layout, list.StartOf(index), blob.digest);
  }
  return PieceVerifier::ForInnerPiece(blob.layout, index, list.StartOf(index),
                                      blob.states[static_cast<size_t>(piece)]);
}

bool Check(const TestBlob& blob, int piece, absl::Span<const uint8_t> bytes, size_t step) {
  PieceVerifier verifier = VerifierOf(blob, piece);
  while (!bytes.empty()) {
    verifier.Update(bytes.first(std::min(step, bytes.size())));
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return verifier.Finish();
}

TEST(PieceVerifierTest, EachPieceChecksAloneInAnyOrder) {
  for (const int64_t size : {int64_t{0}, int64_t{5}, kPiece, 3 * kPiece, 3 * kPiece + 77}) {
    const TestBlob blob(size, kPiece);
    for (int i = blob.layout.piece_count().value() - 1; i >= 0; --i) {
      EXPECT_TRUE(Check(blob, i, blob.Piece(i), 1000)) << size << " " << i;
    }
  }
}

TEST(PieceVerifierTest, OneWrongBitIsFoundInEveryPiece) {
  const TestBlob blob(3 * kPiece + 77, kPiece);
  for (int i = 0; i < 4; ++i) {
    for (const size_t position : {size_t{0}, blob.Piece(i).size() / 2, blob.Piece(i).size() - 1}) {
      std::vector<uint8_t> bytes(blob.Piece(i).begin(), blob.Piece(i).end());
      bytes[position] ^= 1;
      EXPECT_FALSE(Check(blob, i, bytes, 64 << 10)) << i;
    }
  }
}

TEST(PieceVerifierTest, MissingAndSurplusBytesAreBad) {
  const TestBlob blob(2 * kPiece, kPiece);
  EXPECT_FALSE(Check(blob, 0, blob.Piece(0).first(kPiece - 1), 999));
  EXPECT_FALSE(Check(blob, 0, absl::MakeConstSpan(blob.bytes).first(kPiece + 1), 999));
  EXPECT_FALSE(Check(blob, 1, {}, 1));
}

TEST(PieceVerifierTest, AnotherPieceOfTheSameBlobIsBad) {
  const TestBlob blob(4 * kPiece, kPiece);
  EXPECT_FALSE(Check(blob, 1, blob.Piece(2), 64 << 10));
}

}  // namespace
}  // namespace kraken::storage
