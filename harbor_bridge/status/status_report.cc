#include "harbor_bridge/status/status_report.h"

#include <re2/re2.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/harbor_fault.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

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
          {"bytes_total", progress.bytes_total},
          {"agents_done", progress.agents_done},
          {"agents_asked", progress.agents_asked}};
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
  if (!health.fault.has_value()) return;
  out["problem"] = std::string(health.status.message());
  out["fault"] = std::string(api::NameOf(*health.fault));
  out["cure"] = health.cure;
}

json ToJson(const JobDetails& details) {
  const kraken::storage::Job& job = details.job;
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
  if (details.progress.has_value()) value["progress"] = ToJson(*details.progress);
  return value;
}

json ToJson(const JobPage& page) {
  json list = json::array();
  for (const JobDetails& details : page.jobs) list.push_back(ToJson(details));
  return list;
}

json ToJson(const ReconcileStatus& status) {
  json value = {{"through", status.through_api ? "api" : "registry"},
                {"running", status.running},
                {"rounds", status.rounds},
                {"failures", status.failures},
                {"requests", status.requests},
                {"found", status.found},
                {"gone", status.gone}};
  if (!status.last_reason.empty()) value["reason"] = status.last_reason;
  if (status.last_ended != absl::InfinitePast()) value["ended"] = ToText(status.last_ended);
  if (!status.last_error.ok()) value["problem"] = std::string(status.last_error.message());
  return value;
}

json ToJson(const HarborDetails& details) {
  json value = {{"name", details.harbor->name},
                {"host", details.harbor->host},
                {"registry", details.harbor->client->host()},
                {"pending", details.work.pending},
                {"running", details.work.running},
                {"dead", details.work.dead}};
  AddHealth(details.health, value);
  if (details.work.oldest != absl::InfiniteFuture()) value["oldest"] = ToText(details.work.oldest);
  if (details.slots > 0) {
    value["slots"] = details.slots;
    value["done"] = details.lane.done;
    value["failed"] = details.lane.failed;
  }
  if (details.reconciliation.has_value()) {
    value["reconciliation"] = ToJson(*details.reconciliation);
  }
  return value;
}

}  // namespace

absl::StatusOr<json> StatusReport::ListJobs(JobState state) const {
  KH_ASSIGN_OR_RETURN(const JobPage page, from_.admin->Jobs(state, "", kSnapshotJobs));
  return ToJson(page);
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
  KH_ASSIGN_OR_RETURN(const JobPage page, from_.admin->Jobs(wanted, after, limit));
  json answer = {{"jobs", ToJson(page)}};
  if (!page.next_after.empty()) answer["next_after"] = page.next_after;
  return answer;
}

absl::StatusOr<json> StatusReport::Job(const std::string& key) const {
  KH_ASSIGN_OR_RETURN(const JobDetails details, from_.admin->FindJob(key));
  return ToJson(details);
}

absl::StatusOr<json> StatusReport::HarborList() const {
  KH_ASSIGN_OR_RETURN(const std::vector<HarborDetails> harbors, from_.admin->HarborList());
  json list = json::array();
  for (const HarborDetails& details : harbors) list.push_back(ToJson(details));
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
  KH_ASSIGN_OR_RETURN(const RouteExplanation explanation, from_.admin->Explain(image));
  json answer = ToJson(explanation.decision);
  answer["image"] = explanation.subject.FullName();
  answer["harbor"] = explanation.subject.harbor;
  return answer;
}

absl::StatusOr<json> StatusReport::Snapshot() const {
  json snapshot;
  KH_ASSIGN_OR_RETURN(snapshot["harbors"], HarborList());
  KH_ASSIGN_OR_RETURN(snapshot["pending"], ListJobs(JobState::kPending));
  KH_ASSIGN_OR_RETURN(snapshot["dead"], ListJobs(JobState::kDead));
  snapshot["events"] = Events();
  snapshot["lease"] = Lease();
  snapshot["running"] = json::array();
  snapshot["recent"] = json::array();
  for (const JobView& view : from_.board->Running()) {
    snapshot["running"].push_back(ToJson(view, false));
  }
  for (const JobView& view : from_.board->Recent()) {
    snapshot["recent"].push_back(ToJson(view, true));
  }
  return snapshot;
}

}  // namespace harbor_bridge
