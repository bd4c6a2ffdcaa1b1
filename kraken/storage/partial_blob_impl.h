#ifndef KRAKEN_STORAGE_PARTIAL_BLOB_IMPL_H_
#define KRAKEN_STORAGE_PARTIAL_BLOB_IMPL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/clock.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/partial_listeners.h"
#include "kraken/storage/piece_lease.h"
#include "kraken/storage/piece_map_file.h"
#include "kraken/storage/piece_table.h"
#include "kraken/storage/store_core.h"

namespace kraken::storage {

// Who may write a piece in place. Its lock is held during each write, so that revoking it waits for
// the write under way.
struct LeaseCell {
  absl::Mutex mu;
  bool revoked ABSL_GUARDED_BY(mu) = false;
};

// The one implementation of PartialBlob. Made by OpenPartialFiles (partial_files.h).
//
// Locks: `flush_mu_` and `grow_mu_` before `mu_`; `mu_` is never held over disk I/O.
class PartialBlobImpl final : public PartialBlob,
                              public std::enable_shared_from_this<PartialBlobImpl> {
 public:
  struct Files {
    UniqueFd data;
    UniqueFd map;
    // Bytes of `data` that are reserved.
    int64_t reserved_end = 0;
    // Whether the file system holds the space (fallocate), not we alone.
    bool allocated = false;
  };

  PartialBlobImpl(std::shared_ptr<StoreCore> core, const Digest& digest, Files files,
                  PieceTable table, bool keep);
  ~PartialBlobImpl() override;

  const Digest& digest() const override { return digest_; }
  ByteCount piece_length() const override { return ByteCount(piece_length_); }
  std::optional<PieceLayout> layout() const override;
  absl::Status SetSize(ByteCount size) override;
  absl::Status WriteAt(ByteOffset offset, absl::Span<const uint8_t> bytes) override;
  absl::Status ReadAt(ByteOffset offset, absl::Span<uint8_t> out) const override;
  int ReadFd() const override { return data_.get(); }
  absl::Status SetStates(PieceIndex first, absl::Span<const Sha256State> states) override;
  std::optional<Sha256State> StateAfter(PieceIndex piece) const override;
  absl::Status SetSignature(std::string signature) override;
  absl::StatusOr<std::unique_ptr<PieceWriter>> StartPiece(PieceIndex piece) override;
  absl::StatusOr<std::unique_ptr<PieceLease>> LeasePiece(PieceIndex piece) override;
  absl::Status MarkVerified(PieceIndex piece) override;
  bool Has(PieceIndex piece) const override;
  PieceCount verified_count() const override;
  VerifiedPrefix verified_prefix() const override;
  bool all_verified() const override;
  bool IsVerifiedRange(ByteOffset offset, ByteCount length) const override;
  ByteOffset VerifiedEnd(ByteOffset offset) const override;
  absl::Status SetKeep(bool keep) override;
  void Commit(CommitDone done) override;
  absl::StatusOr<std::shared_ptr<const Blob>> CommitNow() override;
  absl::StatusOr<std::shared_ptr<const Blob>> HashAndCommitNow() override;
  void Abandon(const absl::Status& why) override;
  absl::Status Flush() override;
  int64_t AddListener(Listener listener) override { return listeners_.Add(std::move(listener)); }
  void RemoveListener(int64_t id) override { listeners_.Remove(id); }

  bool abandoned() const;
  // Takes the files of an abandoned partial away. REQUIRES: abandoned(), the digest's lock is held.
  void RemoveAbandoned();

  // --- For PieceLeaseImpl.

  // CANCELLED when nothing may be written any more.
  absl::Status CheckWritable() const;
  // Makes room up to `end`. OUT_OF_RANGE, RESOURCE_EXHAUSTED.
  absl::Status EnsureReserved(int64_t end);
  int64_t LengthOf(PieceIndex piece) const;
  // Makes the caller the one who writes `piece` in place, whoever did so before.
  std::shared_ptr<LeaseCell> TakeOver(PieceIndex piece);
  void Release(PieceIndex piece, const std::shared_ptr<LeaseCell>& cell);

 private:
  enum class Phase { kOpen, kCommitting, kCommitted, kAbandoned };

  bool NotCommitting() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return phase_ != Phase::kCommitting;
  }
  absl::Status CheckWritableLocked() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status WriteRecords(const std::vector<PieceIndex>& pieces,
                            const std::vector<PieceMapRecord>& records);
  absl::Status WriteHeader(std::optional<int64_t> size);
  absl::Status WritePieceList() ABSL_LOCKS_EXCLUDED(mu_);
  // `*gone`: the files were deleted, since nobody knows what the disk holds.
  absl::StatusOr<std::shared_ptr<const Blob>> CommitFiles(bool* gone);
  absl::Status HashWhole(std::vector<Sha256State>* states);
  std::string Name() const { return digest_.ToString(); }
  std::string FilePath(std::string_view name) const;

  const std::shared_ptr<StoreCore> core_;
  const Digest digest_;
  const int64_t piece_length_;
  const UniqueFd data_;
  const UniqueFd map_;
  const bool allocated_;
  PartialListeners listeners_;

  // Serializes the growth of `data`.
  absl::Mutex grow_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  std::atomic<int64_t> reserved_end_;
  // Serializes writes of the map, so that an older record never overwrites a newer one.
  absl::Mutex flush_mu_ ABSL_ACQUIRED_BEFORE(mu_);

  mutable absl::Mutex mu_;
  PieceTable table_ ABSL_GUARDED_BY(mu_);
  Phase phase_ ABSL_GUARDED_BY(mu_) = Phase::kOpen;
  // What writers look at for each buffer.
  std::atomic<bool> writable_{true};
  absl::Status abandoned_ ABSL_GUARDED_BY(mu_);
  // Pins the blob for whoever reads through this object.
  std::shared_ptr<const Blob> blob_ ABSL_GUARDED_BY(mu_);
  std::string signature_ ABSL_GUARDED_BY(mu_);
  bool keep_ ABSL_GUARDED_BY(mu_);
  // The commit has renamed the directory.
  bool installed_ ABSL_GUARDED_BY(mu_) = false;
  // Whose records in the map are old.
  std::vector<PieceIndex> dirty_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<int32_t, std::shared_ptr<LeaseCell>> leases_ ABSL_GUARDED_BY(mu_);
};

// The charge of a partial blob of `size` bytes, or of unknown size with `reserved` bytes.
int64_t PartialCharge(int64_t size_or_reserved, int64_t piece_length);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PARTIAL_BLOB_IMPL_H_
