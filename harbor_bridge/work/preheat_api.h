#ifndef HARBOR_BRIDGE_WORK_PREHEAT_API_H_
#define HARBOR_BRIDGE_WORK_PREHEAT_API_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/body_budget.h"
#include "harbor_bridge/work/bounded_body.h"
#include "harbor_bridge/work/preheat_jobs.h"
#include "kraken/base/clock.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/router.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

struct PreheatApiStats {
  uint64_t accepted = 0;
  uint64_t refused = 0;  // that can't be understood
  uint64_t unauthorized = 0;
};

// What Harbor's preheat provider "dragonfly" speaks (Harbor 2.12 and later), with the truth in it:
//
//   GET    [/{harbor}]/healthy
//   POST   [/{harbor}]/oapi/v1/jobs        200 {"id":…,"created_at":…,"updated_at":…,
//                                                "state":"PENDING"}
//   GET    [/{harbor}]/oapi/v1/jobs/{id}   the same with the job's state: PENDING until it ends,
//                                          then SUCCESS, or FAILURE with `result`
//   DELETE [/{harbor}]/oapi/v1/jobs/{id}   gives it up
//
// A job is a row of the queue: its id outlives restarts, and its end is known for a day. Harbor
// takes any other state for a failure. Paths without a Harbor are the first one's. What can't be
// understood is refused with 422: nobody repeats it.
//
// Thread safety: handlers run in any HTTP loop.
class PreheatApi {
 public:
  static constexpr size_t kMaxBodyBytes = 64 << 10;

  // All outlive it and what they have been given.
  struct Parts {
    const Harbors* harbors = nullptr;
    kraken::storage::JobQueue* queue = nullptr;
    PreheatJobs* jobs = nullptr;
    BodyBudget* bodies = nullptr;
    const kraken::Clock* clock = nullptr;
  };
  explicit PreheatApi(Parts parts) : parts_(parts) {}

  void AddRoutes(kraken::net::Router& router);
  // Waits for what reads the queue.
  void Shutdown() { readers_.Shutdown(); }

  PreheatApiStats stats() const {
    return {.accepted = accepted_, .refused = refused_, .unauthorized = unauthorized_};
  }

 private:
  using Exchange = std::shared_ptr<kraken::net::HttpExchange>;
  using Handle = void (PreheatApi::*)(Exchange, const Harbor&);

  void AddRoute(kraken::net::Router& router, absl::string_view method, absl::string_view path,
                Handle handle);
  void Admit(Exchange exchange, const Harbor& harbor, Handle handle);
  void GetHealth(Exchange exchange, const Harbor& harbor);
  void Create(Exchange exchange, const Harbor& harbor);
  void OnBody(Exchange exchange, const std::string& harbor, const BoundedBody& body);
  void GetJob(Exchange exchange, const Harbor& harbor);
  void DeleteJob(Exchange exchange, const Harbor& harbor);
  // Another number than any before, in this process and in others.
  uint64_t NextId();

  const Parts parts_;
  std::atomic<uint64_t> last_id_{0};
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> unauthorized_{0};
  // The queue is read by waiting for it.
  kraken::WorkerPool readers_{1, 256, "preheat"};
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_PREHEAT_API_H_
