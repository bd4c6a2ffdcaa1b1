#ifndef KRAKEN_STORAGE_PIECE_LEASE_IMPL_H_
#define KRAKEN_STORAGE_PIECE_LEASE_IMPL_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/partial_blob_impl.h"
#include "kraken/storage/piece_lease.h"

namespace kraken::storage {

// A lease that writes in place (`cell` is set) or to a scratch file (`scratch` is).
class PieceLeaseImpl final : public PieceLease {
 public:
  PieceLeaseImpl(std::shared_ptr<PartialBlobImpl> partial, PieceIndex piece,
                 std::shared_ptr<LeaseCell> cell, UniqueFd scratch);
  ~PieceLeaseImpl() override;

  PieceIndex piece() const override { return piece_; }
  absl::Status Write(ByteOffset offset, absl::Span<const uint8_t> bytes) override;
  absl::Status MarkVerified() override;

 private:
  absl::Status MoveIntoPlace();
  int64_t start() const { return piece_.value() * partial_->piece_length().value(); }

  const std::shared_ptr<PartialBlobImpl> partial_;
  const PieceIndex piece_;
  const std::shared_ptr<LeaseCell> cell_;
  const UniqueFd scratch_;
};

// A nameless file in `directory`.
absl::StatusOr<UniqueFd> OpenScratchFile(const std::string& directory);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_LEASE_IMPL_H_
