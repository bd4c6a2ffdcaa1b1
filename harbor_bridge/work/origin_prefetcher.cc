#include "harbor_bridge/work/origin_prefetcher.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/base/status_util.h"
#include "kraken/rpc/convert.h"

namespace harbor_bridge {
namespace {

// How often a waiting thread looks whether it is still wanted.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(100);
constexpr absl::Duration kStatTimeout = absl::Seconds(10);

}  // namespace

// The blobs of one call: each is prefetched, then looked for at all of its origins. Lives on the
// loop; the calling thread waits for its end.
class OriginPrefetcher::Batch : public std::enable_shared_from_this<Batch> {
 public:
  Batch(const OriginPrefetcher& owner, const kraken::Namespace& ns, std::vector<PlannedBlob> blobs,
        OnProgress on_progress)
      : loop_(owner.loop_),
        cluster_(owner.cluster_),
        origins_(owner.origins_),
        leave_(owner.leave_),
        ns_(ns.ToString()),
        blobs_(std::move(blobs)),
        on_progress_(std::move(on_progress)),
        bytes_done_(blobs_.size(), 0) {}

  // In the loop.
  void Start() {
    for (size_t i = 0; i < kMaxInFlight; ++i) Next();
    Advance();
  }

  // In the loop.
  void Cancel() {
    Fail(absl::CancelledError("given up"));
    Advance();
  }

  absl::Status Wait(const kraken::registry::Cancellation& cancellation) {
    bool cancelled = false;
    absl::MutexLock lock(&mu_);
    while (!mu_.AwaitWithTimeout(absl::Condition(&finished_), kCancellationCheck)) {
      if (cancellation.cancelled() && !cancelled) {
        cancelled = true;
        loop_->Post([self = shared_from_this()] { self->Cancel(); });
      }
    }
    return result_;
  }

 private:
  struct Blob {
    size_t index = 0;
    std::vector<std::string> hosts;
    size_t host = 0;
    std::string failures;
    // While it is looked for.
    size_t answers_missing = 0;
    bool is_somewhere = false;
  };

  const kraken::Digest& DigestOf(const Blob& blob) const { return blobs_[blob.index].digest; }

  // Takes up the next blob, of the prefetch or, when that is over, of the check.
  void Next() {
    if (next_ == blobs_.size() || !result_so_far_.ok()) return;
    auto blob = std::make_shared<Blob>();
    blob->index = next_++;
    blob->hosts = cluster_->ring()->Locations(DigestOf(*blob));
    ++in_flight_;
    if (checking_) {
      Look(std::move(blob));
    } else {
      Ask(std::move(blob));
    }
  }

  void Ask(std::shared_ptr<Blob> blob) {
    if (blob->host == blob->hosts.size()) {
      Done(*blob, absl::UnavailableError(blob->hosts.empty() ? "no origin is known (origin.hosts)"
                                                             : blob->failures));
      return;
    }
    absl::StatusOr<kraken::rpc::v1::WriteEpoch> epoch = leave_->Epoch();
    if (!epoch.ok()) {
      Done(*blob, epoch.status());
      return;
    }
    kraken::rpc::v1::PrefetchRequest request;
    *request.mutable_write_epoch() = *std::move(epoch);
    request.set_digest(kraken::rpc::ToBytes(DigestOf(*blob)));
    request.set_namespace_(ns_);
    request.set_all_replicas(true);
    const std::string& host = blob->hosts[blob->host];
    calls_.push_back(origins_->Prefetch(
        host, request,
        {.on_message =
             [self = shared_from_this(), blob](kraken::rpc::v1::PrefetchProgress progress) {
               self->Report(*blob, static_cast<int64_t>(progress.bytes_done()));
             },
         .on_closed =
             [self = shared_from_this(), blob](absl::Status status) {
               self->OnAnswer(blob, self->leave_->Ended(status));
             }}));
  }

  void OnAnswer(std::shared_ptr<Blob> blob, const absl::Status& status) {
    if (!absl::IsUnavailable(status) || !result_so_far_.ok()) {
      if (status.ok()) {
        ++blobs_done_;
        Report(*blob, blobs_[blob->index].size_bytes);
      }
      Done(*blob, status);
      return;
    }
    const std::string& host = blob->hosts[blob->host];
    cluster_->ReportFailure(host);
    absl::StrAppend(&blob->failures, blob->failures.empty() ? "" : "; ", status.message());
    ++blob->host;
    Ask(std::move(blob));
  }

