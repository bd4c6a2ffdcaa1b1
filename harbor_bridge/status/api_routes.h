#ifndef HARBOR_BRIDGE_STATUS_API_ROUTES_H_
#define HARBOR_BRIDGE_STATUS_API_ROUTES_H_

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "harbor_bridge/status/event_stream.h"
#include "harbor_bridge/status/status_report.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/router.h"

namespace harbor_bridge {

struct ApiParts {
  BridgeAdmin* admin = nullptr;
  const StatusReport* report = nullptr;
  kraken::daemon::AdminGate* gate = nullptr;
  // The loop of the stream of states.
  kraken::net::EventLoop* loop = nullptr;
};

// The bridge's administration over HTTP, behind the gate, as bridge_service.h has it over gRPC; all
// bodies are JSON, an error is
// {"error": "…"}:
//   GET    /api/v1/jobs?state=&after=&limit=   in order of key; `next_after` if there may be more
//   GET    /api/v1/jobs/{key}                  one, with its progress while it runs
//   DELETE /api/v1/jobs/{key}                  a waiting job is forgotten, a running one given up
//   POST   /api/v1/dead-letters/retry          {"key": "…"}, or {"all": true}
//   POST   /api/v1/dead-letters/drop           the same
//   GET    /api/v1/harbors                     with their health and what they have to do
//   GET    /api/v1/counters                    what came in
//   GET    /api/v1/lease                       whether this bridge works, or which one does
//   GET    /api/v1/routes                      the rules
//   GET    /api/v1/routes/explain?image=       what they say of an image
//   POST   /api/v1/preheats                    {"images": ["…"], "platforms": ["linux/amd64"],
//                                               "agents": "zone=a,share=10%"}
//   GET    /api/v1/events                      server-sent events: the state, live
class ApiRoutes {
 public:
  // The parts outlive it.
  explicit ApiRoutes(const ApiParts& parts);

  void AddRoutes(kraken::net::Router& router);

  // Ends the streams of states and waits for what is being answered. Blocks.
  void Stop();

 private:
  using Exchange = std::shared_ptr<kraken::net::HttpExchange>;
  using Answer = std::function<absl::StatusOr<nlohmann::json>()>;
  using Order = std::function<absl::StatusOr<nlohmann::json>(const nlohmann::json& body)>;

  void AddReads(kraken::net::Router& router);
  void AddOrders(kraken::net::Router& router);
  // Answers from a worker's thread: what is asked for may wait for the queue.
  void Reply(Exchange exchange, Answer answer);
  // The same, of a request with a body.
  void Obey(Exchange exchange, Order order);

  absl::StatusOr<nlohmann::json> Cancel(const std::string& key);
  absl::StatusOr<nlohmann::json> OnDeadLetters(const nlohmann::json& body, bool retry);
  absl::StatusOr<nlohmann::json> Preheat(const nlohmann::json& body);

  const ApiParts parts_;
  kraken::WorkerPool workers_;
  EventStream stream_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_API_ROUTES_H_
