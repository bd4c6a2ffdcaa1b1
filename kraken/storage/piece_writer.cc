#include "kraken/storage/piece_writer.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"

namespace kraken::storage {

absl::Status PieceWriter::Write(absl::Span<const uint8_t> bytes) {
  const ByteCount room = expected() - received();
  if (static_cast<int64_t>(bytes.size()) > room.value()) {
    return absl::OutOfRangeError(
        absl::StrCat("piece ", piece().value(), " has ", expected().value(), " bytes, got more"));
  }
  KH_RETURN_IF_ERROR(lease_->Write(ByteOffset(received().value()), bytes));
  verifier_.Update(bytes);
  return absl::OkStatus();
}

absl::Status PieceWriter::Finish() {
  if (!verifier_.full()) {
    return absl::FailedPreconditionError(absl::StrCat("piece ", piece().value(), " has ",
                                                      expected().value(), " bytes, got ",
                                                      received().value()));
  }
  if (!verifier_.Finish()) {
    return absl::DataLossError(absl::StrCat("piece ", piece().value(), " does not check"));
  }
  return lease_->MarkVerified();
}

}  // namespace kraken::storage
