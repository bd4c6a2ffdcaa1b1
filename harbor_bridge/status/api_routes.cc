#include "harbor_bridge/status/api_routes.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/status/in_loop.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/url.h"

namespace harbor_bridge {
namespace {

using kraken::net::HttpExchange;
using nlohmann::json;

constexpr int kWorkers = 2;
constexpr size_t kMaxQueuedAnswers = 256;
constexpr int kMaxBodyDepth = 8;

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
      return 503;
    default:
      return 500;
  }
}

void Send(HttpExchange& exchange, const absl::StatusOr<json>& answer) {
  const json body =
      answer.ok() ? *answer : json::object({{"error", std::string(answer.status().message())}});
  exchange.Respond(HttpStatusOf(answer.status()),
                   {{"Content-Type", "application/json"},
                    {"Cache-Control", "no-store"},
                    {"X-Content-Type-Options", "nosniff"}},
                   absl::StrCat(kraken::DumpJson(body), "\n"));
}

absl::StatusOr<std::string> QueryParam(const HttpExchange& exchange, absl::string_view name) {
  KH_ASSIGN_OR_RETURN(const kraken::net::QueryParams params,
                      kraken::net::ParseQuery(exchange.query()));
  return kraken::net::FindQueryParam(params, name).value_or("");
}

absl::StatusOr<std::vector<std::string>> ReadTexts(const json& body, absl::string_view key) {
  std::vector<std::string> texts;
  const json* list = kraken::FindJson(body, key);
  if (list == nullptr || list->is_null()) return texts;
  if (!list->is_array()) return absl::InvalidArgumentError(absl::StrCat(key, " is a list"));
  for (const json& entry : *list) {
    const std::optional<std::string> text = kraken::JsonString(&entry);
    if (!text.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(key, " is a list of texts"));
    }
    texts.push_back(*text);
  }
  return texts;
}

// Empty: none.
absl::StatusOr<std::string> ReadAgents(const json& body) {
  const json* agents = kraken::FindJson(body, "agents");
  if (agents == nullptr || agents->is_null()) return std::string();
  const std::optional<std::string> text = kraken::JsonString(agents);
  if (!text.has_value() || text->empty()) {
    return absl::InvalidArgumentError("agents is a text such as \"zone=a,share=10%\"");
  }
  return *text;
}

}  // namespace

ApiRoutes::ApiRoutes(const ApiParts& parts)
    : parts_(parts),
      workers_(kWorkers, kMaxQueuedAnswers, "api"),
      stream_(parts.loop, &workers_, [report = parts.report] {
        const absl::StatusOr<json> state = report->Snapshot();
        return kraken::DumpJson(
            state.ok() ? *state : json::object({{"error", std::string(state.status().message())}}));
      }) {}

void ApiRoutes::Stop() {
  RunInLoop(parts_.loop, [this] { stream_.Close(); });
  workers_.Shutdown();
  // Then nothing that they have posted is left in the loop.
  RunInLoop(parts_.loop, [] {});
}

void ApiRoutes::AddRoutes(kraken::net::Router& router) {
  AddReads(router);
  AddOrders(router);
}

void ApiRoutes::Reply(Exchange exchange, Answer answer) {
  const absl::Status submitted = workers_.Submit([exchange, answer = std::move(answer)] {
    exchange->Post([result = answer()](HttpExchange& e) { Send(e, result); });
  });
  if (!submitted.ok()) Send(*exchange, submitted);
}

void ApiRoutes::Obey(Exchange exchange, Order order) {
  exchange->ReadBody([this, exchange, order = std::move(order)](std::string body) {
    absl::StatusOr<json> document = kraken::ParseJson(body, kMaxBodyDepth);
    if (document.ok() && !document->is_object()) {
      document = absl::InvalidArgumentError("the body is no JSON object");
    }
    if (!document.ok()) return Send(*exchange, document.status());
    Reply(exchange, [order, document = *std::move(document)] { return order(document); });
  });
}

