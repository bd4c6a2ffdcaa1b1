#ifndef KRAKEN_BACKEND_GUARDED_BACKEND_H_
#define KRAKEN_BACKEND_GUARDED_BACKEND_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/backend_observer.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/base/token_bucket.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {

struct BackendGuards {
  // Requests under way at once; further ones wait. At least 1.
  int max_concurrent = 1;
  // Of blobs, over all downloads; 0: no limit. One second's worth may come at once.
  double bytes_per_second = 0;
  BackendObserver* observer = nullptr;  // null: nobody watches
};

// Puts what every backend needs around one: a limit on concurrent requests, a limit on bandwidth
// (of bytes as they come, so that a large blob is slowed down too), and somebody who watches.
// Thread-safe. Waiting ends with CANCELLED when the request is cancelled. CheckReady() passes by.
class GuardedBackend final : public Backend {
 public:
  // `clock`, and guards.observer if there is one, outlive this object.
  GuardedBackend(std::shared_ptr<Backend> inner, const BackendGuards& guards, const Clock* clock);

  std::string name() const override { return name_; }
  absl::StatusOr<ByteCount> StatBlob(const Namespace& ns, const Digest& digest,
                                     const registry::Cancellation& cancellation) override;
  absl::Status DownloadBlob(const Namespace& ns, const Digest& digest, ByteOffset offset,
                            registry::BlobSink& sink,
                            const registry::Cancellation& cancellation) override;
  absl::StatusOr<Digest> ResolveTag(const Namespace& ns, const Tag& tag,
                                    const registry::Cancellation& cancellation) override;
  absl::Status CheckReady(const registry::Cancellation& cancellation) override;

 private:
  class ThrottledSink;

  // Waits for a turn, runs the request, reports it.
  absl::Status Run(BackendObserver::Operation operation, const registry::Cancellation& cancellation,
                   absl::FunctionRef<absl::Status()> request);
  absl::Status Enter(const registry::Cancellation& cancellation);
  void Leave();
  // Counts bytes that came in, and waits until they were due.
  absl::Status Pace(ByteCount bytes, const registry::Cancellation& cancellation);

  const std::shared_ptr<Backend> inner_;
  const BackendGuards guards_;
  const Clock* const clock_;
  const std::string name_;
  absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  TokenBucket bucket_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_GUARDED_BACKEND_H_