  void Report(const Blob& blob, int64_t bytes) {
    int64_t& done = bytes_done_[blob.index];
    bytes = std::min(bytes, blobs_[blob.index].size_bytes);
    all_bytes_done_ += bytes - done;
    done = bytes;
    if (on_progress_) on_progress_(blobs_done_, all_bytes_done_);
  }

  // Asks all origins of a blob whether they have it.
  void Look(std::shared_ptr<Blob> blob) {
    kraken::rpc::v1::StatRequest request;
    request.set_digest(kraken::rpc::ToBytes(DigestOf(*blob)));
    request.set_namespace_(ns_);
    request.set_local(true);
    blob->answers_missing = blob->hosts.size();
    if (blob->hosts.empty()) return Done(*blob, absl::UnavailableError("no origin is known"));
    for (const std::string& host : blob->hosts) {
      origins_->Stat(host, request, kStatTimeout,
                     [self = shared_from_this(), blob,
                      host](const absl::StatusOr<kraken::rpc::v1::StatReply>& reply) {
                       self->OnStat(*blob, host, reply);
                     });
    }
  }

  void OnStat(Blob& blob, const std::string& host,
              const absl::StatusOr<kraken::rpc::v1::StatReply>& reply) {
    const bool is_there = reply.ok() && reply->cached();
    blob.is_somewhere |= is_there;
    // One that is dead gets its copy when it is back and is asked.
    const bool is_dead =
        absl::IsUnavailable(reply.status()) || absl::IsDeadlineExceeded(reply.status());
    if (!is_there && !is_dead) {
      absl::StrAppend(&blob.failures, blob.failures.empty() ? "" : "; ", "origin ", host,
                      " has it no longer (evicted? its disk may be too small for this image)");
    }
    if (--blob.answers_missing > 0) return;
    absl::Status status;
    if (!blob.failures.empty()) {
      status = absl::UnavailableError(blob.failures);
    } else if (!blob.is_somewhere) {
      status = absl::UnavailableError("none of its origins answers");
    }
    Done(blob, status);
  }

  void Done(const Blob& blob, const absl::Status& status) {
    --in_flight_;
    if (!status.ok()) {
      Fail(kraken::Annotate(
          status, absl::StrCat(checking_ ? "look for " : "prefetch ", DigestOf(blob).ToString())));
    }
    Next();
    Advance();
  }

  void Fail(const absl::Status& status) {
    if (!result_so_far_.ok()) return;
    result_so_far_ = status;
    for (const auto& call : calls_) call->Cancel();
  }

  // Goes over to the check, or ends.
  void Advance() {
    if (in_flight_ > 0 || (next_ < blobs_.size() && result_so_far_.ok())) return;
    if (result_so_far_.ok() && !checking_ && !blobs_.empty()) {
      checking_ = true;
      next_ = 0;
      calls_.clear();
      Start();
      return;
    }
    absl::MutexLock lock(&mu_);
    result_ = result_so_far_;
    finished_ = true;
  }

  kraken::net::EventLoop* const loop_;
  kraken::cluster::ClusterMonitor* const cluster_;
  kraken::rpc::OriginClient* const origins_;
  WriteLeave* const leave_;
  const std::string ns_;
  const std::vector<PlannedBlob> blobs_;
  const OnProgress on_progress_;

  // The loop's.
  bool checking_ = false;
  size_t next_ = 0;
  size_t in_flight_ = 0;
  int64_t blobs_done_ = 0;
  std::vector<int64_t> bytes_done_;
  int64_t all_bytes_done_ = 0;
  absl::Status result_so_far_;
  std::vector<std::shared_ptr<kraken::rpc::CallHandle>> calls_;

  absl::Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status result_ ABSL_GUARDED_BY(mu_);
};

OriginPrefetcher::OriginPrefetcher(kraken::net::EventLoop* loop,
                                   kraken::cluster::ClusterMonitor* cluster,
                                   kraken::rpc::OriginClient* origins, WriteLeave* leave)
    : loop_(loop), cluster_(cluster), origins_(origins), leave_(leave) {}

absl::Status OriginPrefetcher::PrefetchAll(const kraken::Namespace& ns,
                                           const std::vector<PlannedBlob>& blobs,
                                           const OnProgress& on_progress,
                                           const kraken::registry::Cancellation& cancellation) {
  auto batch = std::make_shared<Batch>(*this, ns, blobs, on_progress);
  loop_->Post([batch] { batch->Start(); });
  return batch->Wait(cancellation);
}

}  // namespace harbor_bridge
