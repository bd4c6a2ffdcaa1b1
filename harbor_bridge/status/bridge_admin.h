#ifndef HARBOR_BRIDGE_STATUS_BRIDGE_ADMIN_H_
#define HARBOR_BRIDGE_STATUS_BRIDGE_ADMIN_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/reconcile/reconcile_status.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/status/harbor_watch.h"
#include "harbor_bridge/work/dispatcher.h"
#include "harbor_bridge/work/image_work.h"
#include "harbor_bridge/work/job_board.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// Images that somebody wants to have warm.
struct PreheatOrder {
  static constexpr size_t kMaxImages = 1000;
  static constexpr size_t kMaxPlatforms = 64;

  // As users name them, `latest` without a tag or digest.
  std::vector<std::string> images;
  // Of an index, "linux/amd64"; empty: all.
  std::vector<std::string> platforms;
  // Which agents are to have them too (routing/agent_selector.h); empty: none.
  std::string agents;
};

// The work of an order, in the order of its images. INVALID_ARGUMENT: what is no image's name or no
// platform's, nothing, or too much. NOT_FOUND: no Harbor has an image. The message names it.
absl::StatusOr<std::vector<ImageWork>> PlanPreheat(const Harbors& harbors,
                                                   const PreheatOrder& order);

struct JobDetails {
  kraken::storage::Job job;
  std::optional<JobProgress> progress;  // while it runs
};

struct JobPage {
  std::vector<JobDetails> jobs;
  // After which key the next page begins; empty: there is none.
  std::string next_after;
};

struct HarborDetails {
  const Harbor* harbor = nullptr;
  HarborHealth health;
  kraken::storage::JobKindStats work;
  int slots = 0;   // 0: it has no lane
  LaneStats lane;  // of this process
  // Nothing: reconciliation is off.
  std::optional<ReconcileStatus> reconciliation;
};

struct RouteExplanation {
  RouteSubject subject;
  RouteDecision decision;
};

enum class CancelOutcome {
  kGivenUp,    // it was running, and is dead soon
  kForgotten,  // it was not
};

// What operators see of a bridge and tell it to do: the one core behind HTTP (api_routes.h), the
// page and gRPC (bridge_service.h). Thread-safe; methods wait for the job queue: not on a loop.
class BridgeAdmin {
 public:
  // The most jobs of one page.
  static constexpr int kMaxJobs = 1000;
  static constexpr int kDefaultJobs = 100;

  // All outlive it, and are thread-safe.
  struct Parts {
    const Harbors* harbors = nullptr;
    const Routes* routes = nullptr;
    kraken::storage::JobQueue* queue = nullptr;
    const JobBoard* board = nullptr;
    const HarborWatch* watch = nullptr;
    Dispatcher* dispatcher = nullptr;
    // Of each Harbor that is reconciled.
    std::function<std::vector<ReconcileStatus>()> reconciliation;
    // Agents can be reached.
    bool has_trackers = false;
  };
  explicit BridgeAdmin(const Parts& parts) : parts_(parts) {}

  // In order of key, after `after`. `limit` is brought between 1 and kMaxJobs.
  absl::StatusOr<JobPage> Jobs(std::optional<kraken::storage::JobState> state,
                               const std::string& after, int limit) const;
  // NOT_FOUND.
  absl::StatusOr<JobDetails> FindJob(const std::string& key) const;
  // In the order of the configuration.
  absl::StatusOr<std::vector<HarborDetails>> HarborList() const;
  // Errors as FindSubject().
  absl::StatusOr<RouteExplanation> Explain(absl::string_view image) const;

  // The keys of the jobs, in the order of the images. All of them are durable; if one can't be
  // planned, there is none. FAILED_PRECONDITION: agents are asked for, and there are no trackers.
  absl::StatusOr<std::vector<std::string>> Preheat(const PreheatOrder& order);
  // NOT_FOUND.
  absl::StatusOr<CancelOutcome> Cancel(const std::string& key);
  // Dead jobs: the one with `key`, or all, never both nor neither (INVALID_ARGUMENT). NOT_FOUND.
  absl::Status RetryDead(const std::string& key, bool all);
  absl::Status DropDead(const std::string& key, bool all);

 private:
  JobDetails WithProgress(kraken::storage::Job job) const;

  const Parts parts_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_BRIDGE_ADMIN_H_
