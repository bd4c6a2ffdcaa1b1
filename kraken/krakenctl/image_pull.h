#ifndef KRAKEN_KRAKENCTL_IMAGE_PULL_H_
#define KRAKEN_KRAKENCTL_IMAGE_PULL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/strong_index.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/platform.h"
#include "kraken/registry/registry_client.h"

namespace kraken::krakenctl {

// The most blobs that are fetched at once.
inline constexpr int kMaxParallelBlobs = 64;

// What an image for one platform consists of.
struct PullPlan {
  struct Blob {
    Digest digest;
    ByteCount size;
  };
  Digest manifest;            // of the platform's image
  std::vector<Blob> blobs;    // configuration first, each digest once
  size_t foreign_layers = 0;  // that no registry has: not among `blobs`

  ByteCount total_size() const;
};

// Reads manifests until it is clear what to fetch. NOT_FOUND: an index has no image for the
// platform; the message says which it has. Errors of RegistryClient and of Manifest::Parse.
absl::StatusOr<PullPlan> ResolveImage(registry::RegistryClient& client,
                                      const RepositoryName& repository, const Reference& reference,
                                      const registry::Platform& platform,
                                      const registry::Cancellation& cancellation);

// How far the blobs of a pull are. Thread-safe.
class PullProgress {
 public:
  enum class State { kWaiting, kRunning, kDone };
  struct Blob {
    State state = State::kWaiting;
    int64_t received_bytes = 0;
    MonotonicTime begun;
    MonotonicTime ended;  // of kDone
  };

  // `clock` outlives this.
  PullProgress(size_t blobs, const Clock* clock) : clock_(clock), blobs_(blobs) {}

  void Begin(size_t blob);
  void Receive(size_t blob, int64_t bytes);
  void End(size_t blob);

  std::vector<Blob> Snapshot() const;

 private:
  const Clock* const clock_;
  mutable absl::Mutex mutex_;
  std::vector<Blob> blobs_ ABSL_GUARDED_BY(mutex_);
};

// Fetches all blobs, so many at once, checks sizes and digests and lets the bytes go. The first
// error ends the others: DATA_LOSS for what is not what its manifest says, else as RegistryClient.
// Blocks.
absl::Status PullBlobs(registry::RegistryClient& client, const RepositoryName& repository,
                       const PullPlan& plan, int parallel_blobs, PullProgress& progress,
                       registry::Cancellation cancellation);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_IMAGE_PULL_H_
