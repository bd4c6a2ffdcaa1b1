#include "kraken/swarm/metainfo.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "kraken/base/random.h"
#include "kraken/base/sha256.h"

namespace kraken::swarm {
namespace {

constexpr int64_t kPieceLength = 64 << 10;
constexpr int64_t kSize = 3 * kPieceLength + 1'000;
constexpr int kPieces = 4;

PieceIndex P(int piece) { return PieceIndex(piece); }

// A blob of four pieces, the last one short, and its list as an origin would compute it.
class MetainfoTest : public testing::Test {
 protected:
  MetainfoTest() : blob_(kSize) {
    SeededBitGen random(1);
    random.Fill(absl::MakeSpan(blob_));
    Sha256 hash;
    for (int i = 0; i < kPieces; ++i) {
      hash.Update(Piece(i));
      if (i < kPieces - 1) states_.push_back(hash.state());
    }
    digest_ = hash.Finish();
  }

  absl::Span<const uint8_t> Piece(int piece) const {
    return absl::MakeConstSpan(blob_).subspan(static_cast<size_t>(piece * kPieceLength),
                                              static_cast<size_t>(kPieceLength));
  }

  Metainfo Make() const {
    return *Metainfo::Create(digest_, ByteCount(kSize), ByteCount(kPieceLength), 7);
  }

  std::vector<uint8_t> blob_;
  std::vector<Sha256State> states_;
  Digest digest_;
};

TEST_F(MetainfoTest, ACompleteListChecksEveryPieceAloneInAnyOrder) {
  Metainfo metainfo = Make();
  ASSERT_TRUE(metainfo.Merge(P(0), states_).ok());
  EXPECT_TRUE(metainfo.is_complete());
  for (int piece : {3, 1, 0, 2}) {
    auto verifier = metainfo.VerifierOf(P(piece));
    ASSERT_TRUE(verifier.ok());
    verifier->Update(Piece(piece));
    EXPECT_TRUE(verifier->Finish()) << piece;
    std::vector<uint8_t> bad(Piece(piece).begin(), Piece(piece).end());
    bad[500] ^= 1;
    auto other = metainfo.VerifierOf(P(piece));
    other->Update(bad);
    EXPECT_FALSE(other->Finish()) << piece;
  }
}

TEST_F(MetainfoTest, APieceIsVerifiableWhenBothItsStatesAreKnown) {
  const auto verifiable = [](const Metainfo& metainfo) {
    std::string pieces;
    for (int i = 0; i < kPieces; ++i) pieces += metainfo.IsVerifiable(P(i)) ? '1' : '0';
    return pieces;
  };
  Metainfo metainfo = Make();
  EXPECT_EQ(verifiable(metainfo), "0000");
  EXPECT_TRUE(absl::IsFailedPrecondition(metainfo.VerifierOf(P(2)).status()));
  ASSERT_TRUE(metainfo.Merge(P(1), {&states_[1], 1}).ok());
  EXPECT_EQ(verifiable(metainfo), "0000");
  ASSERT_TRUE(metainfo.Merge(P(0), {&states_[0], 1}).ok());
  EXPECT_EQ(verifiable(metainfo), "1100");
  ASSERT_TRUE(metainfo.Merge(P(2), {&states_[2], 1}).ok());
  EXPECT_EQ(verifiable(metainfo), "1111");
  EXPECT_EQ(metainfo.States(P(0), PieceCount(3))[2], states_[2]);
}

TEST_F(MetainfoTest, ABlobOfOnePieceNeedsNoList) {
  const auto metainfo = Metainfo::Create(digest_, ByteCount(10), ByteCount(kPieceLength));
  ASSERT_TRUE(metainfo.ok());
  EXPECT_TRUE(metainfo->is_complete());
  EXPECT_TRUE(metainfo->IsVerifiable(P(0)));
}

TEST_F(MetainfoTest, RefusesRangesOfAnotherBlobAndThoseThatDoNotFit) {
  Metainfo metainfo = Make();
  SignedPieceRange range{.digest = digest_,
                         .size = ByteCount(kSize),
                         .piece_length = ByteCount(kPieceLength),
                         .sequence = 7,
                         .first = P(0),
                         .states = states_};
  EXPECT_TRUE(metainfo.Merge(range).ok());
  EXPECT_TRUE(metainfo.Merge(range).ok());
  const auto refuses = [&](auto change) {
    SignedPieceRange changed = range;
    change(changed);
    return absl::IsInvalidArgument(metainfo.Merge(changed));
  };
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.sequence = 8; }));
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.size = ByteCount(kSize - 1); }));
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.piece_length = ByteCount(1 << 20); }));
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.digest = Digest(); }));
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.first = P(-1); }));
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.first = P(1); }));
  EXPECT_TRUE(refuses([](SignedPieceRange& r) { r.first = P(1'000'000); }));
}

TEST_F(MetainfoTest, AStateThatContradictsOneKnownAddsNothing) {
  Metainfo metainfo = Make();
  ASSERT_TRUE(metainfo.Merge(P(0), {&states_[0], 1}).ok());
  std::vector<Sha256State> other = states_;
  other[0].words[0] ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(metainfo.Merge(P(0), other)));
  EXPECT_EQ(metainfo.known_states().count().value(), 1);
  EXPECT_EQ(*metainfo.StateAfter(P(0)), states_[0]);
}

TEST_F(MetainfoTest, RefusesMorePiecesThanTheLimit) {
  const int64_t pieces = int64_t{kMaxPieces} + 1;
  EXPECT_FALSE(
      Metainfo::Create(digest_, ByteCount(pieces * kPieceLength), ByteCount(kPieceLength)).ok());
}

}  // namespace
}  // namespace kraken::swarm
