#include "harbor_bridge/work/agent_orders.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

using kraken::registry::Cancellation;
using kraken::rpc::v1::AgentReport;
using kraken::rpc::v1::OrderNews;
using kraken::rpc::v1::OrderRequest;
using kraken::rpc::v1::OrderState;

// How often a waiting thread looks whether it is still wanted.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(100);
// A tracker ends an order in time by itself; one that hangs does not.
constexpr absl::Duration kGrace = absl::Seconds(15);
constexpr absl::Duration kDropTimeout = absl::Seconds(10);
// What was deleted is told once; a tracker that starts again is waited for a moment.
constexpr int kDropAttempts = 3;
constexpr absl::Duration kDropPause = absl::Seconds(1);
constexpr size_t kMaxNamed = 5;

OrderRequest NewOrder(absl::Duration timeout) {
  kraken::SystemBitGen bits;
  OrderRequest request;
  std::string& id = *request.mutable_order()->mutable_id();
  while (id.size() < kraken::rpc::kOrderIdBytes) {
    const uint64_t random = bits.Next();
    id.append(reinterpret_cast<const char*>(&random), sizeof(random));
  }
  request.mutable_order()->set_timeout_ms(
      static_cast<uint32_t>(absl::ToInt64Milliseconds(timeout)));
  return request;
}

bool IsOver(OrderState state) { return state != kraken::rpc::v1::ORDER_STATE_RUNNING; }

