#ifndef KRAKEN_ORIGIN_KRAKEN_SUMS_H_
#define KRAKEN_ORIGIN_KRAKEN_SUMS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/net/event_loop.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/kraken_metainfo.h"
#include "kraken/swarm/kraken_summer.h"

namespace kraken::origin {

// What Kraken's version 1 knows of this origin's blobs: their pieces' CRC-32 sums. Those of a blob
// that comes from a backend are made on its way in (MakeTap). Any other blob is read once more,
// after somebody has asked; one at a time. The latest are remembered.
class KrakenSums {
 public:
  using Result = absl::StatusOr<std::shared_ptr<const swarm::KrakenMetainfo>>;
  using Done = std::function<void(const Result&)>;

  // 4 bytes each.
  static constexpr size_t kMaxRememberedPieces = 16 << 20;
  // Blobs that wait to be read.
  static constexpr size_t kMaxWaiting = 65536;

  // Loop and store outlive it. `piece_lengths`: as the cluster's processes of version 1 have them.
  KrakenSums(net::EventLoop* loop, storage::BlobStore* store,
             storage::PieceLengthTable piece_lengths,
             size_t max_remembered_pieces = kMaxRememberedPieces);
  ~KrakenSums();

  // Sums a blob that is stored in the pieces of `stored`. Any thread. FAILED_PRECONDITION: it has
  // more pieces than version 1 can speak of.
  absl::StatusOr<swarm::KrakenSummer> SummerOf(const Digest& digest,
                                               const storage::PieceLayout& stored) const;

  // Sums a blob on its way into the store, and remembers that. Null if it can't be summed. Any
  // thread; the tap does not outlive this object.
  std::unique_ptr<daemon::BlobTap> MakeTap(const Digest& digest,
                                           const storage::PieceLayout& stored);

  // Any thread.
  std::shared_ptr<const swarm::KrakenMetainfo> Remember(swarm::KrakenMetainfo metainfo);

  // Of a blob that is complete in the store. In the loop; calls back there, later. NOT_FOUND;
  // FAILED_PRECONDITION as SummerOf; RESOURCE_EXHAUSTED: too many wait.
  void Get(const Digest& digest, Done done);

  // Blobs that were read for their sums.
  uint64_t blobs_read() const { return blobs_read_; }

  // Ends what is under way and joins the thread. Blocks.
  void Shutdown();

 private:
  using MetainfoPtr = std::shared_ptr<const swarm::KrakenMetainfo>;

  storage::PieceLayout LayoutFor(const storage::PieceLayout& stored) const;
  MetainfoPtr Recall(const Digest& digest);
  Result Read(const Digest& digest);
  void Answer(const Digest& digest, const Result& result);

  net::EventLoop* const loop_;
  storage::BlobStore* const store_;
  const storage::PieceLengthTable piece_lengths_;
  const size_t max_remembered_pieces_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> blobs_read_{0};

  absl::Mutex mu_;
  absl::flat_hash_map<Digest, MetainfoPtr> remembered_ ABSL_GUARDED_BY(mu_);
  // Of `remembered_`, the oldest first.
  std::deque<Digest> order_ ABSL_GUARDED_BY(mu_);
  size_t remembered_pieces_ ABSL_GUARDED_BY(mu_) = 0;

  // In the loop: who waits for a blob that is being read.
  absl::flat_hash_map<Digest, std::vector<Done>> waiting_;
  std::shared_ptr<KrakenSums*> alive_;
  WorkerPool thread_;
};

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_KRAKEN_SUMS_H_
