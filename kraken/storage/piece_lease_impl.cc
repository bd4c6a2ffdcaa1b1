#include "kraken/storage/piece_lease_impl.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

constexpr size_t kCopyBufferBytes = 64 << 10;

}  // namespace

PieceLeaseImpl::PieceLeaseImpl(std::shared_ptr<PartialBlobImpl> partial, PieceIndex piece,
                               std::shared_ptr<LeaseCell> cell, UniqueFd scratch)
    : partial_(std::move(partial)),
      piece_(piece),
      cell_(std::move(cell)),
      scratch_(std::move(scratch)) {}

PieceLeaseImpl::~PieceLeaseImpl() {
  if (cell_ != nullptr) partial_->Release(piece_, cell_);
}

absl::Status PieceLeaseImpl::Write(ByteOffset offset, absl::Span<const uint8_t> bytes) {
  KH_RETURN_IF_ERROR(partial_->CheckWritable());
  const int64_t end = offset.value() + static_cast<int64_t>(bytes.size());
  if (offset.value() < 0 || end > partial_->LengthOf(piece_)) {
    return absl::OutOfRangeError(absl::StrCat("blob ", partial_->digest().ToString(), ": ",
                                              bytes.size(), " bytes at ", offset.value(),
                                              " are beyond the end of piece ", piece_.value()));
  }
  if (cell_ == nullptr) {
    return WriteFully(scratch_.get(), offset.value(), bytes, partial_->digest().ToString());
  }
  KH_RETURN_IF_ERROR(partial_->EnsureReserved(start() + end));
  absl::MutexLock lock(&cell_->mu);
  // Another lease has put checked bytes there.
  if (cell_->revoked) return absl::OkStatus();
  return WriteFully(partial_->ReadFd(), start() + offset.value(), bytes,
                    partial_->digest().ToString());
}

absl::Status PieceLeaseImpl::MarkVerified() {
  if (partial_->Has(piece_)) return absl::OkStatus();
  if (cell_ == nullptr) return MoveIntoPlace();
  {
    absl::MutexLock lock(&cell_->mu);
    if (cell_->revoked) {
      return absl::AbortedError(absl::StrCat("blob ", partial_->digest().ToString(), ": piece ",
                                             piece_.value(), " is being written by another"));
    }
  }
  return partial_->MarkVerified(piece_);
}

absl::Status PieceLeaseImpl::MoveIntoPlace() {
  const int64_t length = partial_->LengthOf(piece_);
  KH_RETURN_IF_ERROR(partial_->EnsureReserved(start() + length));
  const std::shared_ptr<LeaseCell> cell = partial_->TakeOver(piece_);
  std::vector<uint8_t> buffer(kCopyBufferBytes);
  absl::Status status;
  for (int64_t done = 0; status.ok() && done < length;) {
    const auto part = absl::MakeSpan(buffer).first(
        static_cast<size_t>(std::min<int64_t>(kCopyBufferBytes, length - done)));
    status = ReadFully(scratch_.get(), done, part, "scratch file");
    if (status.ok()) {
      status = WriteFully(partial_->ReadFd(), start() + done, part, partial_->digest().ToString());
    }
    done += static_cast<int64_t>(part.size());
  }
  if (status.ok()) status = partial_->MarkVerified(piece_);
  partial_->Release(piece_, cell);
  return status;
}

absl::StatusOr<UniqueFd> OpenScratchFile(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid()) return fd;
  // The file system knows no O_TMPFILE.
  std::string name = absl::StrCat(directory, "/scratch.XXXXXX");
  fd.Reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("create ", name));
  ::unlink(name.c_str());
  return fd;
}

}  // namespace kraken::storage
