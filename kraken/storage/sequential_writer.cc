#include "kraken/storage/sequential_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"

namespace kraken::storage {
namespace {

std::optional<int64_t> SizeOf(const PartialBlob& partial) {
  const std::optional<PieceLayout> layout = partial.layout();
  if (!layout.has_value()) return std::nullopt;
  return layout->size().value();
}

}  // namespace

SequentialWriter::SequentialWriter(std::shared_ptr<PartialBlob> partial, OnPiece on_piece,
                                   Trust trust)
    : partial_(std::move(partial)),
      on_piece_(std::move(on_piece)),
      trust_(trust),
      piece_length_(partial_->piece_length().value()),
      size_(SizeOf(*partial_)) {
  if (partial_->all_verified()) {
    complete_ = true;
    offset_ = *size_;
    return;
  }
  const VerifiedPrefix prefix = partial_->verified_prefix();
  offset_ = prefix.bytes.value();
  piece_start_ = offset_;
  hash_ = Sha256(prefix.state, static_cast<uint64_t>(offset_));
}

absl::Status SequentialWriter::Refuse(absl::Status status) {
  if (trust_ == Trust::kNobody || added_states_) partial_->Abandon(status);
  lease_ = nullptr;
  status_ = status;
  return status;
}

void SequentialWriter::PassOverVerified() {
  if (!status_.ok() || in_piece_ || !size_.has_value()) return;
  while (offset_ < *size_ && partial_->Has(CurrentPiece())) {
    const PieceIndex piece = CurrentPiece();
    const int64_t end = std::min(*size_, piece_start_ + piece_length_);
    std::optional<Sha256State> state;
    if (end < *size_) {
      state = partial_->StateAfter(piece);
      // Abandoned meanwhile; whoever writes next hears of it.
      if (!state.has_value()) return;
      hash_ = Sha256(*state, static_cast<uint64_t>(end));
    } else {
      // Every piece before it is verified, hence all of the blob.
      complete_ = true;
    }
    offset_ = end;
    piece_start_ = end;
    if (on_piece_ != nullptr) on_piece_(piece, state);
  }
}

PieceIndex SequentialWriter::CurrentPiece() const {
  return PieceIndex(static_cast<int32_t>(piece_start_ / piece_length_));
}

bool SequentialWriter::AtInnerPieceEnd() const {
  return in_piece_ && offset_ == piece_start_ + piece_length_ && offset_ != size_;
}

absl::Status SequentialWriter::Append(absl::Span<const uint8_t> bytes) {
  if (!status_.ok()) return status_;
  if (size_.has_value() && static_cast<int64_t>(bytes.size()) > *size_ - offset_) {
    return Refuse(
        absl::DataLossError(absl::StrCat("the source sent more than the ", *size_,
                                         " bytes of blob ", partial_->digest().ToString())));
  }
  while (!bytes.empty() && status_.ok()) {
    // While the size is unknown, only the next byte tells that the piece was not the last one.
    if (AtInnerPieceEnd()) {
      status_ = EndInnerPiece();
      continue;
    }
    const auto part = bytes.first(static_cast<size_t>(std::min<int64_t>(
        static_cast<int64_t>(bytes.size()), piece_start_ + piece_length_ - offset_)));
    status_ = AppendWithinPiece(part);
    bytes.remove_prefix(part.size());
  }
  if (status_.ok() && size_.has_value()) {
    if (AtInnerPieceEnd()) {
      status_ = EndInnerPiece();
    } else if (offset_ == *size_ && !complete_) {
      status_ = EndLastPiece();
    }
  }
  return status_;
}

absl::Status SequentialWriter::AppendWithinPiece(absl::Span<const uint8_t> bytes) {
  if (!in_piece_) {
    in_piece_ = true;
    absl::StatusOr<std::unique_ptr<PieceLease>> lease = partial_->LeasePiece(CurrentPiece());
    if (lease.ok()) {
      lease_ = *std::move(lease);
    } else if (!absl::IsAlreadyExists(lease.status())) {
      return lease.status();
    }
  }
  if (lease_ != nullptr) {
    KH_RETURN_IF_ERROR(lease_->Write(ByteOffset(offset_ - piece_start_), bytes));
  }
  hash_.Update(bytes);
  offset_ += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

absl::Status SequentialWriter::EndInnerPiece() {
  const PieceIndex piece = CurrentPiece();
  const Sha256State state = hash_.state();
  const bool is_new = !partial_->StateAfter(piece).has_value();
  const absl::Status added = partial_->AddState(piece, state);
  if (absl::IsDataLoss(added)) return Refuse(added);
  KH_RETURN_IF_ERROR(added);
  added_states_ |= is_new;
  if (lease_ != nullptr) KH_RETURN_IF_ERROR(lease_->MarkVerified());
  lease_ = nullptr;
  in_piece_ = false;
  piece_start_ = offset_;
  if (on_piece_ != nullptr) on_piece_(piece, state);
  return absl::OkStatus();
}

absl::Status SequentialWriter::EndLastPiece() {
  Sha256 whole = hash_;
  if (whole.Finish() != partial_->digest()) {
    return Refuse(absl::DataLossError(absl::StrCat("the bytes that the source sent as blob ",
                                                   partial_->digest().ToString(),
                                                   " do not have this digest")));
  }
  if (lease_ != nullptr) {
    KH_RETURN_IF_ERROR(lease_->MarkVerified());
    lease_ = nullptr;
  } else {
    KH_RETURN_IF_ERROR(partial_->MarkVerified(CurrentPiece()));
  }
  complete_ = true;
  if (on_piece_ != nullptr) on_piece_(CurrentPiece(), std::nullopt);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Blob>> SequentialWriter::Finish() {
  KH_RETURN_IF_ERROR(status_);
  if (size_.has_value() && offset_ != *size_) {
    return absl::UnavailableError(absl::StrCat("the source ended blob ",
                                               partial_->digest().ToString(), " after ", offset_,
                                               " of ", *size_, " bytes"));
  }
  if (!complete_) {
    if (!size_.has_value()) {
      status_ = partial_->SetSize(ByteCount(offset_));
      KH_RETURN_IF_ERROR(status_);
      size_ = offset_;
    }
    status_ = EndLastPiece();
    KH_RETURN_IF_ERROR(status_);
  }
  return partial_->CommitNow();
}

}  // namespace kraken::storage
