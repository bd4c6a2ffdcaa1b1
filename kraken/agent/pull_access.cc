#include "kraken/agent/pull_access.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/access/client_credential.h"
#include "kraken/base/clock.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/http_client.h"
#include "kraken/net/url.h"
#include "kraken/registry/tag_list.h"

namespace kraken::agent {
namespace {

using access::AccessMode;
using access::AccessPolicy;
using access::ClientCredential;
using registry::ResourceKind;

// A node starts some dozens of containers at once, with a few requests each.
constexpr int kThreads = 8;
constexpr size_t kMaxQueue = 1000;

absl::StatusOr<ClientCredential> CredentialOf(const net::HttpExchange& exchange) {
  return ClientCredential::Parse(exchange.request().headers.GetOr("Authorization"));
}

}  // namespace

PullAccess::PullAccess() : http_(net::HttpClientOptions()), pool_(kThreads, kMaxQueue, "access") {}

absl::StatusOr<std::unique_ptr<PullAccess>> PullAccess::Create(const access::AccessConfig& config) {
  auto access = std::unique_ptr<PullAccess>(new PullAccess());
  KH_ASSIGN_OR_RETURN(access->gate_,
                      access::AccessGate::Create(config, &access->http_, &access->pool_,
                                                 &SystemClock::Get(), &access->bits_));
  access->realm_ =
      std::make_unique<access::TokenRealm>(access->gate_.get(), &access->http_, &access->pool_);
  return access;
}

PullAccess::~PullAccess() { Shutdown(); }

void PullAccess::Shutdown() {
  if (gate_ != nullptr) gate_->Shutdown();
  http_.Shutdown();
  pool_.Shutdown();
}

void PullAccess::Authorize(Exchange exchange, const access::Pull& pull, ResourceKind kind,
                           Serve serve) {
  const AccessPolicy* policy = gate_->PolicyFor(pull.ns);
  if (policy == nullptr || policy->mode == AccessMode::kOpen) return serve(std::move(exchange));
  absl::StatusOr<ClientCredential> client = CredentialOf(*exchange);
  if (!client.ok()) return Refuse(*exchange, pull.ns, client.status(), kind);
  if (const absl::optional<absl::Status> known = gate_->CheckNow(*policy, pull, *client)) {
    if (known->ok()) return serve(std::move(exchange));
    return Refuse(*exchange, pull.ns, *known, kind);
  }
  gate_->Check(*policy, pull, *std::move(client),
               [this, exchange, ns = pull.ns, kind, serve = std::move(serve)](absl::Status status) {
                 exchange->Post([this, exchange, ns, kind, serve, status](net::HttpExchange& e) {
                   if (status.ok()) {
                     serve(exchange);
                   } else {
                     Refuse(e, ns, status, kind);
                   }
                 });
               });
}

void PullAccess::Refuse(net::HttpExchange& exchange, const absl::optional<Namespace>& ns,
                        const absl::Status& status, ResourceKind kind) const {
  const registry::ErrorReply reply = registry::ReplyFor(status, kind);
  net::HttpResponse response = registry::ErrorResponse(reply);
  if (reply.http_status == 401) {
    response.headers.Set("WWW-Authenticate", realm_->ChallengeFor(exchange, ns));
  }
  exchange.Respond(response);
}

void PullAccess::ServeTagList(Exchange exchange, const Namespace& ns) {
  const absl::StatusOr<net::QueryParams> params = net::ParseQuery(exchange->query());
  if (!params.ok()) return Refuse(*exchange, ns, params.status(), ResourceKind::kRepository);
  const absl::StatusOr<absl::optional<size_t>> n =
      registry::ParsePageSize(net::FindQueryParam(*params, "n"));
  if (!n.ok()) {
    exchange->Respond(registry::ErrorResponse(400, registry::ErrorCode::kPaginationNumberInvalid,
                                              n.status().message()));
    return;
  }
  ServeList(std::move(exchange), ns,
            [this, ns, n = *n, last = net::FindQueryParam(*params, "last").value_or("")](
                registry::RegistryClient& harbor) -> absl::StatusOr<net::HttpResponse> {
              KH_ASSIGN_OR_RETURN(const RepositoryName repository, ns.ToRepositoryName());
              KH_ASSIGN_OR_RETURN(const std::vector<std::string> tags,
                                  harbor.GetTags(repository, gate_->shutdown()));
              const registry::TagPage page = registry::PageOf(tags, n, last);
              net::HttpResponse response;
              response.headers.Set("Content-Type", "application/json");
              if (page.next.has_value()) {
                response.headers.Set(
                    "Link",
                    absl::StrCat("</v2/", repository.ToString(), "/tags/list?n=", *n,
                                 "&last=", net::PercentEncode(*page.next), ">; rel=\"next\""));
              }
              response.body = registry::TagListJson(repository.ToString(), page.tags);
              return response;
            });
}

void PullAccess::ServeReferrers(Exchange exchange, const Namespace& ns, const Digest& digest) {
  const absl::StatusOr<net::QueryParams> params = net::ParseQuery(exchange->query());
  if (!params.ok()) return Refuse(*exchange, ns, params.status(), ResourceKind::kManifest);
  ServeList(std::move(exchange), ns,
            [this, ns, digest, type = net::FindQueryParam(*params, "artifactType").value_or("")](
                registry::RegistryClient& harbor) -> absl::StatusOr<net::HttpResponse> {
              KH_ASSIGN_OR_RETURN(const RepositoryName repository, ns.ToRepositoryName());
              net::HttpResponse response;
              KH_ASSIGN_OR_RETURN(response.body,
                                  harbor.GetReferrers(repository, digest, type, gate_->shutdown()));
              response.headers.Set("Content-Type", "application/vnd.oci.image.index.v1+json");
              if (!type.empty()) response.headers.Set("OCI-Filters-Applied", "artifactType");
              return response;
            });
}

void PullAccess::ServeList(Exchange exchange, const Namespace& ns, Fetch fetch) {
  const AccessPolicy* policy = gate_->PolicyFor(ns);
  if (policy == nullptr || !policy->harbor.has_value()) {
    exchange->Respond(registry::ErrorResponse(
        404, registry::ErrorCode::kUnsupported,
        "lists of tags and of referrers come from Harbor, and the agent's section `access` names "
        "none for this repository"));
    return;
  }
  absl::StatusOr<ClientCredential> client = CredentialOf(*exchange);
  if (!client.ok()) {
    // Where everything is open, whatever a client says of itself is good enough.
    if (policy->mode == AccessMode::kPassthrough) {
      return Refuse(*exchange, ns, client.status(), ResourceKind::kRepository);
    }
    client = ClientCredential();
  }
  const absl::Status submitted =
      pool_.Submit([this, exchange, ns, policy, client = *client, fetch = std::move(fetch)] {
        const std::unique_ptr<registry::RegistryClient> harbor = gate_->HarborFor(*policy, client);
        const absl::StatusOr<net::HttpResponse> list = fetch(*harbor);
        exchange->Post([this, ns, list](net::HttpExchange& e) {
          if (!list.ok()) return Refuse(e, ns, list.status(), ResourceKind::kRepository);
          e.Respond(*list);
        });
      });
  if (!submitted.ok()) Refuse(*exchange, ns, submitted, ResourceKind::kRepository);
}

}  // namespace kraken::agent
