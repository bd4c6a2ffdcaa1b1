#ifndef HARBOR_BRIDGE_STATUS_STATUS_REPORT_H_
#define HARBOR_BRIDGE_STATUS_STATUS_REPORT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/lease/lease_view.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "harbor_bridge/work/job_board.h"
#include "kraken/storage/job.h"

namespace harbor_bridge {

// Where a report has it from. All outlive it, and are thread-safe.
struct StatusSources {
  const BridgeAdmin* admin = nullptr;
  const Routes* routes = nullptr;
  const JobBoard* board = nullptr;
  // Names and counts of what came in.
  std::function<std::map<std::string, uint64_t>()> events;
  // Nothing: there is no lease, as this is the only bridge.
  std::function<std::optional<LeaseView>()> lease;
};

// What a bridge shows of itself, as JSON; docs/formats.md has the shapes. Thread-safe; methods that
// return a StatusOr, and Snapshot(), wait for the job queue: not on a loop.
class StatusReport {
 public:
  // Of each state, in a snapshot.
  static constexpr int kSnapshotJobs = 50;

  explicit StatusReport(StatusSources sources) : from_(std::move(sources)) {}

  // Everything that the page shows.
  absl::StatusOr<nlohmann::json> Snapshot() const;

  // Jobs in order of key, after `after`. `state` empty: any; INVALID_ARGUMENT for another word.
  absl::StatusOr<nlohmann::json> Jobs(absl::string_view state, const std::string& after,
                                      int limit) const;
  // NOT_FOUND.
  absl::StatusOr<nlohmann::json> Job(const std::string& key) const;
  absl::StatusOr<nlohmann::json> HarborList() const;

  nlohmann::json Events() const;
  // Null: there is none.
  nlohmann::json Lease() const;
  nlohmann::json RouteList() const;
  // What the routes say of an image. Errors as FindSubject().
  absl::StatusOr<nlohmann::json> Explain(absl::string_view image) const;

 private:
  // For a snapshot.
  absl::StatusOr<nlohmann::json> ListJobs(kraken::storage::JobState state) const;

  const StatusSources from_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_STATUS_REPORT_H_
