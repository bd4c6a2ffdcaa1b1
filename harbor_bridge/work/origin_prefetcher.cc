#include "harbor_bridge/work/origin_prefetcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/status_util.h"
#include "kraken/rpc/convert.h"

namespace harbor_bridge {
namespace {

// How often a waiting thread looks whether it is still wanted.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(100);

}  // namespace

// The blobs of one call. Lives on the loop; the calling thread waits for its end.
class OriginPrefetcher::Batch : public std::enable_shared_from_this<Batch> {
 public:
  Batch(const OriginPrefetcher& owner, const kraken::Namespace& ns,
        std::vector<kraken::Digest> digests)
      : loop_(owner.loop_),
        cluster_(owner.cluster_),
        origins_(owner.origins_),
        ns_(ns.ToString()),
        digests_(std::move(digests)) {}

  // In the loop.
  void Start() {
    for (size_t i = 0; i < kMaxInFlight; ++i) Next();
    FinishIfDone();
  }

  // In the loop.
  void Cancel() {
    Fail(absl::CancelledError("given up"));
    FinishIfDone();
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
    kraken::Digest digest;
    std::vector<std::string> hosts;
    size_t host = 0;
    std::string failures;
  };

  void Next() {
    if (next_ == digests_.size() || !result_so_far_.ok()) return;
    auto blob = std::make_shared<Blob>();
    blob->digest = digests_[next_++];
    blob->hosts = cluster_->ring()->Locations(blob->digest);
    ++in_flight_;
    Ask(std::move(blob));
  }

  void Ask(std::shared_ptr<Blob> blob) {
    if (blob->host == blob->hosts.size()) {
      Done(*blob, absl::UnavailableError(blob->hosts.empty() ? "no origin is known (origin.hosts)"
                                                             : blob->failures));
      return;
    }
    kraken::rpc::v1::PrefetchRequest request;
    request.set_digest(kraken::rpc::ToBytes(blob->digest));
    request.set_namespace_(ns_);
    request.set_all_replicas(true);
    const std::string& host = blob->hosts[blob->host];
    calls_.push_back(
        origins_->Prefetch(host, request,
                           {.on_message = nullptr,
                            .on_closed = [self = shared_from_this(), blob](absl::Status status) {
                              self->OnAnswer(blob, status);
                            }}));
  }

  void OnAnswer(std::shared_ptr<Blob> blob, const absl::Status& status) {
    if (!absl::IsUnavailable(status) || !result_so_far_.ok()) {
      Done(*blob, status);
      return;
    }
    const std::string& host = blob->hosts[blob->host];
    cluster_->ReportFailure(host);
    absl::StrAppend(&blob->failures, blob->failures.empty() ? "" : "; ", status.message());
    ++blob->host;
    Ask(std::move(blob));
  }

  void Done(const Blob& blob, const absl::Status& status) {
    --in_flight_;
    if (!status.ok()) {
      Fail(kraken::Annotate(status, absl::StrCat("prefetch ", blob.digest.ToString())));
    }
    Next();
    FinishIfDone();
  }

  void Fail(const absl::Status& status) {
    if (!result_so_far_.ok()) return;
    result_so_far_ = status;
    for (const auto& call : calls_) call->Cancel();
  }

  void FinishIfDone() {
    if (in_flight_ > 0 || (next_ < digests_.size() && result_so_far_.ok())) return;
    absl::MutexLock lock(&mu_);
    result_ = result_so_far_;
    finished_ = true;
  }

  kraken::net::EventLoop* const loop_;
  kraken::cluster::ClusterMonitor* const cluster_;
  kraken::rpc::OriginClient* const origins_;
  const std::string ns_;
  const std::vector<kraken::Digest> digests_;

  // The loop's.
  size_t next_ = 0;
  size_t in_flight_ = 0;
  absl::Status result_so_far_;
  std::vector<std::shared_ptr<kraken::rpc::CallHandle>> calls_;

  absl::Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status result_ ABSL_GUARDED_BY(mu_);
};

OriginPrefetcher::OriginPrefetcher(kraken::net::EventLoop* loop,
                                   kraken::cluster::ClusterMonitor* cluster,
                                   kraken::rpc::OriginClient* origins)
    : loop_(loop), cluster_(cluster), origins_(origins) {}

absl::Status OriginPrefetcher::PrefetchAll(const kraken::Namespace& ns,
                                           const std::vector<kraken::Digest>& digests,
                                           const kraken::registry::Cancellation& cancellation) {
  auto batch = std::make_shared<Batch>(*this, ns, digests);
  loop_->Post([batch] { batch->Start(); });
  return batch->Wait(cancellation);
}

}  // namespace harbor_bridge
