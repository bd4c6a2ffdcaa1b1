#ifndef KRAKEN_STORAGE_PARTIAL_BLOB_H_
#define KRAKEN_STORAGE_PARTIAL_BLOB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {

class PieceLease;
class PieceWriter;

// What a partial blob tells its listeners.
struct PartialBlobEvent {
  enum class Kind {
    kPieceVerified,  // `piece` may be read and served
    kCommitted,      // complete: use BlobStore::Find from now on; descriptors stay valid
    kAbandoned,      // nothing of it may be served any more; `status` says why
  };
  Kind kind = Kind::kPieceVerified;
  PieceIndex piece{0};
  absl::Status status;
};

// Contiguous verified bytes from the blob's start, and SHA-256's state after them, to resume a
// fetch in order. When all is verified, `bytes` is the blob's size and `state` means nothing;
// else `bytes` is a multiple of the piece length.
struct VerifiedPrefix {
  ByteCount bytes{0};
  Sha256State state;
};

// A blob that is still arriving. There is one object per digest at a time; it is kept on disk,
// resumable, when the last reference goes.
//
// Each piece is written by one writer at a time: StartPiece and LeasePiece see to that (a second
// writer of the same piece, in the endgame, is given a scratch file). Who uses WriteAt and
// MarkVerified directly must see to it himself: bytes written by somebody else between the check
// and the mark would be served as verified. Bytes of a piece that is verified are never
// overwritten.
//
// Thread-safe. "Blocking" methods do disk I/O: never call them on a loop.
class PartialBlob {
 public:
  using Listener = std::function<void(const PartialBlobEvent&)>;
  using CommitDone = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<const Blob>>)>;

  virtual ~PartialBlob() = default;

  virtual const Digest& digest() const = 0;
  virtual ByteCount piece_length() const = 0;
  // nullopt while the size is unknown.
  virtual std::optional<PieceLayout> layout() const = 0;
  // For a blob opened with unknown size, once: reserves the rest, or trims. Blocking.
  // FAILED_PRECONDITION when another size is known already, OUT_OF_RANGE when bytes beyond it were
  // written, RESOURCE_EXHAUSTED as OpenPartial.
  virtual absl::Status SetSize(ByteCount size) = 0;

  // Writes all of `bytes` at `offset`; what belongs to verified pieces is skipped. Blocking.
  // OUT_OF_RANGE beyond the size, RESOURCE_EXHAUSTED when the disk or the quota is full,
  // CANCELLED when abandoned.
  virtual absl::Status WriteAt(ByteOffset offset, absl::Span<const uint8_t> bytes) = 0;
  // Reads all of `out`, without asking whether those bytes are verified.
  virtual absl::Status ReadAt(ByteOffset offset, absl::Span<uint8_t> out) const = 0;
  // For pread and sendfile of verified ranges, also across the commit; valid as long as this
  // object.
  virtual int ReadFd() const = 0;

  // States after pieces `first`, `first + 1`, ... DATA_LOSS when one contradicts a state known
  // already (none is then taken); OUT_OF_RANGE when it is no inner piece.
  virtual absl::Status SetStates(PieceIndex first, absl::Span<const Sha256State> states) = 0;
  absl::Status AddState(PieceIndex piece, const Sha256State& state) {
    return SetStates(piece, absl::MakeConstSpan(&state, 1));
  }
  // The state after `piece`, if known.
  virtual std::optional<Sha256State> StateAfter(PieceIndex piece) const = 0;
  // What the piece list of the complete blob will carry as signature (opaque bytes).
  virtual absl::Status SetSignature(std::string signature) = 0;

  // Starts to write `piece` in order, checking on the way. FAILED_PRECONDITION when the states
  // around it are not known, ALREADY_EXISTS when it is verified.
  virtual absl::StatusOr<std::unique_ptr<PieceWriter>> StartPiece(PieceIndex piece) = 0;
  // The same without the check, for who hashes himself. ALREADY_EXISTS when it is verified,
  // OUT_OF_RANGE when there is no such piece.
  virtual absl::StatusOr<std::unique_ptr<PieceLease>> LeasePiece(PieceIndex piece) = 0;

  // Declares that the bytes of `piece`, written already, hold between the states around it.
  // Remembered beyond a kill of the process from when this returns, with the states known until
  // then; not beyond a loss of power. FAILED_PRECONDITION when those states are not known.
  // REQUIRES for the last piece: its end equals the digest. Blocking (page cache).
  virtual absl::Status MarkVerified(PieceIndex piece) = 0;
  virtual bool Has(PieceIndex piece) const = 0;
  virtual PieceCount verified_count() const = 0;
  virtual VerifiedPrefix verified_prefix() const = 0;
  // All pieces are verified, hence the digest holds.
  virtual bool all_verified() const = 0;
  virtual bool IsVerifiedRange(ByteOffset offset, ByteCount length) const = 0;
  // End of the run of verified bytes that begins at `offset` (== offset when there is none).
  virtual ByteOffset VerifiedEnd(ByteOffset offset) const = 0;

  // The blob shall not be evicted after the commit until BlobStore::SetKeep(digest, false): it is
  // not written back yet. Durable with the commit. Blocking.
  virtual absl::Status SetKeep(bool keep) = 0;

  // Makes it a complete blob: fsync of the data, piece list, atomic rename, fsync of both
  // directories. `done` runs on a thread of the worker pool (or on this one when the pool is full,
  // with RESOURCE_EXHAUSTED: try again). FAILED_PRECONDITION unless all_verified(). After an I/O
  // error of fsync nothing can be believed any more: the partial is abandoned. Calls while one is
  // under way share its result; afterwards all get the same blob.
  virtual void Commit(CommitDone done) = 0;
  // The same, here and now. Blocking.
  virtual absl::StatusOr<std::shared_ptr<const Blob>> CommitNow() = 0;
  // For bytes whose piece list is not known (a v1 swarm): reads the whole file, computes the
  // states and compares the digest, then commits. DATA_LOSS (and abandoned) when it differs.
  // REQUIRES: all bytes were written, the size is known. Blocking.
  virtual absl::StatusOr<std::shared_ptr<const Blob>> HashAndCommitNow() = 0;

  // Forgets everything, on disk too, for good: the list was revoked or the digest is wrong. A
  // later OpenPartial begins anew. No effect after the commit. Blocking.
  virtual void Abandon(const absl::Status& why) = 0;

  // Writes down now what MarkVerified could not, and what SetStates has not yet. Blocking.
  virtual absl::Status Flush() = 0;

  // Listeners are called on the thread that caused the event; they must be quick (Post to a loop)
  // and must not change this partial from within. Events of several threads may pass each other,
  // and what happened before is not told: add first, then look. After RemoveListener returns, the
  // listener is not running and won't be called again, unless it removes itself from within.
  // Returns an id.
  virtual int64_t AddListener(Listener listener) = 0;
  virtual void RemoveListener(int64_t id) = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PARTIAL_BLOB_H_
