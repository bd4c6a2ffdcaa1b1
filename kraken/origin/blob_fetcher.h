#ifndef KRAKEN_ORIGIN_BLOB_FETCHER_H_
#define KRAKEN_ORIGIN_BLOB_FETCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/backend/namespace_router.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/origin/kraken_sums.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/blob_store.h"

namespace kraken::origin {

// What a fetch tells, all in the loop.
struct FetchEvents {
  // The size is known and the partial blob is there; perhaps with pieces from an earlier fetch,
  // whose `states` (after pieces 0, 1, …) are known too.
  std::function<void(std::shared_ptr<storage::PartialBlob> partial,
                     std::vector<Sha256State> states)>
      on_begin;
  // The states after the next pieces.
  std::function<void(std::vector<Sha256State> states)> on_states;
  // Bytes received since the last time, and where the fetch is in the blob.
  std::function<void(uint64_t received, uint64_t bytes_done)> on_progress;
  // Once, last. OK: complete in the store. DATA_LOSS: the backend's bytes are not the digest's, and
  // what came has been deleted. NOT_FOUND: the backend does not have it.
  std::function<void(absl::Status)> on_done;
};

// Brings blobs from the backends into the store: in order, each byte hashed once on the way,
// resumed where an earlier fetch ended. As many at a time as there are threads; more wait.
// Thread-safe.
class BlobFetcher {
 public:
  // All outlive it. `sums`: gets those of blobs that come in one go; null: nobody wants them.
  BlobFetcher(net::EventLoop* loop, const backend::NamespaceRouter* backends,
              storage::BlobStore* store, storage::PieceLengthTable piece_lengths, int max_fetches,
              KrakenSums* sums = nullptr);
  ~BlobFetcher();

  void Fetch(const Digest& digest, const std::string& ns,
             const registry::Cancellation& cancellation, FetchEvents events);

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
  const storage::PieceLengthTable piece_lengths_;
  KrakenSums* const sums_;
  registry::Cancellation shutdown_;
  WorkerPool threads_;
};

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_BLOB_FETCHER_H_
