#ifndef HARBOR_BRIDGE_WORK_INTAKE_H_
#define HARBOR_BRIDGE_WORK_INTAKE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "harbor_bridge/routing/harbors.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/router.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal.h"

namespace harbor_bridge {

struct IntakeStats {
  uint64_t notifications = 0;
  uint64_t events = 0;      // pushes of images that became work
  uint64_t ignored = 0;     // events that ask for nothing
  uint64_t unreadable = 0;  // bodies, and entries in them, that can't be understood
  uint64_t oversized = 0;
  uint64_t unauthorized = 0;
};

// Takes events in: durable before they are acknowledged, work before they are forgotten.
//
//   POST /registry/notifications            the first Harbor's
//   POST /{harbor}/registry/notifications
//
// A registry repeats an event that was not acknowledged for ever, and holds back all that come
// after it: so whatever can't be read is answered with 2xx too, counted and logged. Only a wrong
// credential gets 401, and a full disk 503.
//
// Thread safety: handlers run in any HTTP loop.
class Intake {
 public:
  // A larger body is no notification of a registry's.
  static constexpr uint64_t kMaxBodyBytes = 4 << 20;

  // All outlive it and what they have been given.
  Intake(const Harbors* harbors, kraken::storage::Journal* journal,
         kraken::storage::JobQueue* queue);

  void AddRoutes(kraken::net::Router& router);

  // Makes work of what a former process journalled and did not get to. Blocks.
  absl::Status Replay();

  IntakeStats stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Exchange = std::shared_ptr<kraken::net::HttpExchange>;

  void Receive(Exchange exchange, const Harbor& harbor);
  void OnBody(Exchange exchange, const std::string& harbor, std::string body);
  // Makes work of a body and acknowledges the entry.
  void Process(int64_t sequence, const std::string& harbor, const std::string& body);
  void Count(uint64_t IntakeStats::*counter, uint64_t n = 1) ABSL_LOCKS_EXCLUDED(mu_);

  const Harbors* const harbors_;
  kraken::storage::Journal* const journal_;
  kraken::storage::JobQueue* const queue_;
  mutable absl::Mutex mu_;
  IntakeStats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_INTAKE_H_
