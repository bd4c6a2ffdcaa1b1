#include "harbor_bridge/status/status_report.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

using kraken::storage::JobKindStats;
using kraken::storage::JobState;
using nlohmann::json;

constexpr JobState kStates[] = {JobState::kPending, JobState::kRunning, JobState::kDone,
                                JobState::kDead};

// RFC 3339 in UTC, with milliseconds.
std::string ToText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

json ToJson(const JobProgress& progress) {
  return {{"step", progress.step},
          {"blobs_done", progress.blobs_done},
          {"blobs_total", progress.blobs_total},
          {"bytes_done", progress.bytes_done},
          {"bytes_total", progress.bytes_total}};
}

json ToJson(const JobView& view, bool has_ended) {
  json value = {{"key", view.key},
                {"harbor", view.harbor},
                {"begun", ToText(view.begun)},
                {"progress", ToJson(view.progress)}};
  if (has_ended) {
    value["ended"] = ToText(view.ended);
    value["ok"] = view.ok;
    value["result"] = view.result;
  }
  return value;
}

json ToJson(const RouteDecision& decision) {
  json steps = json::array();
  for (const RouteStep& step : decision.steps) {
    steps.push_back({{"rule", step.rule}, {"matched", step.matched}, {"reason", step.reason}});
  }
  return {{"ignored", decision.actions.ignore},
          {"summary", decision.Summary()},
          {"steps", std::move(steps)},
          {"text", decision.Explain()}};
}

void AddHealth(const HarborHealth& health, json& out) {
  out["health"] = health.unknown ? "unknown" : health.status.ok() ? "ok" : "bad";
  if (health.unknown) return;
  out["since"] = ToText(health.since);
  out["asked_at"] = ToText(health.asked_at);
  if (!health.status.ok()) out["problem"] = std::string(health.status.message());
}

void AddWork(const std::vector<JobKindStats>& kinds, const std::string& lane, json& out) {
  JobKindStats stats;
  for (const JobKindStats& kind : kinds) {
    if (kind.kind == lane) stats = kind;
  }
  out["pending"] = stats.pending;
  out["running"] = stats.running;
  out["dead"] = stats.dead;
  if (stats.oldest != absl::InfiniteFuture()) out["oldest"] = ToText(stats.oldest);
}

}  // namespace

json StatusReport::ToJson(const kraken::storage::Job& job) const {
  json value = {{"key", job.key},
                {"harbor", std::string(HarborOfLane(job.kind))},
                {"state", std::string(kraken::storage::JobStateName(job.state))},
                {"priority", job.priority},
                {"attempts", job.attempts},
                {"enqueued_at", ToText(job.enqueued_at)},
                {"updated_at", ToText(job.updated_at)},
                {"superseded", job.superseded}};
  if (job.state == JobState::kPending) value["next_attempt"] = ToText(job.next_attempt);
  if (!job.last_error.empty()) value["error"] = job.last_error;
  if (!job.result.empty()) value["result"] = job.result;
  const std::optional<JobProgress> progress = from_.board->ProgressOf(job.key);
  if (progress.has_value()) value["progress"] = harbor_bridge::ToJson(*progress);
  return value;
}

absl::StatusOr<json> StatusReport::ListJobs(std::optional<JobState> state, const std::string& after,
                                            int limit) const {
  KH_ASSIGN_OR_RETURN(const std::vector<kraken::storage::Job> jobs,
                      from_.queue->List(state, after, limit));
  json list = json::array();
  for (const kraken::storage::Job& job : jobs) list.push_back(ToJson(job));
  return list;
}

