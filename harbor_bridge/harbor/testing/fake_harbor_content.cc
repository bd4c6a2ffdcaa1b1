#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/testing/fake_harbor_state.h"

namespace harbor_bridge::api::testing {

void FakeHarbor::State::AddSystemRoutes(kraken::net::Router& router) {
  router.Add("GET", "/api/v2.0/ping", [](Exchange e) {
    e->Respond(200, {{"Content-Type", "text/plain; charset=utf-8"}}, "Pong");
  });
  router.Add("GET", "/api/v2.0/health", [](Exchange e) {
    Reply(*e, 200,
          {{"status", "healthy"},
           {"components", json::array({{{"name", "core"}, {"status", "healthy"}}})}});
  });
  router.Add("GET", "/api/v2.0/systeminfo", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    const std::string text = absl::StrCat("v", version.ToString(), ".2-6e1d6a35");
    json info = {{"auth_mode", "db_auth"}, {"self_registration", false}};
    if (version < HarborVersion{2, 15}) info["harbor_version"] = text;
    if (Who(*e) != nullptr) {
      info["harbor_version"] = text;
      info["external_url"] = "https://hub.example";
      info["registry_url"] = "hub.example";
      info["read_only"] = false;
      info["notification_enable"] = true;
    }
    Reply(*e, 200, info);
  });
  router.Add("GET", "/api/v2.0/users/current", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    const Account* account = Who(*e);
    if (account == nullptr) return ReplyError(*e, 401, "UNAUTHORIZED", "unauthorized");
    if (!account->is_admin) {
      return ReplyError(*e, 412, "PRECONDITION", "get current user not available for robot");
    }
    Reply(*e, 200, {{"username", "admin"}, {"sysadmin_flag", true}});
  });
  router.Add("GET", "/api/v2.0/users/current/permissions", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    const Account* account = Who(*e);
    if (account == nullptr) return ReplyError(*e, 401, "UNAUTHORIZED", "unauthorized");
    json list = json::array();
    for (const std::string& permission : account->permissions) {
      const size_t colon = permission.find(':');
      list.push_back(
          {{"resource", permission.substr(0, colon)}, {"action", permission.substr(colon + 1)}});
    }
    Reply(*e, 200, list);
  });
}

void FakeHarbor::State::AddProjectRoutes(kraken::net::Router& router) {
  // Strangers see public projects, of which there are none.
  router.Add("GET", "/api/v2.0/projects", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    std::vector<json> entries;
    if (Who(*e) != nullptr) {
      if (!Permits(*e, "project:list")) return;
      for (const auto& [name, project] : projects) {
        json entry = {
            {"name", name}, {"project_id", project.id}, {"metadata", {{"public", "false"}}}};
        if (project.is_proxy_cache) entry["registry_id"] = 1;
        entries.push_back(std::move(entry));
      }
    }
    ReplyPage(*e, entries);
  });
  router.Add("GET", "/api/v2.0/projects/{project}/repositories",
             InProject("repository:list", [](kraken::net::HttpExchange& e, StoredProject& project) {
               std::vector<json> entries;
               entries.reserve(project.repositories.size());
               for (const auto& [name, artifacts] : project.repositories) {
                 entries.push_back({{"name", name}, {"artifact_count", artifacts.size()}});
               }
               ReplyPage(e, entries);
             }));
}

