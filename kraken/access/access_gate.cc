#include "kraken/access/access_gate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kraken/backend/namespace_pattern.h"
#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/telemetry/log.h"

namespace kraken::access {
namespace {

constexpr size_t kMaxDecisions = 20'000;
constexpr size_t kMaxEdges = 200'000;
constexpr size_t kMaxPullTimes = 20'000;
// A refusal is asked again sooner: somebody may have just been let in.
constexpr absl::Duration kMaxRefusalTtl = absl::Seconds(5);

// Of whether `name` may pull anything of the repository.
std::string RepositoryKey(const std::string& name, const Namespace& ns) {
  return absl::StrCat(name, "\n", ns.ToString());
}

std::string KeyOf(const std::string& name, const Pull& pull) {
  if (!pull.ns.has_value()) return name;
  const std::string repository = RepositoryKey(name, *pull.ns);
  if (pull.manifest.has_value()) {
    return absl::StrCat(repository, "\nmanifest ", pull.manifest->ToString());
  }
  return absl::StrCat(repository, "\nblob ", pull.blob->ToString());
}

}  // namespace

AccessGate::AccessGate(const AccessConfig& config, net::BlockingHttpClient* http, WorkerPool* pool,
                       const Clock* clock, BitGen* bits)
    : config_(config),
      http_(http),
      pool_(pool),
      clock_(clock),
      bits_(bits),
      decisions_(kMaxDecisions),
      edges_(kMaxEdges),
      pull_times_(kMaxPullTimes) {}

absl::StatusOr<std::unique_ptr<AccessGate>> AccessGate::Create(const AccessConfig& config,
                                                               net::BlockingHttpClient* http,
                                                               WorkerPool* pool, const Clock* clock,
                                                               BitGen* bits) {
  auto gate = std::unique_ptr<AccessGate>(new AccessGate(config, http, pool, clock, bits));
  for (const AccessRule& rule : config.rules) {
    AccessPolicy policy{.pattern = rule.pattern,
                        .mode = rule.mode,
                        .challenge = rule.challenge,
                        .harbor = absl::nullopt};
    if (rule.harbor.has_value()) {
      backend::RegistryConfig harbor = *rule.harbor;
      // There the clients' own credentials count.
      if (rule.mode == AccessMode::kPassthrough) harbor.credentials = {};
      KH_ASSIGN_OR_RETURN(policy.harbor, backend::MakeRegistryClientOptions(harbor));
      // A client waits: what it can do better is to go to Harbor itself.
      policy.harbor->retry.max_retries = 0;
    }
    gate->policies_.push_back(std::move(policy));
  }
  if (!config.edges_file.empty()) {
    const absl::Status read = gate->edges_.UseFile(config.edges_file);
    if (!read.ok()) {
      telemetry::LogWarn("access.edges_file is of no use; Harbor is asked again after a restart",
                         {{"reason", read}});
    }
  }
  return gate;
}

AccessGate::~AccessGate() { KeepEdges(); }

const AccessPolicy* AccessGate::PolicyFor(const absl::optional<Namespace>& ns) const {
  for (const AccessPolicy& policy : policies_) {
    const bool fits = ns.has_value() ? backend::MatchesNamespace(*policy.pattern, *ns)
                                     : policy.mode == AccessMode::kPassthrough;
    if (fits) return &policy;
  }
  return nullptr;
}

std::string AccessGate::NameOf(const AccessPolicy& policy, const ClientCredential& client) const {
  return policy.mode == AccessMode::kNode ? "node" : hasher_.NameOf(client);
}

absl::optional<absl::Status> AccessGate::Remembered(const Pull& pull, const std::string& name,
                                                    absl::Duration ok_ttl,
                                                    absl::Duration refusal_ttl) {
  const MonotonicTime now = clock_->MonotonicNow();
  const auto find = [&](const std::string& key) -> absl::optional<absl::Status> {
    const absl::optional<Decision> decision = decisions_.Find(key);
    if (!decision.has_value()) return absl::nullopt;
    if (now - decision->at >= (decision->status.ok() ? ok_ttl : refusal_ttl)) return absl::nullopt;
    return decision->status;
  };
  if (pull.blob.has_value() && edges_.Contains(*pull.ns, *pull.blob)) {
    absl::optional<absl::Status> repository = find(RepositoryKey(name, *pull.ns));
    if (repository.has_value() && repository->ok()) return repository;
  }
  return find(KeyOf(name, pull));
}

absl::optional<absl::Status> AccessGate::CheckNow(const AccessPolicy& policy, const Pull& pull,
                                                  const ClientCredential& client) {
  if (!pull.ns.has_value() && client.is_anonymous()) {
    return absl::UnauthenticatedError(
        "this agent asks Harbor who may pull: log in, or get a token");
  }
  return Remembered(pull, NameOf(policy, client), config_.decision_ttl,
                    std::min(config_.decision_ttl, kMaxRefusalTtl));
}

void AccessGate::Check(const AccessPolicy& policy, Pull pull, ClientCredential client, Done done) {
  // Shared, as a task that is not taken takes `done` with it.
  auto shared = std::make_shared<Done>(std::move(done));
  const absl::Status submitted =
      pool_->Submit([this, &policy, pull = std::move(pull), client = std::move(client), shared] {
        (*shared)(Ask(policy, pull, client));
      });
  if (!submitted.ok()) {
    (*shared)(absl::UnavailableError(
        absl::StrCat("too many pulls wait for Harbor's leave: ", submitted.message())));
  }
}

void AccessGate::AddEdges(const Namespace& ns, absl::Span<const Digest> digests) {
  const AccessPolicy* policy = PolicyFor(ns);
  if (policy == nullptr || policy->mode == AccessMode::kOpen) return;
  for (const Digest& digest : digests) edges_.Add(ns, digest);
  if (!edges_.dirty()) return;
  const absl::Status submitted = pool_->Submit([this] { KeepEdges(); });
  // They stay due, and go with the next ones.
  if (!submitted.ok()) telemetry::LogWarn("edges wait to be stored", {{"reason", submitted}});
}

void AccessGate::KeepEdges() {
  if (!edges_.dirty()) return;
  const absl::Status kept = edges_.Flush();
  if (kept.ok()) return;
  telemetry::LogWarn("which manifests name which blobs can't be stored (access.edges_file)",
                     {{"reason", kept}});
}

std::unique_ptr<registry::RegistryClient> AccessGate::HarborFor(const AccessPolicy& policy,
                                                                const ClientCredential& client) {
  registry::RegistryClientOptions options = *policy.harbor;
  if (policy.mode == AccessMode::kPassthrough) {
    if (const registry::BasicCredentials* basic = client.basic()) {
      options.credentials.emplace(*basic);
    }
    if (const ClientCredential::Bearer* bearer = client.bearer()) {
      options.bearer_token = bearer->token;
    }
  }
  return std::make_unique<registry::RegistryClient>(std::move(options), http_, clock_, bits_);
}

absl::Status AccessGate::Ask(const AccessPolicy& policy, const Pull& pull,
                             const ClientCredential& client) {
  const std::string name = NameOf(policy, client);
  absl::Status answer = AskHarbor(policy, pull, client);
  if (IsSilence(answer)) return WithoutHarbor(pull, name, answer);
  const MonotonicTime now = clock_->MonotonicNow();
  decisions_.Put(KeyOf(name, pull), {answer, now});
  const bool is_about_who =
      answer.ok() || absl::IsUnauthenticated(answer) || absl::IsPermissionDenied(answer);
  if (pull.ns.has_value() && is_about_who) {
    decisions_.Put(RepositoryKey(name, *pull.ns), {answer, now});
  }
  if (answer.ok() && pull.blob.has_value()) {
    edges_.Add(*pull.ns, *pull.blob);
    KeepEdges();
  }
  return answer;
}

absl::Status AccessGate::AskHarbor(const AccessPolicy& policy, const Pull& pull,
                                   const ClientCredential& client) {
  const std::unique_ptr<registry::RegistryClient> harbor = HarborFor(policy, client);
  if (!pull.ns.has_value()) return harbor->Ping(shutdown_);
  KH_ASSIGN_OR_RETURN(const RepositoryName repository, pull.ns->ToRepositoryName());
  if (pull.manifest.has_value()) return AskForManifest(*harbor, pull, repository);
  return harbor->HeadBlob(repository, *pull.blob, shutdown_).status();
}

absl::Status AccessGate::AskForManifest(registry::RegistryClient& harbor, const Pull& pull,
                                        const RepositoryName& repository) {
  const std::string key = absl::StrCat(pull.ns->ToString(), "\n", pull.manifest->ToString());
  const absl::optional<MonotonicTime> last = pull_times_.Find(key);
  const MonotonicTime now = clock_->MonotonicNow();
  if (last.has_value() && now - *last < config_.pull_time_interval) {
    absl::Status head = harbor.HeadManifest(repository, *pull.manifest, shutdown_).status();
    // Which policy forbids it is said in the answer to a GET: that to a HEAD has no body.
    if (!absl::IsFailedPrecondition(head) && !absl::IsPermissionDenied(head)) return head;
  }
  absl::Status got = harbor.GetManifest(repository, *pull.manifest, shutdown_).status();
  if (got.ok()) pull_times_.Put(key, now);
  return got;
}

absl::Status AccessGate::WithoutHarbor(const Pull& pull, const std::string& name,
                                       const absl::Status& failure) {
  switch (config_.when_harbor_is_down) {
    case WhenHarborIsDown::kAllow:
      telemetry::LogWarn("served without Harbor's leave, as access.when_harbor_is_down says",
                         {{"namespace", pull.ns.has_value() ? pull.ns->ToString() : ""},
                          {"reason", failure.ToString()}});
      return absl::OkStatus();
    case WhenHarborIsDown::kCached:
      if (const auto known = Remembered(pull, name, config_.stale_ttl, config_.stale_ttl)) {
        return *known;
      }
      break;
    case WhenHarborIsDown::kDeny:
      break;
  }
  return absl::UnavailableError(
      absl::StrCat("Harbor can't be asked whether this may be pulled: ", failure.message()));
}

}  // namespace kraken::access