absl::StatusOr<json> StatusReport::Jobs(absl::string_view state, const std::string& after,
                                        int limit) const {
  std::optional<JobState> wanted;
  for (const JobState candidate : kStates) {
    if (state == kraken::storage::JobStateName(candidate)) wanted = candidate;
  }
  if (!state.empty() && !wanted.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("state is pending, running, done or dead, not \"", state, "\""));
  }
  limit = std::clamp(limit, 1, kMaxJobs);
  KH_ASSIGN_OR_RETURN(json list, ListJobs(wanted, after, limit));
  json answer = {{"jobs", std::move(list)}};
  // A full page may have another behind it.
  if (answer["jobs"].size() == static_cast<size_t>(limit)) {
    answer["next_after"] = answer["jobs"].back()["key"];
  }
  return answer;
}

absl::StatusOr<json> StatusReport::Job(const std::string& key) const {
  KH_ASSIGN_OR_RETURN(const kraken::storage::Job job, from_.queue->Get(key));
  return ToJson(job);
}

absl::StatusOr<json> StatusReport::HarborList() const {
  KH_ASSIGN_OR_RETURN(const std::vector<JobKindStats> kinds, from_.queue->StatsByKind());
  const std::vector<HarborHealth> health = from_.watch->health();
  const std::vector<LaneStats> lanes = from_.dispatcher->stats();
  json list = json::array();
  for (size_t i = 0; i < from_.harbors->all().size(); ++i) {
    const Harbor& harbor = from_.harbors->all()[i];
    json entry = {
        {"name", harbor.name}, {"host", harbor.host}, {"registry", harbor.client->host()}};
    AddHealth(health[i], entry);
    const std::string lane = LaneOf(harbor.name);
    AddWork(kinds, lane, entry);
    for (size_t l = 0; l < lanes.size(); ++l) {
      if (from_.dispatcher->lanes()[l].kind != lane) continue;
      entry["slots"] = from_.dispatcher->lanes()[l].slots;
      entry["done"] = lanes[l].done;
      entry["failed"] = lanes[l].failed;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

json StatusReport::Events() const {
  json counts = json::object();
  for (const auto& [name, count] : from_.events()) counts[name] = count;
  return counts;
}

json StatusReport::Lease() const {
  const std::optional<LeaseView> lease = from_.lease();
  if (!lease.has_value()) return nullptr;
  return {{"name", lease->name},     {"held", lease->held},       {"epoch", lease->epoch},
          {"holder", lease->holder}, {"problem", lease->problem}, {"text", lease->Describe()}};
}

json StatusReport::RouteList() const {
  json list = json::array();
  for (const RouteRule& rule : from_.routes->rules()) {
    list.push_back({{"name", rule.name},
                    {"image", rule.image->pattern()},
                    {"harbors", rule.harbors},
                    {"actions", DescribeActions(rule.actions)},
                    {"continue", rule.goes_on}});
  }
  return {{"routes", std::move(list)}, {"text", from_.routes->Describe()}};
}

absl::StatusOr<json> StatusReport::Explain(absl::string_view image) const {
  KH_ASSIGN_OR_RETURN(const RouteSubject subject, FindSubject(*from_.harbors, image));
  json answer = harbor_bridge::ToJson(from_.routes->Decide(subject));
  answer["image"] = subject.FullName();
  answer["harbor"] = subject.harbor;
  return answer;
}

absl::StatusOr<json> StatusReport::Snapshot() const {
  json snapshot;
  KH_ASSIGN_OR_RETURN(snapshot["harbors"], HarborList());
  KH_ASSIGN_OR_RETURN(snapshot["pending"], ListJobs(JobState::kPending, "", kSnapshotJobs));
  KH_ASSIGN_OR_RETURN(snapshot["dead"], ListJobs(JobState::kDead, "", kSnapshotJobs));
  snapshot["events"] = Events();
  snapshot["lease"] = Lease();
  snapshot["running"] = json::array();
  snapshot["recent"] = json::array();
  for (const JobView& view : from_.board->Running()) {
    snapshot["running"].push_back(harbor_bridge::ToJson(view, false));
  }
  for (const JobView& view : from_.board->Recent()) {
    snapshot["recent"].push_back(harbor_bridge::ToJson(view, true));
  }
  return snapshot;
}

}  // namespace harbor_bridge
