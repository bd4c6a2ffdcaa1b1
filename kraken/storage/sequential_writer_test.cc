#include "kraken/storage/sequential_writer.h"

#include <unistd.h>

#include "kraken/storage/store_fixture.h"

namespace kraken::storage {
namespace {

using testing::HasSubstr;

constexpr int64_t kPiece = 64 << 10;

class SequentialWriterTest : public StoreFixture {
 protected:
  SequentialWriterTest() { Open(); }

  std::shared_ptr<PartialBlob> OpenFor(const TestBlob& blob, bool size_known) {
    return *store_->OpenPartial(blob.digest,
                                size_known ? std::optional<ByteCount>(blob.size()) : std::nullopt,
                                {.piece_length = blob.layout.piece_length()});
  }
  static absl::Status Feed(SequentialWriter& writer, absl::Span<const uint8_t> bytes, size_t step) {
    while (!bytes.empty()) {
      absl::Status status = writer.Append(bytes.first(std::min(step, bytes.size())));
      if (!status.ok()) return status;
      bytes.remove_prefix(std::min(step, bytes.size()));
    }
    return absl::OkStatus();
  }
};

TEST_F(SequentialWriterTest, StoresBlobsOfAllShapes) {
  for (const bool size_known : {true, false}) {
    for (const int64_t size :
         {int64_t{0}, int64_t{1}, kPiece - 1, kPiece, kPiece + 1, 3 * kPiece, 3 * kPiece + 99}) {
      const TestBlob blob(size, kPiece, 5);
      std::vector<Sha256State> states;
      std::vector<int> pieces;
      SequentialWriter writer(OpenFor(blob, size_known),
                              [&](PieceIndex piece, std::optional<Sha256State> state) {
                                pieces.push_back(piece.value());
                                if (state.has_value()) states.push_back(*state);
                              });
      ASSERT_OK(Feed(writer, blob.bytes, 10'000));
      ASSERT_OK(writer.Finish());
      EXPECT_EQ(states, blob.states);
      EXPECT_EQ(pieces.size(), static_cast<size_t>(blob.layout.piece_count().value()));
      ExpectStored(blob);
      ASSERT_OK(store_->Delete(blob.digest, /*force=*/false));
    }
  }
}

TEST_F(SequentialWriterTest, PiecesAreServedWhileTheRestArrives) {
  const TestBlob blob(4 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = OpenFor(blob, true);
  SequentialWriter writer(partial);
  ASSERT_OK(Feed(writer, absl::MakeConstSpan(blob.bytes).first(2 * kPiece + 1), 999));
  EXPECT_TRUE(partial->IsVerifiedRange(ByteOffset(0), ByteCount(2 * kPiece)));
  EXPECT_FALSE(partial->Has(PieceIndex(2)));
  std::vector<uint8_t> read(2 * kPiece);
  ASSERT_OK(partial->ReadAt(ByteOffset(0), absl::MakeSpan(read)));
  EXPECT_EQ(absl::MakeConstSpan(read), absl::MakeConstSpan(blob.bytes).first(2 * kPiece));
}

TEST_F(SequentialWriterTest, LastPieceIsNotVerifiedBeforeTheDigestHolds) {
  TestBlob blob(3 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = OpenFor(blob, true);
  absl::Status abandoned;
  partial->AddListener([&](const PartialBlobEvent& event) {
    if (event.kind == PartialBlobEvent::Kind::kAbandoned) abandoned = event.status;
  });
  SequentialWriter writer(partial);
  blob.bytes[10] ^= 1;  // the source's copy is corrupt
  EXPECT_THAT(Feed(writer, blob.bytes, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(partial->Has(PieceIndex(2)));
  EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(abandoned, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(store_->Contains(blob.digest));
  EXPECT_NE(::access(PartialPathOf(blob.digest, "data").c_str(), F_OK), 0);
}

TEST_F(SequentialWriterTest, WrongDigestOfUnknownSizeIsFoundAtTheEnd) {
  TestBlob blob(3 * kPiece, kPiece);
  SequentialWriter writer(OpenFor(blob, false));
  blob.bytes.back() ^= 1;
  ASSERT_OK(Feed(writer, blob.bytes, 1 << 20));
  EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(store_->FindPartial(blob.digest), nullptr);
}

TEST_F(SequentialWriterTest, InterruptedSourceIsResumedWhereTheVerifiedBytesEnd) {
  const TestBlob blob(4 * kPiece + 9, kPiece);
  {
    SequentialWriter writer(OpenFor(blob, true));
    ASSERT_OK(Feed(writer, absl::MakeConstSpan(blob.bytes).first(2 * kPiece + 500), 4096));
    EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("of 262153")));
  }
  Reopen();
  SequentialWriter writer(OpenFor(blob, true));
  ASSERT_EQ(writer.next_offset(), ByteOffset(2 * kPiece));
  ASSERT_OK(Feed(writer, absl::MakeConstSpan(blob.bytes).subspan(2 * kPiece), 4096));
  ASSERT_OK(writer.Finish());
  ExpectStored(blob);
}

TEST_F(SequentialWriterTest, MoreThanAnnouncedIsDataLoss) {
  const TestBlob blob(kPiece, kPiece);
  SequentialWriter writer(OpenFor(blob, true));
  std::vector<uint8_t> bytes = blob.bytes;
  bytes.push_back(0);
  EXPECT_THAT(Feed(writer, bytes, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SequentialWriterTest, PiecesFromElsewhereAreHashedButNotWrittenAgain) {
  const TestBlob blob(4 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  Deliver(*partial, blob, 1);
  Deliver(*partial, blob, 3);
  std::vector<int> pieces;
  SequentialWriter writer(partial, [&](PieceIndex piece, std::optional<Sha256State>) {
    pieces.push_back(piece.value());
  });
  ASSERT_OK(Feed(writer, blob.bytes, 12'345));
  ASSERT_OK(writer.Finish());
  EXPECT_THAT(pieces, testing::ElementsAre(0, 1, 2, 3));
  ExpectStored(blob);
}

TEST_F(SequentialWriterTest, PassesOverWhatIsVerifiedAndGoesOnFromItsState) {
  const TestBlob blob(6 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  for (const int piece : {0, 2, 3, 5}) Deliver(*partial, blob, piece);
  std::vector<int> pieces;
  std::vector<Sha256State> states;
  SequentialWriter writer(partial, [&](PieceIndex piece, std::optional<Sha256State> state) {
    pieces.push_back(piece.value());
    if (state.has_value()) states.push_back(*state);
  });
  const auto feed_piece = [&](int64_t piece) {
    return Feed(writer, absl::MakeConstSpan(blob.bytes).subspan(piece * kPiece, kPiece), 10'000);
  };
  writer.PassOverVerified();
  ASSERT_EQ(writer.next_offset(), ByteOffset(kPiece));
  ASSERT_OK(feed_piece(1));
  writer.PassOverVerified();
  ASSERT_EQ(writer.next_offset(), ByteOffset(4 * kPiece));
  ASSERT_OK(writer.Append(absl::MakeConstSpan(blob.bytes).subspan(4 * kPiece, 1)));
  writer.PassOverVerified();
  ASSERT_EQ(writer.next_offset(), ByteOffset(4 * kPiece + 1));
  ASSERT_OK(writer.Append(absl::MakeConstSpan(blob.bytes).subspan(4 * kPiece + 1, kPiece - 1)));
  writer.PassOverVerified();
  ASSERT_EQ(writer.next_offset(), ByteOffset(6 * kPiece));
  ASSERT_OK(writer.Finish());
  EXPECT_THAT(pieces, testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(states, std::vector<Sha256State>(blob.states.begin() + 1, blob.states.end()));
  ExpectStored(blob);
}

TEST_F(SequentialWriterTest, WhatATrustedListHasVerifiedOutlivesABadSource) {
  const TestBlob blob(3 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  Deliver(*partial, blob, 1);
  // An inner piece, and the last one.
  for (const int64_t bad : {int64_t{0}, 2 * kPiece}) {
    std::vector<uint8_t> bytes = blob.bytes;
    bytes[static_cast<size_t>(bad)] ^= 1;
    SequentialWriter writer(partial, nullptr, SequentialWriter::Trust::kKnownStates);
    const size_t begin = static_cast<size_t>(writer.next_offset().value());
    EXPECT_THAT(Feed(writer, absl::MakeConstSpan(bytes).subspan(begin), 1 << 20),
                StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_TRUE(partial->Has(PieceIndex(1)));
  }
  SequentialWriter writer(partial, nullptr, SequentialWriter::Trust::kKnownStates);
  ASSERT_EQ(writer.next_offset(), ByteOffset(2 * kPiece));
  ASSERT_OK(Feed(writer, absl::MakeConstSpan(blob.bytes).subspan(2 * kPiece), 1 << 20));
  ASSERT_OK(writer.Finish());
  ExpectStored(blob);
}

TEST_F(SequentialWriterTest, StatesThatNobodyVouchedForGoWithABadSource) {
  TestBlob blob(3 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = OpenFor(blob, true);
  ASSERT_OK(partial->AddState(PieceIndex(0), blob.states[0]));
  SequentialWriter writer(partial, nullptr, SequentialWriter::Trust::kKnownStates);
  blob.bytes[kPiece] ^= 1;  // of the piece whose state is not known
  EXPECT_THAT(Feed(writer, blob.bytes, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_NE(::access(PartialPathOf(blob.digest, "data").c_str(), F_OK), 0);
}

TEST_F(SequentialWriterTest, SourceThatContradictsTheKnownPieceListIsDataLoss) {
  const TestBlob blob(3 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  std::vector<uint8_t> bytes = blob.bytes;
  bytes[0] ^= 1;
  SequentialWriter writer(partial);
  EXPECT_THAT(Feed(writer, bytes, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(partial->Has(PieceIndex(0)));
}

TEST_F(SequentialWriterTest, CompletePartialOnlyNeedsItsCommit) {
  const TestBlob blob(2 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  for (int i = 0; i < 2; ++i) Deliver(*partial, blob, i);
  SequentialWriter writer(partial);
  EXPECT_EQ(writer.next_offset(), ByteOffset(2 * kPiece));
  ASSERT_OK(writer.Finish());
  ExpectStored(blob);
}

}  // namespace
}  // namespace kraken::storage
