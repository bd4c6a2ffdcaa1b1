#include "harbor_bridge/status/bridge_messages.h"

#include <cstddef>
#include <cstdint>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "harbor_bridge/work/image_work.h"

namespace harbor_bridge {
namespace {

namespace v1 = kraken::rpc::v1;
using kraken::storage::JobState;

constexpr size_t kMaxPageBytes = 1 << 20;

int64_t ToMillis(absl::Time time) { return absl::ToUnixMillis(time); }

v1::BridgeJobState ToProto(JobState state) {
  switch (state) {
    case JobState::kPending:
      return v1::BRIDGE_JOB_STATE_PENDING;
    case JobState::kRunning:
      return v1::BRIDGE_JOB_STATE_RUNNING;
    case JobState::kDone:
      return v1::BRIDGE_JOB_STATE_DONE;
    case JobState::kDead:
      return v1::BRIDGE_JOB_STATE_DEAD;
  }
  return v1::BRIDGE_JOB_STATE_UNSPECIFIED;
}

v1::BridgeHarborHealth HealthOf(const HarborHealth& health) {
  if (health.unknown) return v1::BRIDGE_HARBOR_HEALTH_UNKNOWN;
  return health.status.ok() ? v1::BRIDGE_HARBOR_HEALTH_OK : v1::BRIDGE_HARBOR_HEALTH_BAD;
}

v1::BridgeReconciliation ToProto(const ReconcileStatus& status) {
  v1::BridgeReconciliation proto;
  proto.set_through_api(status.through_api);
  proto.set_running(status.running);
  proto.set_rounds(status.rounds);
  proto.set_failures(status.failures);
  proto.set_requests(status.requests);
  proto.set_found(status.found);
  proto.set_gone(status.gone);
  proto.set_reason(status.last_reason);
  if (status.last_ended != absl::InfinitePast()) proto.set_ended_at_ms(ToMillis(status.last_ended));
  proto.set_problem(std::string(status.last_error.message()));
  return proto;
}

}  // namespace

PreheatOrder FromProto(const v1::PreheatRequest& request) {
  return {.images = {request.images().begin(), request.images().end()},
          .platforms = {request.platforms().begin(), request.platforms().end()},
          .agents = request.agents()};
}

absl::StatusOr<std::optional<JobState>> FromProto(v1::BridgeJobState state) {
  switch (state) {
    case v1::BRIDGE_JOB_STATE_UNSPECIFIED:
      return std::optional<JobState>();
    case v1::BRIDGE_JOB_STATE_PENDING:
      return std::optional<JobState>(JobState::kPending);
    case v1::BRIDGE_JOB_STATE_RUNNING:
      return std::optional<JobState>(JobState::kRunning);
    case v1::BRIDGE_JOB_STATE_DONE:
      return std::optional<JobState>(JobState::kDone);
    case v1::BRIDGE_JOB_STATE_DEAD:
      return std::optional<JobState>(JobState::kDead);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("state is pending, running, done or dead, not ", static_cast<int>(state)));
  }
}

absl::StatusOr<std::vector<std::string>> KeysOf(const v1::WatchJobsRequest& request) {
  if (request.keys().empty() || request.keys_size() > kMaxWatchedJobs) {
    return absl::InvalidArgumentError(
        absl::StrCat("say which jobs, at most ", kMaxWatchedJobs, " of them"));
  }
  const std::set<std::string> keys(request.keys().begin(), request.keys().end());
  return std::vector<std::string>(keys.begin(), keys.end());
}

v1::BridgeJob ToProto(const JobDetails& details) {
  const kraken::storage::Job& job = details.job;
  v1::BridgeJob proto;
  proto.set_key(job.key);
  proto.set_harbor(std::string(HarborOfLane(job.kind)));
  proto.set_state(ToProto(job.state));
  proto.set_priority(job.priority);
  proto.set_attempts(job.attempts);
  proto.set_enqueued_at_ms(ToMillis(job.enqueued_at));
  proto.set_updated_at_ms(ToMillis(job.updated_at));
  if (job.state == JobState::kPending) proto.set_next_attempt_at_ms(ToMillis(job.next_attempt));
  proto.set_error(job.last_error);
  proto.set_result(job.result);
  proto.set_superseded(job.superseded);
  if (details.progress.has_value()) {
    v1::BridgeJobProgress& progress = *proto.mutable_progress();
    progress.set_step(details.progress->step);
    progress.set_blobs_done(details.progress->blobs_done);
    progress.set_blobs_total(details.progress->blobs_total);
    progress.set_bytes_done(details.progress->bytes_done);
    progress.set_bytes_total(details.progress->bytes_total);
    progress.set_agents_done(details.progress->agents_done);
    progress.set_agents_asked(details.progress->agents_asked);
  }
  return proto;
}

v1::ListJobsReply ToProto(const JobPage& page) {
  v1::ListJobsReply reply;
  size_t bytes = 0;
  for (const JobDetails& details : page.jobs) {
    v1::BridgeJob job = ToProto(details);
    bytes += job.ByteSizeLong();
    if (bytes > kMaxPageBytes && reply.jobs_size() > 0) {
      reply.set_next_after_key(reply.jobs(reply.jobs_size() - 1).key());
      return reply;
    }
    *reply.add_jobs() = std::move(job);
  }
  reply.set_next_after_key(page.next_after);
  return reply;
}

v1::BridgeHarbor ToProto(const HarborDetails& details) {
  v1::BridgeHarbor proto;
  proto.set_name(details.harbor->name);
  proto.set_host(details.harbor->host);
  proto.set_registry(details.harbor->client->host());
  proto.set_health(HealthOf(details.health));
  if (!details.health.unknown) {
    proto.set_problem(std::string(details.health.status.message()));
    proto.set_since_ms(ToMillis(details.health.since));
    proto.set_asked_at_ms(ToMillis(details.health.asked_at));
  }
  proto.set_jobs_pending(details.work.pending);
  proto.set_jobs_running(details.work.running);
  proto.set_jobs_dead(details.work.dead);
  if (details.work.oldest != absl::InfiniteFuture()) {
    proto.set_oldest_job_at_ms(ToMillis(details.work.oldest));
  }
  proto.set_slots(details.slots);
  proto.set_attempts_done(details.lane.done);
  proto.set_attempts_failed(details.lane.failed);
  if (details.reconciliation.has_value()) {
    *proto.mutable_reconciliation() = ToProto(*details.reconciliation);
  }
  return proto;
}

v1::ExplainRouteReply ToProto(const RouteExplanation& explanation) {
  v1::ExplainRouteReply reply;
  reply.set_image(explanation.subject.FullName());
  reply.set_harbor(explanation.subject.harbor);
  reply.set_ignored(explanation.decision.actions.ignore);
  reply.set_summary(explanation.decision.Summary());
  for (const RouteStep& step : explanation.decision.steps) {
    v1::BridgeRouteStep& proto = *reply.add_steps();
    proto.set_rule(step.rule);
    proto.set_matched(step.matched);
    proto.set_reason(step.reason);
  }
  reply.set_text(explanation.decision.Explain());
  return reply;
}

}  // namespace harbor_bridge
