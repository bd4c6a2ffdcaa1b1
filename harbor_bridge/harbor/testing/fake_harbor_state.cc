#include "harbor_bridge/harbor/testing/fake_harbor_state.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/net/url.h"

namespace harbor_bridge::api::testing {
namespace {

constexpr int kMaxPage = 100;
constexpr int kDefaultPage = 10;

}  // namespace

std::string ProjectOf(const std::string& repository) {
  return repository.substr(0, repository.find('/'));
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

void Reply(kraken::net::HttpExchange& exchange, int status, const json& body,
           kraken::net::HeaderMap headers) {
  headers.Add("Content-Type", "application/json; charset=utf-8");
  // Harbor gives everybody a session; who sends it back needs a CSRF token too.
  headers.Add("Set-Cookie", "sid=0123456789abcdef; Path=/; HttpOnly");
  exchange.Respond(status, headers, kraken::DumpJson(body));
}

void ReplyError(kraken::net::HttpExchange& exchange, int status, const std::string& code,
                const std::string& message) {
  Reply(exchange, status, {{"errors", json::array({{{"code", code}, {"message", message}}})}});
}

FakeHarbor::State::State(const FakeHarborOptions& options)
    : clock(options.clock != nullptr ? options.clock : &kraken::SystemClock::Get()),
      version(options.version) {
  accounts[AdminCredentials().username] = {.password = AdminCredentials().password,
                                           .is_admin = true};
}

void FakeHarbor::State::Handle(const kraken::net::Router& router, Exchange exchange) {
  int status = 0;
  {
    absl::MutexLock lock(&mu);
    requests.push_back(absl::StrCat(exchange->method(), " ", exchange->request().target));
    if (hang) {
      hanging.push_back(std::move(exchange));
      return;
    }
    status = fail_with;
    if (status == 0 && version < HarborVersion{2, 0} &&
        absl::StartsWith(exchange->path(), "/api/v2.0")) {
      status = 404;
    }
  }
  if (status != 0) return ReplyError(*exchange, status, "FAKE", "as the test wants it");
  router.Dispatch(std::move(exchange));
}

const FakeHarbor::State::Account* FakeHarbor::State::Who(
    const kraken::net::HttpExchange& exchange) const {
  const absl::string_view given = exchange.request().headers.GetOr("Authorization");
  for (const auto& [name, account] : accounts) {
    if (account.disabled) continue;
    if (given == kraken::registry::BasicAuthorization(
                     {.username = name, .password = account.password}) ||
        given == absl::StrCat("Bearer token-of-", name)) {
      return &account;
    }
  }
  return nullptr;
}

bool FakeHarbor::State::Permits(kraken::net::HttpExchange& exchange,
                                const std::string& permission) const {
  const Account* account = Who(exchange);
  if (account == nullptr) {
    ReplyError(exchange, 401, "UNAUTHORIZED", "unauthorized");
    return false;
  }
  if (!account->is_admin && account->permissions.count(permission) == 0) {
    ReplyError(exchange, 403, "FORBIDDEN", "forbidden");
    return false;
  }
  return true;
}

FakeHarbor::State::StoredProject* FakeHarbor::State::FindProject(
    kraken::net::HttpExchange& exchange) {
  const auto it = projects.find(std::string(exchange.path_param("project")));
  if (it != projects.end() && it->second.is_forbidden && !Who(exchange)->is_admin) {
    ReplyError(exchange, 403, "FORBIDDEN", "forbidden");
    return nullptr;
  }
  if (it != projects.end()) return &it->second;
  ReplyError(exchange, 404, "NOT_FOUND", "project not found");
  return nullptr;
}

void ReplyPage(kraken::net::HttpExchange& exchange, const std::vector<json>& entries) {
  const auto params = kraken::net::ParseQuery(exchange.query());
  int page = 1;
  int size = kDefaultPage;
  if (params.ok()) {
    if (const auto text = kraken::net::FindQueryParam(*params, "page")) {
      (void)absl::SimpleAtoi(*text, &page);
    }
    if (const auto text = kraken::net::FindQueryParam(*params, "page_size")) {
      (void)absl::SimpleAtoi(*text, &size);
    }
  }
  if (page < 1 || size < 1 || size > kMaxPage) {
    return ReplyError(exchange, 422, "UNPROCESSABLE_ENTITY", "page_size should be at most 100");
  }
  const size_t begin = std::min(entries.size(), static_cast<size_t>(page - 1) * size);
  const size_t end = std::min(entries.size(), begin + size);
  json body = json::array();
  for (size_t i = begin; i < end; ++i) body.push_back(entries[i]);
  kraken::net::HeaderMap headers = {{"X-Total-Count", absl::StrCat(entries.size())}};
  if (end < entries.size()) {
    headers.Add("Link", absl::StrCat("<", exchange.path(), "?page=", page + 1, "&page_size=", size,
                                     ">; rel=\"next\""));
  }
  Reply(exchange, 200, body, headers);
}

json FakeHarbor::State::ArtifactJson(const std::string& repository, const Tagged& artifact) const {
  json tags = json::array();
  for (const auto& [name, time] : artifact.tags) {
    tags.push_back({{"name", name}, {"push_time", Rfc3339(time)}});
  }
  json entry = {{"digest", artifact.digest.ToString()},
                {"type", "IMAGE"},
                {"manifest_media_type", kManifestType},
                {"size", 1000},
                {"push_time", Rfc3339(artifact.push_time)},
                {"tags", artifact.tags.empty() ? json() : tags},
                {"references", json()}};
  if (version.has_project_artifacts()) entry["repository_name"] = repository;
  return entry;
}

std::vector<json> FakeHarbor::State::ArtifactList(
    std::vector<std::pair<std::string, const Tagged*>> artifacts) const {
  std::stable_sort(artifacts.begin(), artifacts.end(), [](const auto& a, const auto& b) {
    return a.second->push_time > b.second->push_time;
  });
  std::vector<json> entries;
  entries.reserve(artifacts.size());
  for (const auto& [repository, artifact] : artifacts) {
    entries.push_back(ArtifactJson(repository, *artifact));
  }
  return entries;
}

std::vector<FakeHarbor::State::Tagged>* FakeHarbor::State::FindRepository(
    kraken::net::HttpExchange& exchange, std::string* name) {
  StoredProject* project = FindProject(exchange);
  if (project == nullptr) return nullptr;
  const absl::string_view once = exchange.path_param("repository");
  const auto decoded = kraken::net::PercentDecode(once);
  const bool escaped_twice = !absl::StrContains(once, '/');
  if (decoded.ok() && escaped_twice) {
    *name = absl::StrCat(exchange.path_param("project"), "/", *decoded);
    const auto it = project->repositories.find(*name);
    if (it != project->repositories.end()) return &it->second;
  }
  ReplyError(exchange, 404, "NOT_FOUND", "repository not found");
  return nullptr;
}

const FakeHarbor::State::Tagged* FakeHarbor::State::FindArtifact(
    const std::vector<Tagged>& artifacts, absl::string_view reference) {
  for (const Tagged& artifact : artifacts) {
    if (artifact.digest.ToString() == reference ||
        artifact.tags.count(std::string(reference)) != 0) {
      return &artifact;
    }
  }
  return nullptr;
}

FakeHarbor::State::StoredProject& FakeHarbor::State::EnsureProject(const std::string& name) {
  StoredProject& project = projects[name];
  if (project.id == 0) project.id = next_id++;
  return project;
}

}  // namespace harbor_bridge::api::testing
