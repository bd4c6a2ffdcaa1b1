#include "kraken/access/token_realm.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/url.h"
#include "kraken/registry/auth_challenge.h"
#include "kraken/registry/errors.h"

namespace kraken::access {
namespace {

// What a challenge calls us where no host is meant.
constexpr absl::string_view kService = "kraken-harbor";

constexpr uint64_t kMaxTokenResponseBytes = 64 * 1024;

// Nobody asks for it: who was challenged at /v2/ gets it for what is open.
constexpr absl::string_view kOpenToken = R"({"token":"open","expires_in":300})";

// As the client addresses us, or the proxy that it asks.
std::string OwnAddress(const net::HttpExchange& exchange) {
  const absl::string_view scheme = exchange.client_scheme();
  const absl::StatusOr<net::Url> url =
      net::Url::Parse(absl::StrCat(scheme, "://", exchange.client_host(), "/"));
  if (url.ok()) return absl::StrCat(scheme, "://", url->host_port());
  const net::SocketAddress& local = exchange.peer().local_address;
  return absl::StrCat(scheme, "://", local.is_ip() ? local.ToString() : "localhost");
}

// "repository:library/debian:pull,push" without its actions; nullopt: of another kind.
std::optional<std::string> RepositoryOf(absl::string_view scope) {
  if (!absl::ConsumePrefix(&scope, "repository:")) return std::nullopt;
  const size_t colon = scope.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  return std::string(scope.substr(0, colon));
}

// What a client asks a token for.
struct TokenQuestion {
  const AccessPolicy* policy = nullptr;
  std::string scope;  // Harbor's, for pulls alone
};

absl::StatusOr<TokenQuestion> ParseQuestion(const AccessGate& gate, absl::string_view query) {
  KH_ASSIGN_OR_RETURN(const net::QueryParams params, net::ParseQuery(query));
  const std::string service =
      net::FindQueryParam(params, "service").value_or(std::string(kService));
  const std::string host = service == kService ? "" : service;
  TokenQuestion question;
  std::vector<std::string> scopes;
  for (const auto& [name, value] : params) {
    if (name != "scope") continue;
    for (const absl::string_view scope : absl::StrSplit(value, ' ', absl::SkipEmpty())) {
      const std::optional<std::string> text = RepositoryOf(scope);
      if (!text.has_value()) continue;
      KH_ASSIGN_OR_RETURN(const RepositoryName repository, RepositoryName::Parse(*text));
      KH_ASSIGN_OR_RETURN(const Namespace ns, Namespace::Create(host, repository.ToString()));
      const AccessPolicy* policy = gate.PolicyFor(ns);
      if (scopes.empty()) question.policy = policy;
      // A token is for one Harbor.
      if (policy != question.policy) continue;
      scopes.push_back(absl::StrCat("repository:", repository.ToString(), ":pull"));
    }
  }
  if (scopes.empty()) question.policy = gate.PolicyFor(absl::nullopt);
  question.scope = absl::StrJoin(scopes, " ");
  return question;
}

}  // namespace

std::string TokenRealm::ChallengeFor(const net::HttpExchange& exchange,
                                     const absl::optional<Namespace>& ns) const {
  const AccessPolicy* policy = gate_->PolicyFor(ns);
  const std::string own = OwnAddress(exchange);
  if (policy != nullptr && policy->challenge == ChallengeKind::kBasic) {
    return absl::StrCat("Basic realm=\"", own, "\"");
  }
  std::string challenge = absl::StrCat(
      "Bearer realm=\"", own, kPath, "\",service=\"",
      ns.has_value() && !ns->host().empty() ? absl::string_view(ns->host()) : kService, "\"");
  if (ns.has_value()) {
    absl::StrAppend(&challenge, ",scope=\"repository:", ns->repository(), ":pull\"");
  }
  return challenge;
}

void TokenRealm::Handle(std::shared_ptr<net::HttpExchange> exchange) {
  if (exchange->method() != "GET") {
    exchange->RespondError(405, "tokens are asked for with GET", {{"Allow", "GET"}});
    return;
  }
  const absl::StatusOr<TokenQuestion> question = ParseQuestion(*gate_, exchange->query());
  if (!question.ok()) {
    exchange->RespondError(400, question.status().message());
    return;
  }
  const AccessPolicy* policy = question->policy;
  if (policy == nullptr || policy->mode != AccessMode::kPassthrough) {
    exchange->Respond(200, {{"Content-Type", "application/json"}}, kOpenToken);
    return;
  }
  const absl::Status submitted = pool_->Submit(
      [this, exchange, policy, scope = question->scope,
       authorization = std::string(exchange->request().headers.GetOr("Authorization"))] {
        const absl::StatusOr<net::HttpResponse> answer = Relay(*policy, scope, authorization);
        exchange->Post([answer](net::HttpExchange& e) {
          if (answer.ok()) {
            e.Respond(*answer);
          } else {
            e.Respond(registry::ErrorResponse(
                registry::ReplyFor(answer.status(), registry::ResourceKind::kRepository)));
          }
        });
      });
  if (!submitted.ok()) exchange->RespondError(503, submitted.message());
}

absl::StatusOr<net::HttpResponse> TokenRealm::Relay(const AccessPolicy& policy,
                                                    absl::string_view scope,
                                                    absl::string_view authorization) {
  KH_ASSIGN_OR_RETURN(const registry::TokenSource source, SourceOf(policy));
  net::HttpClientRequest request;
  request.url = registry::TokenUrl(source, scope);
  request.headers.Add("Accept", "application/json");
  if (!authorization.empty()) request.headers.Add("Authorization", authorization);
  request.tls = policy.harbor->tls;
  request.timeouts.head = policy.harbor->timeout;
  request.timeouts.progress = policy.harbor->timeout;
  request.max_body_bytes = kMaxTokenResponseBytes;
  absl::StatusOr<net::HttpResponse> response = http_->Fetch(std::move(request));
  if (!response.ok()) {
    return Annotate(response.status(), absl::StrCat("token from ", source.realm.ToLogString()));
  }
  net::HttpResponse answer{.status = response->status, .headers = {}, .body = response->body};
  for (const absl::string_view name : {"Content-Type", "WWW-Authenticate", "Retry-After"}) {
    if (const auto value = response->headers.Get(name)) answer.headers.Add(name, *value);
  }
  return answer;
}

absl::StatusOr<registry::TokenSource> TokenRealm::SourceOf(const AccessPolicy& policy) {
  {
    absl::MutexLock lock(&mutex_);
    const auto it = sources_.find(&policy);
    if (it != sources_.end()) return it->second;
  }
  net::HttpClientRequest request;
  request.url = policy.harbor->registry;
  request.url.target = "/v2/";
  request.tls = policy.harbor->tls;
  request.timeouts.head = policy.harbor->timeout;
  request.timeouts.progress = policy.harbor->timeout;
  request.max_body_bytes = kMaxTokenResponseBytes;
  const std::string host = policy.harbor->registry.host_port();
  const absl::StatusOr<net::HttpResponse> response = http_->Fetch(std::move(request));
  if (!response.ok()) return Annotate(response.status(), absl::StrCat("challenge of ", host));
  for (const registry::AuthChallenge& challenge : registry::ChallengesOf(response->headers)) {
    if (challenge.scheme != "bearer" || !challenge.Get("realm").has_value()) continue;
    KH_ASSIGN_OR_RETURN(
        registry::TokenSource source,
        registry::TrustedTokenSource(policy.harbor->registry, *challenge.Get("realm"),
                                     challenge.Get("service").value_or(""),
                                     policy.harbor->trusted_realm_hosts));
    absl::MutexLock lock(&mutex_);
    return sources_.try_emplace(&policy, std::move(source)).first->second;
  }
  return absl::NotFoundError(
      absl::StrCat(host, " names no token service (it answers ", response->status,
                   "): set `challenge: basic` for it in the agent's section `access`"));
}

}  // namespace kraken::access