// Which of two trackers' reports of the same agent counts: that it is done, else that it may be.
int RankOf(OrderState state) {
  switch (state) {
    case kraken::rpc::v1::ORDER_STATE_DONE:
      return 3;
    case kraken::rpc::v1::ORDER_STATE_RUNNING:
      return 2;
    case kraken::rpc::v1::ORDER_STATE_FAILED:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

// One order at all trackers. Lives on the loop; the calling thread waits for its end.
class AgentOrders::Call : public std::enable_shared_from_this<Call> {
 public:
  struct Result {
    // Of trackers: OK if one has told to the end.
    absl::Status status;
    AgentsProgress agents;
    // "10.0.0.7: disk full", of some that have failed or are gone.
    std::vector<std::string> failures;
  };

  Call(const AgentOrders& owner, OrderRequest request, OnProgress on_progress)
      : loop_(owner.loop_),
        trackers_(owner.trackers_),
        client_(owner.client_),
        request_(std::move(request)),
        on_progress_(std::move(on_progress)) {}

  // In the loop.
  void Start() {
    const std::vector<std::string> hosts = trackers_->ring()->members();
    open_ = hosts.size();
    if (hosts.empty()) return Finish(absl::UnavailableError("no tracker is known (tracker.hosts)"));
    timer_ = loop_->RunAfter(absl::Milliseconds(request_.order().timeout_ms()) + kGrace,
                             [self = shared_from_this()] {
                               self->timer_ = kraken::net::TimerId::kNone;
                               self->CancelAll();
                             });
    for (const std::string& host : hosts) {
      calls_.push_back(client_->Order(
          host, request_,
          {.on_message = [self = shared_from_this(),
                          host](const OrderNews& news) { self->OnNews(host, news); },
           .on_closed = [self = shared_from_this(),
                         host](absl::Status status) { self->OnClosed(host, status); }}));
    }
  }

  Result Wait(const Cancellation& cancellation) {
    bool cancelled = false;
    absl::MutexLock lock(&mu_);
    while (!mu_.AwaitWithTimeout(absl::Condition(&finished_), kCancellationCheck)) {
      if (cancellation.cancelled() && !cancelled) {
        cancelled = true;
        loop_->Post([self = shared_from_this()] { self->CancelAll(); });
      }
    }
    return result_;
  }

 private:
  // What each tracker has said of an agent.
  using Reports = std::map<std::string, AgentReport>;

  void OnNews(const std::string& tracker, const OrderNews& news) {
    for (const AgentReport& report : news.agents()) {
      agents_[report.peer_id()][tracker] = report;
    }
    if (on_progress_) on_progress_(Count(nullptr));
  }

  void OnClosed(const std::string& tracker, const absl::Status& status) {
    if (status.ok()) {
      ++answered_;
    } else {
      failures_.push_back(std::string(status.message()));
      unimplemented_ += absl::IsUnimplemented(status) ? 1 : 0;
      for (auto& [id, reports] : agents_) {
        const auto report = reports.find(tracker);
        if (report == reports.end() || IsOver(report->second.status().state())) continue;
        report->second.mutable_status()->set_state(kraken::rpc::v1::ORDER_STATE_FAILED);
        *report->second.mutable_status()->mutable_failure() = kraken::rpc::ToFailure(status);
      }
    }
    if (--open_ > 0) return;
    loop_->CancelTimer(timer_);
    calls_.clear();
    if (answered_ > 0 || !agents_.empty()) return Finish(absl::OkStatus());
    const std::string all = absl::StrJoin(failures_, "; ");
    Finish(unimplemented_ == failures_.size()
               ? absl::FailedPreconditionError(absl::StrCat(
                     "the trackers are of a version that gives agents no orders: ", all))
               : absl::UnavailableError(absl::StrCat("no tracker gives orders: ", all)));
  }

  // What the agents have come to, by the report that counts. `failures` may be null.
  AgentsProgress Count(std::vector<std::string>* failures) const {
    AgentsProgress progress;
    for (const auto& [id, reports] : agents_) {
      const AgentReport* best = nullptr;
      for (const auto& [tracker, report] : reports) {
        if (best == nullptr || RankOf(report.status().state()) > RankOf(best->status().state())) {
          best = &report;
        }
      }
      const kraken::rpc::v1::OrderStatus& status = best->status();
      ++progress.asked;
      progress.blobs += status.blobs_done();
      progress.bytes += static_cast<int64_t>(status.bytes_done());
      if (status.state() == kraken::rpc::v1::ORDER_STATE_DONE) ++progress.done;
      if (RankOf(status.state()) >= RankOf(kraken::rpc::v1::ORDER_STATE_RUNNING)) continue;
      ++progress.failed;
      if (failures == nullptr || failures->size() == kMaxNamed) continue;
      failures->push_back(absl::StrCat(best->ip(), ": ", status.failure().message()));
    }
    return progress;
  }

  void CancelAll() {
    for (const auto& call : calls_) call->Cancel();
  }

  void Finish(const absl::Status& status) {
    Result result;
    result.status = status;
    result.agents = Count(&result.failures);
    absl::MutexLock lock(&mu_);
    result_ = std::move(result);
    finished_ = true;
  }

  kraken::net::EventLoop* const loop_;
  kraken::cluster::ClusterMonitor* const trackers_;
  kraken::rpc::TrackerClient* const client_;
  const OrderRequest request_;
  const OnProgress on_progress_;

  // The loop's.
  std::map<std::string, Reports> agents_;  // by peer id
  std::vector<std::shared_ptr<kraken::rpc::CallHandle>> calls_;
  size_t open_ = 0;
  size_t answered_ = 0;
  size_t unimplemented_ = 0;
  std::vector<std::string> failures_;
  kraken::net::TimerId timer_ = kraken::net::TimerId::kNone;

  absl::Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  Result result_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<int64_t> AgentOrders::Fetch(const kraken::Namespace& ns,
                                           const std::vector<PlannedBlob>& blobs,
                                           const AgentSelector& agents, absl::Duration timeout,
                                           const OnProgress& on_progress,
                                           const Cancellation& cancellation) {
  if (blobs.size() > static_cast<size_t>(kraken::rpc::kMaxOrderedBlobs)) {
    return absl::ResourceExhaustedError(absl::StrCat("agents are preheated with images of at most ",
                                                     kraken::rpc::kMaxOrderedBlobs,
                                                     " blobs, and this one has ", blobs.size()));
  }
  OrderRequest request = NewOrder(timeout);
  kraken::rpc::v1::AgentSelection& selection = *request.mutable_agents();
  for (const std::string& zone : agents.zones) selection.add_zones(zone);
  for (const auto& [key, value] : agents.labels) (*selection.mutable_labels())[key] = value;
  if (agents.share_per_10000 < AgentSelector::kWhole) {
    selection.set_share_per_10000(agents.share_per_10000);
  }
  kraken::rpc::v1::FetchBlobs& fetch = *request.mutable_order()->mutable_fetch();
  fetch.set_namespace_(ns.ToString());
  for (const PlannedBlob& blob : blobs) {
    kraken::rpc::v1::BlobToFetch& wanted = *fetch.add_blobs();
    wanted.set_digest(kraken::rpc::ToBytes(blob.digest));
    wanted.set_size_bytes(static_cast<uint64_t>(std::max<int64_t>(0, blob.size_bytes)));
  }
  auto call = std::make_shared<Call>(*this, std::move(request), on_progress);
  loop_->Post([call] { call->Start(); });
  const Call::Result result = call->Wait(cancellation);
  KH_RETURN_IF_ERROR(cancellation.status());
  KH_RETURN_IF_ERROR(result.status);
  preheated_ += static_cast<uint64_t>(result.agents.done);
  preheats_failed_ += static_cast<uint64_t>(result.agents.asked - result.agents.done);
  if (result.agents.done == result.agents.asked) return result.agents.asked;
  const int64_t missing = result.agents.asked - result.agents.done;
  const bool all_named = static_cast<size_t>(missing) == result.failures.size();
  return absl::UnavailableError(absl::StrCat(
      missing, " of ", result.agents.asked, " agents (", agents.ToString(),
      ") do not have it: ", absl::StrJoin(result.failures, "; "), all_named ? "" : "; …"));
}

absl::Status AgentOrders::Drop(const std::vector<kraken::Digest>& manifests,
                               const Cancellation& cancellation) {
  const auto most = static_cast<size_t>(kraken::rpc::kMaxOrderedBlobs);
  for (size_t begin = 0; begin < manifests.size(); begin += most) {
    OrderRequest request = NewOrder(kDropTimeout);
    const size_t end = std::min(manifests.size(), begin + most);
    for (size_t i = begin; i < end; ++i) {
      request.mutable_order()->mutable_drop()->add_digests(kraken::rpc::ToBytes(manifests[i]));
    }
    KH_RETURN_IF_ERROR(DropSome(std::move(request), cancellation));
  }
  return absl::OkStatus();
}

absl::Status AgentOrders::DropSome(OrderRequest request, const Cancellation& cancellation) {
  Call::Result result;
  for (int attempt = 0; attempt < kDropAttempts; ++attempt) {
    if (attempt > 0) KH_RETURN_IF_ERROR(cancellation.WaitFor(kDropPause));
    auto call = std::make_shared<Call>(*this, request, nullptr);
    loop_->Post([call] { call->Start(); });
    result = call->Wait(cancellation);
    KH_RETURN_IF_ERROR(cancellation.status());
    if (!absl::IsUnavailable(result.status)) break;
  }
  if (absl::IsFailedPrecondition(result.status)) {
    // No try will help, and what could be deleted elsewhere is.
    kraken::telemetry::LogWarn("agents may still serve what was deleted",
                               {{"reason", result.status}});
    return absl::OkStatus();
  }
  KH_RETURN_IF_ERROR(result.status);
  dropped_ += static_cast<uint64_t>(result.agents.done);
  drops_failed_ += static_cast<uint64_t>(result.agents.asked - result.agents.done);
  if (!result.failures.empty()) {
    kraken::telemetry::LogWarn("agents may still serve what was deleted",
                               {{"agents", absl::StrJoin(result.failures, "; ")}});
  }
  return absl::OkStatus();
}

AgentOrdersStats AgentOrders::stats() const {
  return {.preheated = preheated_,
          .preheats_failed = preheats_failed_,
          .dropped = dropped_,
          .drops_failed = drops_failed_};
}

}  // namespace harbor_bridge
