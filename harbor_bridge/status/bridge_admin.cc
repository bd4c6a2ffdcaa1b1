#include "harbor_bridge/status/bridge_admin.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/routing/agent_selector.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/registry/platform.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

using kraken::storage::JobKindStats;

absl::Status CheckWhich(const std::string& key, bool all) {
  if (key.empty() == all) return absl::OkStatus();
  return absl::InvalidArgumentError("say which job: its key, or all");
}

}  // namespace

absl::StatusOr<std::vector<ImageWork>> PlanPreheat(const Harbors& harbors,
                                                   const PreheatOrder& order) {
  if (order.images.empty() || order.images.size() > PreheatOrder::kMaxImages) {
    return absl::InvalidArgumentError(
        absl::StrCat("say which images, at most ", PreheatOrder::kMaxImages));
  }
  if (order.platforms.size() > PreheatOrder::kMaxPlatforms) {
    return absl::InvalidArgumentError(
        absl::StrCat("at most ", PreheatOrder::kMaxPlatforms, " platforms"));
  }
  std::vector<kraken::registry::Platform> platforms;
  for (const std::string& text : order.platforms) {
    KH_ASSIGN_OR_RETURN(auto platform, kraken::registry::Platform::Parse(text));
    platforms.push_back(std::move(platform));
  }
  std::optional<AgentSelector> agents;
  if (!order.agents.empty()) {
    KH_ASSIGN_OR_RETURN(agents, AgentSelector::Parse(order.agents));
  }
  std::vector<ImageWork> work;
  for (const std::string& image : order.images) {
    const absl::StatusOr<RouteSubject> subject = FindSubject(harbors, image);
    if (!subject.ok()) return kraken::Annotate(subject.status(), absl::StrCat("image ", image));
    work.push_back({.harbor = subject->harbor,
                    .repository = subject->repository,
                    .reference = subject->reference,
                    .preheat = true,
                    .platforms = platforms,
                    .agents = agents});
  }
  return work;
}

JobDetails BridgeAdmin::WithProgress(kraken::storage::Job job) const {
  std::optional<JobProgress> progress = parts_.board->ProgressOf(job.key);
  return {.job = std::move(job), .progress = std::move(progress)};
}

absl::StatusOr<JobPage> BridgeAdmin::Jobs(std::optional<kraken::storage::JobState> state,
                                          const std::string& after, int limit) const {
  limit = std::clamp(limit, 1, kMaxJobs);
  KH_ASSIGN_OR_RETURN(std::vector<kraken::storage::Job> jobs,
                      parts_.queue->List(state, after, limit));
  JobPage page;
  for (kraken::storage::Job& job : jobs) page.jobs.push_back(WithProgress(std::move(job)));
  // A full page may have another behind it.
  if (page.jobs.size() == static_cast<size_t>(limit)) page.next_after = page.jobs.back().job.key;
  return page;
}

absl::StatusOr<JobDetails> BridgeAdmin::FindJob(const std::string& key) const {
  KH_ASSIGN_OR_RETURN(kraken::storage::Job job, parts_.queue->Get(key));
  return WithProgress(std::move(job));
}

absl::StatusOr<std::vector<HarborDetails>> BridgeAdmin::HarborList() const {
  KH_ASSIGN_OR_RETURN(const std::vector<JobKindStats> kinds, parts_.queue->StatsByKind());
  const std::vector<HarborHealth> health = parts_.watch->health();
  const std::vector<LaneStats> lanes = parts_.dispatcher->stats();
  const std::vector<ReconcileStatus> reconciled = parts_.reconciliation();
  std::vector<HarborDetails> list;
  for (size_t i = 0; i < parts_.harbors->all().size(); ++i) {
    HarborDetails details;
    details.harbor = &parts_.harbors->all()[i];
    details.health = health[i];
    const std::string lane = LaneOf(details.harbor->name);
    for (const JobKindStats& kind : kinds) {
      if (kind.kind == lane) details.work = kind;
    }
    for (size_t l = 0; l < lanes.size(); ++l) {
      if (parts_.dispatcher->lanes()[l].kind != lane) continue;
      details.slots = parts_.dispatcher->lanes()[l].slots;
      details.lane = lanes[l];
    }
    for (const ReconcileStatus& status : reconciled) {
      if (status.harbor == details.harbor->name) details.reconciliation = status;
    }
    list.push_back(std::move(details));
  }
  return list;
}

absl::StatusOr<RouteExplanation> BridgeAdmin::Explain(absl::string_view image) const {
  KH_ASSIGN_OR_RETURN(RouteSubject subject, FindSubject(*parts_.harbors, image));
  RouteDecision decision = parts_.routes->Decide(subject);
  return RouteExplanation{.subject = std::move(subject), .decision = std::move(decision)};
}

absl::StatusOr<std::vector<std::string>> BridgeAdmin::Preheat(const PreheatOrder& order) {
  KH_ASSIGN_OR_RETURN(const std::vector<ImageWork> work, PlanPreheat(*parts_.harbors, order));
  if (!order.agents.empty() && !parts_.has_trackers) {
    return absl::FailedPreconditionError(
        "agents are reached through trackers, and the bridge's configuration names none "
        "(tracker.hosts)");
  }
  std::vector<std::string> keys;
  for (const ImageWork& image : work) {
    KH_RETURN_IF_ERROR(parts_.queue->EnqueueAndWait(image.ToJob(kPreheatPriority)));
    keys.push_back(image.Key());
  }
  return keys;
}

absl::StatusOr<CancelOutcome> BridgeAdmin::Cancel(const std::string& key) {
  kraken::telemetry::LogInfo("an operator cancels a job", {{"job", key}});
  if (parts_.dispatcher->Cancel(key)) return CancelOutcome::kGivenUp;
  KH_RETURN_IF_ERROR(parts_.queue->RemoveAndWait(key));
  return CancelOutcome::kForgotten;
}

absl::Status BridgeAdmin::RetryDead(const std::string& key, bool all) {
  KH_RETURN_IF_ERROR(CheckWhich(key, all));
  kraken::telemetry::LogInfo("an operator retries dead letters", {{"job", all ? "all" : key}});
  return parts_.queue->RetryDeadAndWait(key);
}

absl::Status BridgeAdmin::DropDead(const std::string& key, bool all) {
  KH_RETURN_IF_ERROR(CheckWhich(key, all));
  kraken::telemetry::LogInfo("an operator drops dead letters", {{"job", all ? "all" : key}});
  return parts_.queue->DropDeadAndWait(key);
}

}  // namespace harbor_bridge
