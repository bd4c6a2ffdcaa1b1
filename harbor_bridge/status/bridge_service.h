#ifndef HARBOR_BRIDGE_STATUS_BRIDGE_SERVICE_H_
#define HARBOR_BRIDGE_STATUS_BRIDGE_SERVICE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "harbor_bridge/status/job_watches.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/bridge.grpc.pb.h"

namespace harbor_bridge {

// The bridge's administration over gRPC (kraken/rpc/bridge.proto), behind the gate, as api_routes.h
// has it over HTTP. Calls are answered on threads of its own: what is asked for may wait for the
// queue. Thread-safe.
class BridgeService final : public kraken::rpc::v1::Bridge::CallbackService {
 public:
  // All outlive it. `loop` is that of the watches.
  BridgeService(BridgeAdmin* admin, kraken::daemon::AdminGate* gate, kraken::net::EventLoop* loop);
  // REQUIRES: the server is shut down, and Stop() was called if there was one.
  ~BridgeService() override = default;

  // Ends the streams, which would hold up the shutdown of the server. Blocks.
  void EndWatches();
  // When the server is shut down: waits for what is left in threads and loop. Blocks.
  void Stop();

  grpc::ServerUnaryReactor* Preheat(grpc::CallbackServerContext* context,
                                    const kraken::rpc::v1::PreheatRequest* request,
                                    kraken::rpc::v1::PreheatReply* reply) override;
  grpc::ServerWriteReactor<kraken::rpc::v1::BridgeJob>* WatchJobs(
      grpc::CallbackServerContext* context,
      const kraken::rpc::v1::WatchJobsRequest* request) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const kraken::rpc::v1::ListJobsRequest* request,
                                     kraken::rpc::v1::ListJobsReply* reply) override;
  grpc::ServerUnaryReactor* RetryJobs(grpc::CallbackServerContext* context,
                                      const kraken::rpc::v1::RetryJobsRequest* request,
                                      kraken::rpc::v1::RetryJobsReply* reply) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const kraken::rpc::v1::CancelJobRequest* request,
                                      kraken::rpc::v1::CancelJobReply* reply) override;
  grpc::ServerUnaryReactor* ExplainRoute(grpc::CallbackServerContext* context,
                                         const kraken::rpc::v1::ExplainRouteRequest* request,
                                         kraken::rpc::v1::ExplainRouteReply* reply) override;
  grpc::ServerUnaryReactor* ListHarbors(grpc::CallbackServerContext* context,
                                        const kraken::rpc::v1::ListHarborsRequest* request,
                                        kraken::rpc::v1::ListHarborsReply* reply) override;

 private:
  // Has `answer()`, which returns a status, answer on a worker's thread if the gate lets it.
  template <typename Answer>
  grpc::ServerUnaryReactor* Reply(grpc::CallbackServerContext* context, absl::string_view call,
                                  kraken::daemon::AdminAccess access, Answer answer);

  BridgeAdmin* const admin_;
  kraken::daemon::AdminGate* const gate_;
  kraken::net::EventLoop* const loop_;
  kraken::WorkerPool workers_;
  JobWatches watches_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_BRIDGE_SERVICE_H_
