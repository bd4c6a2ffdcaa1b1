#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/harbor_json.h"
#include "harbor_bridge/harbor/testing/fake_harbor_state.h"
#include "kraken/base/check.h"
#include "kraken/base/json.h"

namespace harbor_bridge::api::testing {
namespace {

template <typename Policy>
std::vector<json> Entries(const std::vector<Policy>& policies) {
  std::vector<json> entries;
  entries.reserve(policies.size());
  for (const Policy& policy : policies) entries.push_back(*kraken::ParseJson(ToJson(policy)));
  return entries;
}

// Harbor keeps credentials in a form of its own: the fake as the JSON they came in.
std::optional<PreheatInstance> ReadInstance(const std::string& body) {
  auto instance = ParsePreheatInstance(body);
  if (!instance.ok()) return std::nullopt;
  const auto document = kraken::ParseJson(body);
  if (const json* info = kraken::FindJson(*document, "auth_info");
      info != nullptr && info->is_object() && !info->empty()) {
    instance->auth_key = info->begin().key();
    instance->auth_value = kraken::JsonString(&info->begin().value()).value_or("");
  }
  return *std::move(instance);
}

}  // namespace

void FakeHarbor::State::AddWebhookRoutes(kraken::net::Router& router) {
  const std::string policies = "/api/v2.0/projects/{project}/webhook/policies";
  router.Add(
      "GET", "/api/v2.0/projects/{project}/webhook/events",
      InProject("notification-policy:read", [this](kraken::net::HttpExchange& e, StoredProject&) {
        mu.AssertHeld();
        json events = {{"event_type",
                        {"PUSH_ARTIFACT", "PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED",
                         "SCANNING_FAILED", "QUOTA_EXCEED", "REPLICATION", "TAG_RETENTION"}},
                       {"notify_type", {"http", "slack"}}};
        if (version.has_cloud_events()) {
          events["payload_formats"] = json::array(
              {json::object({{"notify_type", "http"}, {"formats", {"CloudEvents", "Default"}}})});
        }
        Reply(e, 200, events);
      }));
  router.Add("GET", policies,
             InProject("notification-policy:list",
                       [](kraken::net::HttpExchange& e, StoredProject& project) {
                         ReplyPage(e, Entries(project.webhooks));
                       }));
  router.Add("GET", policies + "/{id}/executions",
             InProject("notification-policy:list",
                       [this](kraken::net::HttpExchange& e, StoredProject& project) {
                         mu.AssertHeld();
                         if (!version.has_cloud_events()) {
                           return ReplyError(e, 404, "NOT_FOUND", "path not found");
                         }
                         std::vector<json> entries;
                         for (const auto& [id, status] : project.deliveries) {
                           if (absl::StrCat(id) != e.path_param("id")) continue;
                           entries.push_back({{"id", 1}, {"status", status}});
                         }
                         ReplyPage(e, entries);
                       }));
}

void FakeHarbor::State::AddWebhookChangeRoutes(kraken::net::Router& router) {
  const std::string policies = "/api/v2.0/projects/{project}/webhook/policies";
  router.Add("POST", policies,
             WithBody("notification-policy:create", [this](Exchange e, const std::string& body) {
               mu.AssertHeld();
               StoredProject* project = FindProject(*e);
               if (project == nullptr) return;
               auto read = ParseWebhookPolicies(absl::StrCat("[", body, "]"));
               if (!read.ok() || read->items.empty()) {
                 return ReplyError(*e, 400, "BAD_REQUEST", "bad policy");
               }
               WebhookPolicy& policy = read->items[0];
               for (const WebhookPolicy& other : project->webhooks) {
                 if (other.name == policy.name) {
                   return ReplyError(*e, 409, "CONFLICT", "webhook policy already exists");
                 }
               }
               policy.id = next_id++;
               if (!version.has_cloud_events()) {
                 for (WebhookTarget& target : policy.targets) target.payload_format.clear();
               }
               project->webhooks.push_back(policy);
               Reply(*e, 201, json(), {{"Location", absl::StrCat(e->path(), "/", policy.id)}});
             }));
  const auto with_policy = [this](auto fn) {
    return [this, fn](Exchange e, const std::string& body) {
      mu.AssertHeld();
      StoredProject* project = FindProject(*e);
      if (project == nullptr) return;
      for (size_t i = 0; i < project->webhooks.size(); ++i) {
        if (absl::StrCat(project->webhooks[i].id) == e->path_param("id")) {
          return fn(*e, *project, i, body);
        }
      }
      ReplyError(*e, 404, "NOT_FOUND", "no such policy");
    };
  };
  router.Add("PUT", policies + "/{id}",
             WithBody("notification-policy:update",
                      with_policy([](kraken::net::HttpExchange& e, StoredProject& project,
                                     size_t index, const std::string& body) {
                        auto read = ParseWebhookPolicies(absl::StrCat("[", body, "]"));
                        if (!read.ok() || read->items.empty()) {
                          return ReplyError(e, 400, "BAD_REQUEST", "bad policy");
                        }
                        read->items[0].id = project.webhooks[index].id;
                        project.webhooks[index] = read->items[0];
                        Reply(e, 200, json());
                      })));
  router.Add("DELETE", policies + "/{id}",
             WithBody("notification-policy:delete",
                      with_policy([](kraken::net::HttpExchange& e, StoredProject& project,
                                     size_t index, const std::string&) {
                        project.webhooks.erase(project.webhooks.begin() +
                                               static_cast<std::ptrdiff_t>(index));
                        Reply(e, 200, json());
                      })));
}

void FakeHarbor::State::AddRobotRoutes(kraken::net::Router& router) {
  router.Add("GET", "/api/v2.0/robots", [this](Exchange e) {
    absl::MutexLock lock(&mu);
    if (!Permits(*e, "system/robot:list")) return;
    std::vector<json> entries;
    for (const auto& [name, account] : accounts) {
      if (account.is_admin) continue;
      entries.push_back({{"id", account.robot.id}, {"name", name}, {"disable", account.disabled}});
    }
    ReplyPage(*e, entries);
  });
  router.Add(
      "POST", "/api/v2.0/robots",
      WithBody("system/robot:create", [this](Exchange e, const std::string& body) {
        mu.AssertHeld();
        const auto read = ParseRobots(absl::StrCat("[", body, "]"));
        if (!read.ok() || read->items.empty()) {
          return ReplyError(*e, 400, "BAD_REQUEST", "bad robot");
        }
        Robot robot = read->items[0];
        robot.name = absl::StrCat("robot$", robot.name);
        if (accounts.count(robot.name) != 0) {
          return ReplyError(*e, 409, "CONFLICT", "robot already exists");
        }
        robot.id = next_id++;
        Account account;
        account.password = absl::StrCat("secret-", robot.id);
        for (const RobotScope& scope : robot.scopes) {
          for (const RobotPermission& access : scope.access) {
            account.permissions.insert(absl::StrCat(scope.kind == "system" ? "system/" : "",
                                                    access.resource, ":", access.action));
          }
        }
        account.permissions.insert("project:list");
        account.robot = robot;
        accounts[robot.name] = account;
        Reply(*e, 201, {{"id", robot.id}, {"name", robot.name}, {"secret", account.password}});
      }));
  router.Add("DELETE", "/api/v2.0/robots/{id}",
             WithBody("system/robot:delete", [this](Exchange e, const std::string&) {
               mu.AssertHeld();
               for (const auto& [name, account] : accounts) {
                 if (absl::StrCat(account.robot.id) != e->path_param("id")) continue;
                 accounts.erase(name);
                 return Reply(*e, 200, json());
               }
               ReplyError(*e, 404, "NOT_FOUND", "no such robot");
             }));
}

void FakeHarbor::State::Ping(Exchange exchange, const PreheatInstance& instance) {
  const std::string path = instance.vendor == "dragonfly" ? "/healthy" : "/health";
  auto url = kraken::net::Url::Parse(absl::StrCat(instance.endpoint, path));
  if (!url.ok()) return ReplyError(*exchange, 400, "BAD_REQUEST", "bad endpoint");
  const absl::Status taken = pings_.Submit([this, exchange, url = *url] {
    kraken::net::HttpClientRequest request;
    request.url = url;
    const auto answer = http_.Fetch(std::move(request));
    const bool healthy = answer.ok() && answer->status / 100 == 2;
    exchange->Post([healthy](kraken::net::HttpExchange& e) {
      if (healthy) return Reply(e, 200, json());
      ReplyError(e, 500, "UNKNOWN", "the instance is unhealthy");
    });
  });
  KH_CHECK(taken.ok());
}

void FakeHarbor::State::AddPreheatInstanceRoutes(kraken::net::Router& router) {
  const std::string root = "/api/v2.0/p2p/preheat/instances";
  router.Add("GET", root, [this](Exchange e) {
    absl::MutexLock lock(&mu);
    if (!Permits(*e, "system/preheat-instance:list")) return;
    std::vector<json> entries;
    for (PreheatInstance instance : instances) {
      instance.auth_key.clear();
      json entry = *kraken::ParseJson(ToJson(instance));
      entry["auth_info"] = json::object();
      entry["status"] = "Unknown";
      entries.push_back(std::move(entry));
    }
    ReplyPage(*e, entries);
  });
  router.Add("POST", root + "/ping",
             WithBody("system/preheat-instance:read", [this](Exchange e, const std::string& body) {
               const auto instance = ReadInstance(body);
               if (!instance.has_value()) {
                 return ReplyError(*e, 400, "BAD_REQUEST", "bad instance");
               }
               Ping(std::move(e), *instance);
             }));
  router.Add(
      "POST", root,
      WithBody("system/preheat-instance:create", [this](Exchange e, const std::string& body) {
        mu.AssertHeld();
        auto instance = ReadInstance(body);
        if (!instance.has_value()) {
          return ReplyError(*e, 400, "BAD_REQUEST", "bad instance");
        }
        for (const PreheatInstance& other : instances) {
          if (other.name == instance->name || other.endpoint == instance->endpoint) {
            return ReplyError(*e, 409, "CONFLICT", "instance already exists");
          }
        }
        instance->id = next_id++;
        instances.push_back(*instance);
        Reply(*e, 201, json());
      }));
}

void FakeHarbor::State::AddPreheatInstanceChangeRoutes(kraken::net::Router& router) {
  const std::string one = "/api/v2.0/p2p/preheat/instances/{name}";
  router.Add(
      "PUT", one,
      WithBody("system/preheat-instance:update", [this](Exchange e, const std::string& body) {
        mu.AssertHeld();
        auto update = ReadInstance(body);
        for (PreheatInstance& instance : instances) {
          if (instance.name != e->path_param("name")) continue;
          if (!update.has_value() || update->vendor != instance.vendor) {
            return ReplyError(*e, 400, "BAD_REQUEST", "the vendor can't change");
          }
          update->id = instance.id;
          instance = *update;
          return Reply(*e, 200, json());
        }
        ReplyError(*e, 404, "NOT_FOUND", "no such instance");
      }));
  router.Add("DELETE", one,
             WithBody("system/preheat-instance:delete", [this](Exchange e, const std::string&) {
               mu.AssertHeld();
               for (size_t i = 0; i < instances.size(); ++i) {
                 if (instances[i].name != e->path_param("name")) continue;
                 for (const auto& [name, project] : projects) {
                   for (const PreheatPolicy& policy : project.preheats) {
                     if (policy.provider_id == instances[i].id) {
                       return ReplyError(*e, 412, "PRECONDITION", "the instance is in use");
                     }
                   }
                 }
                 instances.erase(instances.begin() + static_cast<std::ptrdiff_t>(i));
                 return Reply(*e, 200, json());
               }
               ReplyError(*e, 404, "NOT_FOUND", "no such instance");
             }));
}

void FakeHarbor::State::AddPreheatPolicyRoutes(kraken::net::Router& router) {
  const std::string policies = "/api/v2.0/projects/{project}/preheat/policies";
  router.Add(
      "GET", policies,
      InProject("preheat-policy:list", [](kraken::net::HttpExchange& e, StoredProject& project) {
        ReplyPage(e, Entries(project.preheats));
      }));
  const auto put = [this](Exchange e, const std::string& body) {
    mu.AssertHeld();
    StoredProject* project = FindProject(*e);
    if (project == nullptr) return;
    auto policy = ParsePreheatPolicies(absl::StrCat("[", body, "]"));
    if (!policy.ok() || policy->items.empty()) {
      return ReplyError(*e, 400, "BAD_REQUEST", "bad policy");
    }
    const bool is_new = e->method() == "POST";
    for (PreheatPolicy& other : project->preheats) {
      if (other.name != policy->items[0].name) continue;
      if (is_new) return ReplyError(*e, 409, "CONFLICT", "policy already exists");
      policy->items[0].id = other.id;
      other = policy->items[0];
      return Reply(*e, 200, json());
    }
    if (!is_new) return ReplyError(*e, 404, "NOT_FOUND", "no such policy");
    policy->items[0].id = next_id++;
    project->preheats.push_back(policy->items[0]);
    Reply(*e, 201, json());
  };
  router.Add("POST", policies, WithBody("preheat-policy:create", put));
  router.Add("PUT", policies + "/{name}", WithBody("preheat-policy:update", put));
  router.Add("DELETE", policies + "/{name}",
             WithBody("preheat-policy:delete", [this](Exchange e, const std::string&) {
               mu.AssertHeld();
               StoredProject* project = FindProject(*e);
               if (project == nullptr) return;
               const size_t before = project->preheats.size();
               std::erase_if(project->preheats, [&e](const PreheatPolicy& policy) {
                 return policy.name == e->path_param("name");
               });
               if (project->preheats.size() == before) {
                 return ReplyError(*e, 404, "NOT_FOUND", "no such policy");
               }
               Reply(*e, 200, json());
             }));
}

}  // namespace harbor_bridge::api::testing