void ApiRoutes::AddReads(kraken::net::Router& router) {
  const auto get = [this, &router](absl::string_view path, kraken::net::HttpHandler handler) {
    router.Add("GET", path, parts_.gate->Guard(std::move(handler)));
  };
  const StatusReport* report = parts_.report;
  get("/api/v1/jobs", [this, report](const Exchange& exchange) {
    Reply(exchange, [report, exchange]() -> absl::StatusOr<json> {
      KH_ASSIGN_OR_RETURN(const std::string state, QueryParam(*exchange, "state"));
      KH_ASSIGN_OR_RETURN(const std::string after, QueryParam(*exchange, "after"));
      KH_ASSIGN_OR_RETURN(const std::string limit_text, QueryParam(*exchange, "limit"));
      int limit = BridgeAdmin::kDefaultJobs;
      if (!limit_text.empty() && !absl::SimpleAtoi(limit_text, &limit)) {
        return absl::InvalidArgumentError("limit is a number");
      }
      return report->Jobs(state, after, limit);
    });
  });
  get("/api/v1/jobs/{key...}", [this, report](const Exchange& exchange) {
    Reply(exchange,
          [report, exchange] { return report->Job(std::string(exchange->path_param("key"))); });
  });
  get("/api/v1/harbors", [this, report](const Exchange& exchange) {
    Reply(exchange, [report]() -> absl::StatusOr<json> {
      KH_ASSIGN_OR_RETURN(json list, report->HarborList());
      return json::object({{"harbors", std::move(list)}});
    });
  });
  get("/api/v1/counters", [this, report](const Exchange& exchange) {
    Reply(exchange, [report]() -> absl::StatusOr<json> { return report->Events(); });
  });
  get("/api/v1/lease", [this, report](const Exchange& exchange) {
    Reply(exchange, [report]() -> absl::StatusOr<json> { return report->Lease(); });
  });
  get("/api/v1/routes", [this, report](const Exchange& exchange) {
    Reply(exchange, [report]() -> absl::StatusOr<json> { return report->RouteList(); });
  });
  get("/api/v1/routes/explain", [this, report](const Exchange& exchange) {
    Reply(exchange, [report, exchange]() -> absl::StatusOr<json> {
      KH_ASSIGN_OR_RETURN(const std::string image, QueryParam(*exchange, "image"));
      return report->Explain(image);
    });
  });
  get("/api/v1/events", [this](const Exchange& exchange) {
    parts_.loop->Post([this, exchange] { stream_.Listen(exchange); });
  });
}

void ApiRoutes::AddOrders(kraken::net::Router& router) {
  const auto add = [this, &router](absl::string_view method, absl::string_view path,
                                   kraken::net::HttpHandler handler) {
    router.Add(method, path, parts_.gate->Guard(std::move(handler)));
  };
  add("DELETE", "/api/v1/jobs/{key...}", [this](const Exchange& exchange) {
    Reply(exchange, [this, key = std::string(exchange->path_param("key"))] { return Cancel(key); });
  });
  for (const bool retry : {true, false}) {
    add("POST", retry ? "/api/v1/dead-letters/retry" : "/api/v1/dead-letters/drop",
        [this, retry](const Exchange& exchange) {
          Obey(exchange, [this, retry](const json& body) { return OnDeadLetters(body, retry); });
        });
  }
  add("POST", "/api/v1/preheats", [this](const Exchange& exchange) {
    Obey(exchange, [this](const json& body) { return Preheat(body); });
  });
}

absl::StatusOr<json> ApiRoutes::Cancel(const std::string& key) {
  KH_ASSIGN_OR_RETURN(const CancelOutcome outcome, parts_.admin->Cancel(key));
  return json::object(
      {{"key", key}, {"cancelled", outcome == CancelOutcome::kGivenUp ? "running" : "waiting"}});
}

absl::StatusOr<json> ApiRoutes::OnDeadLetters(const json& body, bool retry) {
  const std::string key = kraken::JsonString(kraken::FindJson(body, "key")).value_or("");
  const bool all = kraken::JsonBool(kraken::FindJson(body, "all")).value_or(false);
  KH_RETURN_IF_ERROR(retry ? parts_.admin->RetryDead(key, all) : parts_.admin->DropDead(key, all));
  return json::object({{"key", key}, {"all", all}});
}

absl::StatusOr<json> ApiRoutes::Preheat(const json& body) {
  PreheatOrder order;
  KH_ASSIGN_OR_RETURN(order.images, ReadTexts(body, "images"));
  KH_ASSIGN_OR_RETURN(order.platforms, ReadTexts(body, "platforms"));
  KH_ASSIGN_OR_RETURN(order.agents, ReadAgents(body));
  KH_ASSIGN_OR_RETURN(const std::vector<std::string> keys, parts_.admin->Preheat(order));
  json jobs = json::array();
  for (size_t i = 0; i < keys.size(); ++i) {
    jobs.push_back({{"image", order.images[i]}, {"key", keys[i]}});
  }
  return json::object({{"jobs", std::move(jobs)}});
}

}  // namespace harbor_bridge
