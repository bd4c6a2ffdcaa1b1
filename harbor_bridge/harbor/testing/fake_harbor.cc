#include "harbor_bridge/harbor/testing/fake_harbor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "harbor_bridge/harbor/testing/fake_harbor_state.h"
#include "kraken/base/check.h"
#include "kraken/base/sha256.h"

namespace harbor_bridge::api::testing {

FakeHarbor::FakeHarbor(FakeHarborOptions options) : state_(std::make_shared<State>(options)) {
  state_->AddSystemRoutes(router_);
  state_->AddProjectRoutes(router_);
  state_->AddArtifactRoutes(router_);
  state_->AddWebhookRoutes(router_);
  state_->AddWebhookChangeRoutes(router_);
  state_->AddRobotRoutes(router_);
  state_->AddPreheatInstanceRoutes(router_);
  state_->AddPreheatInstanceChangeRoutes(router_);
  state_->AddPreheatPolicyRoutes(router_);
  state_->AddRegistryRoutes(router_);
  kraken::net::HttpServerOptions server;
  server.tls = options.tls;
  server_ = std::make_unique<kraken::net::HttpServer>(
      std::vector<kraken::net::EventLoop*>{&loop_.loop()}, server,
      [this](State::Exchange exchange) { state_->Handle(router_, std::move(exchange)); });
  const auto address = server_->Listen("127.0.0.1:0");
  KH_CHECK(address.ok());
  const auto url = kraken::net::Url::Parse(
      absl::StrCat(options.tls == nullptr ? "http" : "https", "://", address->ToString()));
  KH_CHECK(url.ok());
  url_ = *url;
  absl::MutexLock lock(&state_->mu);
  state_->realm = absl::StrCat(url_.scheme, "://", url_.host_port(), "/service/token");
}

FakeHarbor::~FakeHarbor() { Hang(false); }

void FakeHarbor::AddProject(const std::string& name, bool is_proxy_cache) {
  absl::MutexLock lock(&state_->mu);
  state_->EnsureProject(name).is_proxy_cache = is_proxy_cache;
}

void FakeHarbor::DeleteProject(const std::string& name) {
  absl::MutexLock lock(&state_->mu);
  state_->projects.erase(name);
}

kraken::Digest FakeHarbor::Push(const std::string& repository, const std::string& tag,
                                const std::string& content) {
  const kraken::Digest digest = kraken::Sha256Digest(content);
  absl::MutexLock lock(&state_->mu);
  auto& artifacts = state_->EnsureProject(ProjectOf(repository)).repositories[repository];
  const absl::Time now = state_->clock->Now();
  State::Tagged* pushed = nullptr;
  for (State::Tagged& artifact : artifacts) {
    artifact.tags.erase(tag);
    if (artifact.digest == digest) pushed = &artifact;
  }
  if (pushed == nullptr) {
    artifacts.push_back({.digest = digest, .content = content, .push_time = now});
    pushed = &artifacts.back();
  }
  if (!tag.empty()) pushed->tags[tag] = now;
  return digest;
}

void FakeHarbor::DeleteTag(const std::string& repository, const std::string& tag) {
  absl::MutexLock lock(&state_->mu);
  auto& artifacts = state_->projects[ProjectOf(repository)].repositories[repository];
  for (State::Tagged& artifact : artifacts) artifact.tags.erase(tag);
}

void FakeHarbor::DeleteArtifact(const std::string& repository, const kraken::Digest& digest) {
  absl::MutexLock lock(&state_->mu);
  std::erase_if(state_->projects[ProjectOf(repository)].repositories[repository],
                [&digest](const State::Tagged& artifact) { return artifact.digest == digest; });
}

kraken::registry::BasicCredentials FakeHarbor::AddRobot(const std::string& name,
                                                        const std::set<std::string>& permissions) {
  absl::MutexLock lock(&state_->mu);
  State::Account account;
  account.robot.id = state_->next_id++;
  account.password = absl::StrCat("secret-", account.robot.id);
  account.permissions = permissions;
  const std::string username = absl::StrCat("robot$", name);
  state_->accounts[username] = account;
  return {.username = username, .password = account.password};
}

void FakeHarbor::DisableRobot(const std::string& username) {
  absl::MutexLock lock(&state_->mu);
  state_->accounts[username].disabled = true;
}

void FakeHarbor::Forbid(const std::string& project) {
  absl::MutexLock lock(&state_->mu);
  state_->EnsureProject(project).is_forbidden = true;
}

void FakeHarbor::FailWith(int status) {
  absl::MutexLock lock(&state_->mu);
  state_->fail_with = status;
}

void FakeHarbor::Hang(bool hang) {
  std::vector<State::Exchange> waiting;
  absl::MutexLock lock(&state_->mu);
  state_->hang = hang;
  if (!hang) waiting.swap(state_->hanging);
  for (const State::Exchange& exchange : waiting) {
    exchange->Post([](kraken::net::HttpExchange& e) { e.Reset(); });
  }
}

void FakeHarbor::set_version(HarborVersion version) {
  absl::MutexLock lock(&state_->mu);
  state_->version = version;
}

void FakeHarbor::SetWebhookStatus(const std::string& project, const std::string& policy,
                                  const std::string& status) {
  absl::MutexLock lock(&state_->mu);
  State::StoredProject& stored = state_->projects[project];
  for (const WebhookPolicy& candidate : stored.webhooks) {
    if (candidate.name == policy) stored.deliveries[candidate.id] = status;
  }
}

std::vector<WebhookPolicy> FakeHarbor::webhooks(const std::string& project) const {
  absl::MutexLock lock(&state_->mu);
  return state_->projects[project].webhooks;
}

std::vector<PreheatInstance> FakeHarbor::instances() const {
  absl::MutexLock lock(&state_->mu);
  return state_->instances;
}

std::vector<PreheatPolicy> FakeHarbor::preheat_policies(const std::string& project) const {
  absl::MutexLock lock(&state_->mu);
  return state_->projects[project].preheats;
}

std::vector<Robot> FakeHarbor::robots() const {
  absl::MutexLock lock(&state_->mu);
  std::vector<Robot> robots;
  for (const auto& [name, account] : state_->accounts) {
    if (!account.is_admin) robots.push_back(account.robot);
  }
  return robots;
}

std::vector<std::string> FakeHarbor::requests() const {
  absl::MutexLock lock(&state_->mu);
  return state_->requests;
}

int FakeHarbor::request_count() const { return static_cast<int>(requests().size()); }

void FakeHarbor::ForgetRequests() {
  absl::MutexLock lock(&state_->mu);
  state_->requests.clear();
}

}  // namespace harbor_bridge::api::testing
