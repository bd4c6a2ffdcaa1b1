#ifndef KRAKEN_DAEMON_BLOB_FETCHER_H_
#define KRAKEN_DAEMON_BLOB_FETCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/backend/namespace_router.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::daemon {

// What to bring from a backend.
struct FetchRequest {
  Digest digest;
  std::string ns;
  // Not set: as BlobFetcherOptions say. 0: that of what is on disk already, else the automatic
  // choice.
  std::optional<ByteCount> piece_length;
  // The piece list that the partial has comes from an origin: a backend that contradicts it is
  // wrong, and what is verified stays.
  bool trust_piece_list = false;
};

// What a fetch tells, all in the loop.
struct FetchEvents {
  // The size is known and the partial blob is there; perhaps with pieces from an earlier fetch, or
  // from peers. The `states` of those at its start (after pieces 0, 1, …) are known too.
  std::function<void(std::shared_ptr<storage::PartialBlob> partial,
                     std::vector<Sha256State> states)>
      on_begin;
  // The states after the next pieces, of which none is left out.
  std::function<void(std::vector<Sha256State> states)> on_states;
  // Bytes received since the last time, and where the fetch is in the blob.
  std::function<void(uint64_t received, uint64_t bytes_done)> on_progress;
  // Once, last. OK: complete in the store. DATA_LOSS: the backend's bytes are not the digest's, and
  // what came has been deleted, unless a piece list was to be trusted. NOT_FOUND: the backend does
  // not have it.
  std::function<void(absl::Status)> on_done;
};

// Sees all bytes of a blob on their way into the store, in the fetch's thread.
class BlobTap {
 public:
  virtual ~BlobTap() = default;
  virtual void Append(absl::Span<const uint8_t> bytes) = 0;
  // That was all, and the blob is complete.
  virtual void Finish() = 0;
};

struct BlobFetcherOptions {
  storage::PieceLengthTable piece_lengths;
  int max_fetches = 1;
  // Who wants to see the bytes of blobs that come in one go, if somebody does (null: nobody).
  // Called in the fetch's thread.
  std::function<std::unique_ptr<BlobTap>(const Digest&, const storage::PieceLayout&)> tap;
};

// Brings blobs from the backends into the store: in order, each byte hashed once on the way. What
// is verified already, from an earlier fetch or from peers that bring pieces meanwhile, is not
// fetched. As many at a time as there are threads; more wait. Thread-safe.
class BlobFetcher {
 public:
  // All outlive it.
  BlobFetcher(net::EventLoop* loop, const backend::NamespaceRouter* backends,
              storage::BlobStore* store, BlobFetcherOptions options);
  ~BlobFetcher();

  void Fetch(FetchRequest request, const registry::Cancellation& cancellation, FetchEvents events);

  // The blob's size at its backend.
  void Stat(const Digest& digest, const std::string& ns,
            std::function<void(absl::StatusOr<ByteCount>)> done);

  // Ends what is under way (resumable) and joins the threads. Blocks.
  void Shutdown();

 private:
  class Job;

  net::EventLoop* const loop_;
  const backend::NamespaceRouter* const backends_;
  storage::BlobStore* const store_;
  const BlobFetcherOptions options_;
  registry::Cancellation shutdown_;
  WorkerPool threads_;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_BLOB_FETCHER_H_
