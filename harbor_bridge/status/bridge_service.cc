#include "harbor_bridge/status/bridge_service.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harbor_bridge/status/bridge_messages.h"
#include "harbor_bridge/status/in_loop.h"
#include "kraken/base/status_macros.h"
#include "kraken/daemon/rpc_admin_gate.h"
#include "kraken/rpc/status.h"
#include "kraken/rpc/stream.h"
#include "kraken/storage/job.h"

namespace harbor_bridge {
namespace {

namespace v1 = kraken::rpc::v1;
using kraken::daemon::AdminAccess;
using kraken::rpc::ToGrpc;

constexpr int kWorkers = 2;
constexpr size_t kMaxQueuedCalls = 256;

}  // namespace

BridgeService::BridgeService(BridgeAdmin* admin, kraken::daemon::AdminGate* gate,
                             kraken::net::EventLoop* loop)
    : admin_(admin),
      gate_(gate),
      loop_(loop),
      workers_(kWorkers, kMaxQueuedCalls, "admin"),
      watches_(loop, &workers_, admin) {}

void BridgeService::EndWatches() {
  RunInLoop(loop_, [this] { watches_.Close(); });
}

void BridgeService::Stop() {
  workers_.Shutdown();
  // Then nothing that was posted is left in the loop.
  RunInLoop(loop_, [] {});
}

template <typename Answer>
grpc::ServerUnaryReactor* BridgeService::Reply(grpc::CallbackServerContext* context,
                                               absl::string_view call, AdminAccess access,
                                               Answer answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = kraken::daemon::CheckCall(*gate_, *context, call, access);
  if (status.ok()) {
    // Request and reply live until Finish().
    status = workers_.Submit([reactor, answer] { reactor->Finish(ToGrpc(answer())); });
    if (status.ok()) return reactor;
  }
  reactor->Finish(ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* BridgeService::Preheat(grpc::CallbackServerContext* context,
                                                 const v1::PreheatRequest* request,
                                                 v1::PreheatReply* reply) {
  return Reply(context, "Bridge.Preheat", AdminAccess::kOrder,
               [this, request, reply]() -> absl::Status {
                 const PreheatOrder order = FromProto(*request);
                 KH_ASSIGN_OR_RETURN(const std::vector<std::string> keys, admin_->Preheat(order));
                 for (size_t i = 0; i < keys.size(); ++i) {
                   v1::PreheatedImage& image = *reply->add_images();
                   image.set_image(order.images[i]);
                   image.set_key(keys[i]);
                 }
                 return absl::OkStatus();
               });
}

grpc::ServerWriteReactor<v1::BridgeJob>* BridgeService::WatchJobs(
    grpc::CallbackServerContext* context, const v1::WatchJobsRequest* request) {
  auto outlet = std::make_shared<JobOutlet>(kMaxWatchedJobs);
  const absl::Status allowed =
      kraken::daemon::CheckCall(*gate_, *context, "Bridge.WatchJobs", AdminAccess::kLook);
  absl::StatusOr<std::vector<std::string>> keys = allowed.ok() ? KeysOf(*request) : allowed;
  if (!keys.ok()) {
    outlet->Finish(keys.status());
  } else if (!loop_->Post(
                 [this, keys = *std::move(keys), outlet] { watches_.Watch(keys, outlet); })) {
    outlet->Finish(absl::UnavailableError("the bridge stops"));
  }
  return new kraken::rpc::WriterServerStream<v1::BridgeJob>(context, loop_->handle(), nullptr,
                                                            std::move(outlet));
}

grpc::ServerUnaryReactor* BridgeService::ListJobs(grpc::CallbackServerContext* context,
                                                  const v1::ListJobsRequest* request,
                                                  v1::ListJobsReply* reply) {
  return Reply(
      context, "Bridge.ListJobs", AdminAccess::kLook, [this, request, reply]() -> absl::Status {
        KH_ASSIGN_OR_RETURN(const std::optional<kraken::storage::JobState> state,
                            FromProto(request->state()));
        const int limit = request->limit() == 0 ? BridgeAdmin::kDefaultJobs : request->limit();
        KH_ASSIGN_OR_RETURN(const JobPage page, admin_->Jobs(state, request->after_key(), limit));
        *reply = ToProto(page);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BridgeService::RetryJobs(grpc::CallbackServerContext* context,
                                                   const v1::RetryJobsRequest* request,
                                                   v1::RetryJobsReply*) {
  return Reply(context, "Bridge.RetryJobs", AdminAccess::kOrder,
               [this, request] { return admin_->RetryDead(request->key(), request->all()); });
}

grpc::ServerUnaryReactor* BridgeService::CancelJob(grpc::CallbackServerContext* context,
                                                   const v1::CancelJobRequest* request,
                                                   v1::CancelJobReply* reply) {
  return Reply(context, "Bridge.CancelJob", AdminAccess::kOrder,
               [this, request, reply]() -> absl::Status {
                 KH_ASSIGN_OR_RETURN(const CancelOutcome outcome, admin_->Cancel(request->key()));
                 reply->set_was_running(outcome == CancelOutcome::kGivenUp);
                 return absl::OkStatus();
               });
}

grpc::ServerUnaryReactor* BridgeService::ExplainRoute(grpc::CallbackServerContext* context,
                                                      const v1::ExplainRouteRequest* request,
                                                      v1::ExplainRouteReply* reply) {
  return Reply(
      context, "Bridge.ExplainRoute", AdminAccess::kLook, [this, request, reply]() -> absl::Status {
        KH_ASSIGN_OR_RETURN(const RouteExplanation explanation, admin_->Explain(request->image()));
        *reply = ToProto(explanation);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BridgeService::ListHarbors(grpc::CallbackServerContext* context,
                                                     const v1::ListHarborsRequest*,
                                                     v1::ListHarborsReply* reply) {
  return Reply(context, "Bridge.ListHarbors", AdminAccess::kLook, [this, reply]() -> absl::Status {
    KH_ASSIGN_OR_RETURN(const std::vector<HarborDetails> harbors, admin_->HarborList());
    for (const HarborDetails& details : harbors) *reply->add_harbors() = ToProto(details);
    return absl::OkStatus();
  });
}

}  // namespace harbor_bridge
