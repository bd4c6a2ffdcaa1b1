#ifndef KRAKEN_STORAGE_SEQUENTIAL_WRITER_H_
#define KRAKEN_STORAGE_SEQUENTIAL_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/sha256.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/piece_lease.h"

namespace kraken::storage {

// Takes a blob's bytes in order (an origin's fetch from its backend, an upload), hashes each once,
// computes the piece states and marks the pieces verified. Until Finish they are provisional: the
// chain holds in itself, the digest is not known to.
//
// Begins at the partial's verified_prefix(): ask `next_offset()` and fetch from there. Bytes of
// pieces that are verified already are hashed, not written. Used by one thread at a time; its
// methods block on the disk.
class SequentialWriter {
 public:
  // Called after each piece is verified, or passed over, with the state after it; nullopt for the
  // last piece (then the digest holds).
  using OnPiece = absl::AnyInvocable<void(PieceIndex, std::optional<Sha256State>)>;

  // Whom to believe when the bytes contradict a state that the partial knows.
  enum class Trust {
    // Nobody: all of it may be wrong, and is abandoned.
    kNobody,
    // The partial, whose list an origin has vouched for: what is verified stays, unless this writer
    // has added states of its own.
    kKnownStates,
  };

  explicit SequentialWriter(std::shared_ptr<PartialBlob> partial, OnPiece on_piece = nullptr,
                            Trust trust = Trust::kNobody);

  SequentialWriter(const SequentialWriter&) = delete;
  SequentialWriter& operator=(const SequentialWriter&) = delete;

  // Where the next byte given to Append belongs.
  ByteOffset next_offset() const { return ByteOffset(offset_); }

  // DATA_LOSS (and the partial is abandoned, if Refuse() does): the source sent more bytes than the
  // size, a state contradicts a known one, or the digest does not hold. Other errors (disk full)
  // leave it resumable. After an error every call returns it.
  absl::Status Append(absl::Span<const uint8_t> bytes);

  // Goes on behind the pieces at next_offset() that are verified already, so that they need not
  // come again. No effect within a piece, or while the size is unknown.
  void PassOverVerified();

  // What the source said can't be true: abandons the partial, as far as `trust` has it so, and
  // returns `status`, which every call returns from then on.
  absl::Status Refuse(absl::Status status);

  // The source has ended. UNAVAILABLE (resumable) when bytes are missing, DATA_LOSS (abandoned)
  // when the digest does not hold; else commits, here, and returns the blob.
  absl::StatusOr<std::shared_ptr<const Blob>> Finish();

 private:
  absl::Status AppendWithinPiece(absl::Span<const uint8_t> bytes);
  absl::Status EndInnerPiece();
  absl::Status EndLastPiece();
  PieceIndex CurrentPiece() const;
  bool AtInnerPieceEnd() const;

  const std::shared_ptr<PartialBlob> partial_;
  OnPiece on_piece_;
  const Trust trust_;
  const int64_t piece_length_;
  std::optional<int64_t> size_;
  Sha256 hash_;
  int64_t offset_ = 0;
  // The piece that the last byte belongs to: its start, and the right to write it (null when it
  // is verified already).
  int64_t piece_start_ = 0;
  std::unique_ptr<PieceLease> lease_;
  bool in_piece_ = false;
  bool complete_ = false;
  // A state came from this writer, and from nobody else.
  bool added_states_ = false;
  absl::Status status_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_SEQUENTIAL_WRITER_H_