void FakeHarbor::State::AddArtifactRoutes(kraken::net::Router& router) {
  router.Add(
      "GET", "/api/v2.0/projects/{project}/artifacts",
      InProject("artifact:list", [this](kraken::net::HttpExchange& e, StoredProject& project) {
        mu.AssertHeld();
        if (!version.has_project_artifacts()) {
          return ReplyError(e, 404, "NOT_FOUND", "path not found");
        }
        std::vector<std::pair<std::string, const Tagged*>> artifacts;
        for (const auto& [name, stored] : project.repositories) {
          for (const Tagged& artifact : stored) artifacts.emplace_back(name, &artifact);
        }
        ReplyPage(e, ArtifactList(std::move(artifacts)));
      }));
  router.Add("GET", "/api/v2.0/projects/{project}/repositories/{repository}/artifacts",
             [this](Exchange e) {
               absl::MutexLock lock(&mu);
               if (!Permits(*e, "artifact:list")) return;
               std::string name;
               const std::vector<Tagged>* stored = FindRepository(*e, &name);
               if (stored == nullptr) return;
               std::vector<std::pair<std::string, const Tagged*>> artifacts;
               for (const Tagged& artifact : *stored) artifacts.emplace_back(name, &artifact);
               ReplyPage(*e, ArtifactList(std::move(artifacts)));
             });
  const std::string one =
      "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}";
  router.Add("GET", one, [this](Exchange e) {
    absl::MutexLock lock(&mu);
    if (!Permits(*e, "artifact:read")) return;
    std::string name;
    const std::vector<Tagged>* stored = FindRepository(*e, &name);
    if (stored == nullptr) return;
    const Tagged* artifact = FindArtifact(*stored, e->path_param("reference"));
    if (artifact == nullptr) return ReplyError(*e, 404, "NOT_FOUND", "artifact not found");
    Reply(*e, 200, ArtifactJson(name, *artifact));
  });
  router.Add("GET", one + "/tags", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    if (!Permits(*e, "tag:list")) return;
    std::string name;
    const std::vector<Tagged>* stored = FindRepository(*e, &name);
    if (stored == nullptr) return;
    const Tagged* artifact = FindArtifact(*stored, e->path_param("reference"));
    if (artifact == nullptr) return ReplyError(*e, 404, "NOT_FOUND", "artifact not found");
    std::vector<json> entries;
    entries.reserve(artifact->tags.size());
    for (const auto& [tag, time] : artifact->tags) {
      entries.push_back({{"name", tag}, {"push_time", Rfc3339(time)}});
    }
    ReplyPage(*e, entries);
  });
}

void FakeHarbor::State::AddRegistryRoutes(kraken::net::Router& router) {
  const auto challenge = [this](kraken::net::HttpExchange& e) {
    mu.AssertHeld();
    e.Respond(401,
              {{"WWW-Authenticate",
                absl::StrCat("Bearer realm=\"", realm, "\",service=\"harbor-registry\"")}},
              R"({"errors":[{"code":"UNAUTHORIZED","message":"unauthorized"}]})");
  };
  router.Add("GET", "/v2/", [this, challenge](Exchange e) {
    absl::MutexLock lock(&mu);
    if (Who(*e) == nullptr) return challenge(*e);
    e->Respond(200, {}, "{}");
  });
  router.Add("GET", "/service/token", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    const Account* account = Who(*e);
    if (account == nullptr) return ReplyError(*e, 401, "UNAUTHORIZED", "unauthorized");
    for (const auto& [name, candidate] : accounts) {
      if (&candidate != account) continue;
      return Reply(
          *e, 200,
          {{"token", absl::StrCat("token-of-", name)}, {"access_token", ""}, {"expires_in", 1800}});
    }
  });
  router.Add("GET", "/v2/{repository...}/manifests/{reference}", [this, challenge](Exchange e) {
    absl::MutexLock lock(&mu);
    const Account* account = Who(*e);
    if (account == nullptr) return challenge(*e);
    if (!account->is_admin && account->permissions.count("repository:pull") == 0) {
      return challenge(*e);
    }
    const std::string name(e->path_param("repository"));
    const auto project = projects.find(ProjectOf(name));
    const Tagged* artifact = nullptr;
    if (project != projects.end()) {
      const auto repository = project->second.repositories.find(name);
      if (repository != project->second.repositories.end()) {
        artifact = FindArtifact(repository->second, e->path_param("reference"));
      }
    }
    if (artifact == nullptr) return ReplyError(*e, 404, "NOT_FOUND", "artifact not found");
    e->Respond(
        200,
        {{"Content-Type", kManifestType}, {"Docker-Content-Digest", artifact->digest.ToString()}},
        artifact->content);
  });
}

}  // namespace harbor_bridge::api::testing
