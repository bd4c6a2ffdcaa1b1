#ifndef KRAKEN_PEER_WIRE_TORRENT_CONTENT_H_
#define KRAKEN_PEER_WIRE_TORRENT_CONTENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/event_loop.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {
class Blob;
class PartialBlob;
class PieceWriter;
struct PartialBlobEvent;
}  // namespace kraken::storage

namespace kraken::peer_wire {

// Where the bytes of one torrent are: a blob that arrives, then the complete one, or an error. What
// the I/O loops read and write, and the readers of a blob wait for, without a visit to the control
// loop.
//
// Thread-safe. Set by the control loop; a state once failed stays so.
class TorrentContent {
 public:
  TorrentContent(const Digest& digest, const storage::PieceLayout& layout)
      : digest_(digest), layout_(layout) {}
  ~TorrentContent();
  TorrentContent(const TorrentContent&) = delete;
  TorrentContent& operator=(const TorrentContent&) = delete;

  const Digest& digest() const { return digest_; }
  const storage::PieceLayout& layout() const { return layout_; }

  // ---- The owner ----

  // Passes on what the partial tells its listeners, on any thread, except pieces that were written
  // through StartPiece.
  void SetPartial(std::shared_ptr<storage::PartialBlob> partial,
                  std::function<void(const storage::PartialBlobEvent&)> on_event)
      ABSL_LOCKS_EXCLUDED(mu_);
  void SetBlob(std::shared_ptr<const storage::Blob> blob) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on nothing is served or written, and readers fail; no effect once the blob is
  // complete. REQUIRES: !status.ok().
  void Fail(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  std::shared_ptr<storage::PartialBlob> partial() const ABSL_LOCKS_EXCLUDED(mu_);

  // What Kraken's version 1 calls the torrent, once an origin has said so. Not to be believed: it
  // names a swarm among those peers, no bytes.
  void SetInfoHash(const InfoHash& info_hash) ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<InfoHash> info_hash() const ABSL_LOCKS_EXCLUDED(mu_);

  // ---- The I/O loops ----

  // As PartialBlob::StartPiece; ALREADY_EXISTS also when the blob is complete.
  absl::StatusOr<std::unique_ptr<storage::PieceWriter>> StartPiece(PieceIndex piece)
      ABSL_LOCKS_EXCLUDED(mu_);
  // As PieceWriter::Finish; wakes readers.
  absl::Status FinishPiece(storage::PieceWriter& writer) ABSL_LOCKS_EXCLUDED(mu_);

  // A piece's bytes for an upload.
  struct Source {
    std::shared_ptr<const void> owner;  // keeps `fd` open
    int fd = -1;
    ByteOffset offset;
    ByteCount length;
  };
  // NOT_FOUND if the piece is not here, checked.
  absl::StatusOr<Source> OpenPiece(PieceIndex piece) const ABSL_LOCKS_EXCLUDED(mu_);

  // ---- Readers ----

  struct Readable {
    // The bytes [asked offset, end) may be given out.
    ByteOffset end;
    absl::Status status;
  };
  Readable ReadableFrom(ByteOffset offset) const ABSL_LOCKS_EXCLUDED(mu_);
  // What holds the bytes, and its descriptor; -1 if there is none.
  Source File() const ABSL_LOCKS_EXCLUDED(mu_);

  // Posts `ready` to `loop` when ReadableFrom(offset) has bytes or an error: perhaps at once.
  // `waiter` names the waiting for CancelWait; the last call with the same name counts.
  void Wait(const void* waiter, ByteOffset offset, net::LoopHandle loop,
            absl::AnyInvocable<void()> ready) ABSL_LOCKS_EXCLUDED(mu_);
  void CancelWait(const void* waiter) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Waiter {
    ByteOffset offset;
    net::LoopHandle loop;
    absl::AnyInvocable<void()> ready;
  };

  Readable ReadableFromLocked(ByteOffset offset) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool IsReadyLocked(ByteOffset offset) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void OnPartialEvent(const storage::PartialBlobEvent& event) ABSL_LOCKS_EXCLUDED(mu_);
  void WakeWaiters() ABSL_LOCKS_EXCLUDED(mu_);
  void StopListening() ABSL_LOCKS_EXCLUDED(mu_);

  const Digest digest_;
  const storage::PieceLayout layout_;
  mutable absl::Mutex mu_;
  std::shared_ptr<storage::PartialBlob> partial_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const storage::Blob> blob_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::optional<InfoHash> info_hash_ ABSL_GUARDED_BY(mu_);
  // Set once, before the listener is added.
  std::function<void(const storage::PartialBlobEvent&)> on_event_;
  int64_t listener_ ABSL_GUARDED_BY(mu_) = 0;
  std::shared_ptr<storage::PartialBlob> listened_to_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<const void*, Waiter> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_TORRENT_CONTENT_H_
