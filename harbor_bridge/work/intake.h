#ifndef HARBOR_BRIDGE_WORK_INTAKE_H_
#define HARBOR_BRIDGE_WORK_INTAKE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "harbor_bridge/event/image_event.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/body_budget.h"
#include "harbor_bridge/work/bounded_body.h"
#include "harbor_bridge/work/quarantine.h"
#include "harbor_bridge/work/reconciliation_request.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/router.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal.h"

namespace harbor_bridge {

struct IntakeStats {
  uint64_t notifications = 0;
  uint64_t events = 0;      // that became work
  uint64_t ignored = 0;     // that ask for nothing
  uint64_t unreadable = 0;  // bodies, and entries in them, that can't be understood
  uint64_t oversized = 0;
  uint64_t unauthorized = 0;
};

// Takes events in: durable before they are acknowledged, work before they are forgotten.
//
//   POST [/{harbor}]/registry/notifications   of a registry, or of the preheat provider "kraken"
//   POST [/{harbor}]/webhook                  of Harbor, in either of its formats
//   GET  /{harbor}/health                     which that provider asks for
//   GET  /x/quarantine                        what could not be used; for operators
//
// Paths without a Harbor are the first one's. A registry repeats an event that was not acknowledged
// for ever, and holds back all that come after it: so whatever can't be used is answered with 2xx
// too, put into quarantine, and its Harbor is compared as a whole. Only a wrong credential gets
// 401; a full disk, and a line of bodies that have to wait for memory, 503.
//
// Thread safety: handlers run in any HTTP loop.
class Intake {
 public:
  // A larger body is no notification of a registry's.
  static constexpr size_t kMaxBodyBytes = 4 << 20;
  // One to be written down and one to become work.
  static constexpr size_t kBodyCopies = 2;
  // Of those that `GET /x/quarantine` shows.
  static constexpr int kMaxListed = 100;
  // Bodies that are acknowledged and wait to become work. With more, the journal's thread does it,
  // and senders wait.
  static constexpr size_t kMaxUnprocessed = 4096;

  // All outlive it and what they have been given.
  struct Parts {
    const Harbors* harbors = nullptr;
    kraken::storage::Journal* journal = nullptr;
    kraken::storage::JobQueue* queue = nullptr;
    Quarantine* quarantine = nullptr;
    BodyBudget* bodies = nullptr;
    // Before what operators ask for.
    kraken::daemon::AdminGate* gate = nullptr;
    RequestReconciliation reconcile;
  };
  explicit Intake(Parts parts) : parts_(std::move(parts)) {}
  // As Shutdown().
  ~Intake() { Shutdown(); }

  void AddRoutes(kraken::net::Router& router);

  // Makes work of what a former process journalled and did not get to. Blocks.
  absl::Status Replay();

  // Waits until what was taken in is work, so that journal, queue and quarantine may go. REQUIRES:
  // nothing more comes in.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mu_);

  IntakeStats stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Exchange = std::shared_ptr<kraken::net::HttpExchange>;
  enum class Source { kRegistry, kWebhook };

  static absl::string_view NameOf(Source source);
  void ListQuarantine(const Exchange& exchange);
  void Receive(Exchange exchange, const Harbor& harbor, Source source);
  void OnBody(Exchange exchange, const std::string& harbor, Source source, BoundedBody body);
  // On a thread of its own, as the journal's has others to answer.
  void ProcessSoon(int64_t sequence, const std::string& harbor, Source source, BoundedBody body);
  // Makes work of a body and acknowledges the entry. Until then its room is taken.
  void Process(int64_t sequence, const std::string& harbor, Source source, BoundedBody body);
  // Makes jobs of events, then acknowledges the entry.
  void Enqueue(int64_t sequence, const std::string& harbor, const ParsedEvents& parsed,
               BodyBudget::Room room);
  // Keeps what can't be used, and then calls `done`.
  void SetAside(QuarantinedBody body, absl::AnyInvocable<void()> done);
  void Acknowledge(int64_t sequence, BodyBudget::Room room);
  // Around all that is done about one body.
  void Begin() ABSL_LOCKS_EXCLUDED(mu_);
  void End() ABSL_LOCKS_EXCLUDED(mu_);
  // Compares a Harbor whose registry has a new process.
  void NoteInstance(const std::string& harbor, const std::string& instance);
  void Count(uint64_t IntakeStats::*counter, uint64_t n = 1) ABSL_LOCKS_EXCLUDED(mu_);

  const Parts parts_;
  mutable absl::Mutex mu_;
  IntakeStats stats_ ABSL_GUARDED_BY(mu_);
  int under_way_ ABSL_GUARDED_BY(mu_) = 0;
  // Processes of each Harbor's registry that were heard of.
  std::map<std::string, std::set<std::string>> instances_ ABSL_GUARDED_BY(mu_);
  kraken::WorkerPool processor_{1, kMaxUnprocessed, "events"};
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_INTAKE_H_
