#include "harbor_bridge/work/preheat_api.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "harbor_bridge/event/preheat_job.h"
#include "harbor_bridge/work/authorization.h"
#include "harbor_bridge/work/harbor_routes.h"
#include "kraken/base/json.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

using kraken::storage::Job;
using kraken::storage::JobState;

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

std::string ToJson(uint64_t id, absl::Time created_at, absl::Time updated_at, const Job* job) {
  nlohmann::json json = {{"id", id},
                         {"type", "preheat"},
                         {"created_at", TimeText(created_at)},
                         {"updated_at", TimeText(updated_at)},
                         {"state", "PENDING"},
                         {"result", {{"job_states", nlohmann::json::array()}}}};
  if (job != nullptr && job->state == JobState::kDone) {
    json["state"] = "SUCCESS";
  } else if (job != nullptr && job->state == JobState::kDead) {
    json["state"] = "FAILURE";
    json["result"]["job_states"].push_back(
        {{"state", "FAILURE"}, {"error", job->last_error}, {"results", nlohmann::json::array()}});
  }
  return kraken::DumpJson(json);
}

void RespondJson(kraken::net::HttpExchange& exchange, const std::string& json) {
  exchange.Respond(200, {{"Content-Type", "application/json"}}, json);
}

// The number in the request's path; answers 404 if it is none.
std::optional<uint64_t> ReadId(kraken::net::HttpExchange& exchange) {
  uint64_t id = 0;
  if (absl::SimpleAtoi(exchange.path_param("id"), &id)) return id;
  exchange.RespondError(404, "no such job");
  return std::nullopt;
}

}  // namespace

void PreheatApi::AddRoutes(kraken::net::Router& router) {
  AddRoute(router, "GET", "/healthy", &PreheatApi::GetHealth);
  AddRoute(router, "POST", "/oapi/v1/jobs", &PreheatApi::Create);
  AddRoute(router, "GET", "/oapi/v1/jobs/{id}", &PreheatApi::GetJob);
  AddRoute(router, "DELETE", "/oapi/v1/jobs/{id}", &PreheatApi::DeleteJob);
}

void PreheatApi::AddRoute(kraken::net::Router& router, absl::string_view method,
                          absl::string_view path, Handle handle) {
  AddHarborRoute(router, method, path, parts_.harbors,
                 [this, handle](Exchange exchange, const Harbor& harbor) {
                   Admit(std::move(exchange), harbor, handle);
                 });
}

void PreheatApi::Admit(Exchange exchange, const Harbor& harbor, Handle handle) {
  if (IsAuthorized(*exchange, harbor.authorization)) {
    (this->*handle)(std::move(exchange), harbor);
    return;
  }
  ++unauthorized_;
  kraken::telemetry::LogWarn(
      "preheat refused: wrong or no credential (harbors[].authorization)",
      {{"harbor", harbor.name}, {"from", exchange->peer().address.ToString()}});
  RespondUnauthorized(*exchange);
}

void PreheatApi::GetHealth(Exchange exchange, const Harbor&) {
  exchange->Respond(200, {{"Content-Type", "text/plain"}}, "OK");
}

void PreheatApi::Create(Exchange exchange, const Harbor& harbor) {
  ReadBoundedBody(
      exchange, {.max_bytes = kMaxBodyBytes, .budget = parts_.bodies},
      [this, exchange, name = harbor.name](BoundedBody body) { OnBody(exchange, name, body); });
}

void PreheatApi::OnBody(Exchange exchange, const std::string& harbor, const BoundedBody& body) {
  absl::StatusOr<PreheatJob> parsed =
      body.is_whole()
          ? ParsePreheatJob(body.bytes)
          : absl::InvalidArgumentError(absl::StrCat("a preheat of ", body.total_bytes, " bytes"));
  if (!parsed.ok()) {
    ++refused_;
    kraken::telemetry::LogWarn("preheat refused",
                               {{"harbor", harbor}, {"reason", parsed.status()}});
    exchange->RespondError(422, parsed.status().message());
    return;
  }
  const uint64_t id = NextId();
  const std::string key = PreheatKey(harbor, id);
  parts_.jobs->KeepToken(key, std::move(parsed->bearer_token));
  const ImageWork work{.harbor = harbor,
                       .repository = std::move(parsed->repository),
                       .reference = std::move(parsed->reference),
                       .preheat = true};
  kraken::storage::NewJob job = work.ToJob(kPreheatPriority);
  job.key = key;
  parts_.queue->Enqueue(std::move(job), [this, exchange, key, id](const absl::Status& status) {
    if (status.ok()) {
      ++accepted_;
    } else {
      parts_.jobs->ForgetToken(key);
    }
    const absl::Time now = parts_.clock->Now();
    exchange->Post([status, id, now](kraken::net::HttpExchange& e) {
      if (status.ok()) {
        RespondJson(e, ToJson(id, now, now, nullptr));
      } else {
        e.RespondError(503, status.message());
      }
    });
  });
}

void PreheatApi::GetJob(Exchange exchange, const Harbor& harbor) {
  const std::optional<uint64_t> id = ReadId(*exchange);
  if (!id.has_value()) return;
  const absl::Status submitted = readers_.Submit(
      [exchange, id = *id, key = PreheatKey(harbor.name, *id), queue = parts_.queue] {
        exchange->Post([id, job = queue->Get(key)](kraken::net::HttpExchange& e) {
          if (job.ok()) {
            RespondJson(e, ToJson(id, job->enqueued_at, job->updated_at, &*job));
          } else if (absl::IsNotFound(job.status())) {
            e.RespondError(404, "no such job; what has ended is known for a day");
          } else {
            e.RespondError(503, job.status().message());
          }
        });
      });
  if (!submitted.ok()) exchange->RespondError(503, submitted.message());
}

void PreheatApi::DeleteJob(Exchange exchange, const Harbor& harbor) {
  const std::optional<uint64_t> id = ReadId(*exchange);
  if (!id.has_value()) return;
  const std::string key = PreheatKey(harbor.name, *id);
  parts_.queue->Remove(key, [this, exchange, key](const absl::Status& status) {
    // It is being done: then it ends soon, as a failure that says why.
    const bool is_running = absl::IsFailedPrecondition(status);
    const bool given_up = is_running ? parts_.jobs->Cancel(key) : status.ok();
    if (!is_running) parts_.jobs->ForgetToken(key);
    exchange->Post([status, given_up](kraken::net::HttpExchange& e) {
      if (given_up) {
        e.Respond(200, {}, "");
      } else {
        e.RespondError(absl::IsNotFound(status) ? 404 : 409, status.message());
      }
    });
  });
}

uint64_t PreheatApi::NextId() {
  // The time in microseconds: larger than any that an earlier process gave out.
  const auto now = static_cast<uint64_t>(absl::ToUnixMicros(parts_.clock->Now()));
  uint64_t last = last_id_.load();
  while (!last_id_.compare_exchange_weak(last, std::max(now, last + 1))) {
  }
  return std::max(now, last + 1);
}

}  // namespace harbor_bridge
