#include "harbor_bridge/bridge_config.h"

#include <re2/re2.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "kraken/config/reader.h"

namespace harbor_bridge {
namespace {

// A Harbor's name stands in URLs and job keys.
bool IsHarborName(const std::string& name) {
  static const re2::LazyRE2 kName = {"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?"};
  return re2::RE2::FullMatch(name, *kName);
}

void CheckHarbors(kraken::config::ObjectReader& r, const std::vector<HarborConfig>& harbors) {
  if (harbors.empty()) r.Error("harbors", "name at least one Harbor");
  if (harbors.size() > kMaxHarbors) {
    r.Error("harbors", absl::StrCat("at most ", kMaxHarbors, " Harbors"));
  }
  std::set<std::string> names;
  for (const HarborConfig& harbor : harbors) {
    if (!names.insert(harbor.name).second) {
      r.Error("harbors", absl::StrCat("two Harbors are called \"", harbor.name, "\""));
    }
  }
}

// Rules name what is configured, and are told apart by their names.
void CheckRoutes(kraken::config::ObjectReader& r, const BridgeConfig& c) {
  std::set<std::string> harbors;
  std::set<std::string> clusters;
  std::set<std::string> rules;
  for (const HarborConfig& harbor : c.harbors) harbors.insert(harbor.name);
  for (const ClusterConfig& cluster : c.clusters) {
    if (!clusters.insert(cluster.name).second) {
      r.Error("clusters", absl::StrCat("two clusters are called \"", cluster.name, "\""));
    }
  }
  for (const RouteRule& rule : c.routes) {
    const std::string is = absl::StrCat("rule \"", rule.name, "\"");
    if (!rules.insert(rule.name).second) {
      r.Error("routes", absl::StrCat("two rules are called \"", rule.name, "\""));
    }
    for (const std::string& harbor : rule.harbors) {
      if (!harbors.contains(harbor)) {
        r.Error("routes", absl::StrCat(is, ": no Harbor is called \"", harbor, "\""));
      }
    }
    for (const std::string& cluster : rule.actions.replicate) {
      if (!clusters.contains(cluster)) {
        r.Error("routes",
                absl::StrCat(is, ": no cluster is called \"", cluster, "\" (section clusters)"));
      }
    }
  }
}

}  // namespace

void ReadConfig(kraken::config::ObjectReader& r, HarborConfig* c) {
  r.Required("name", &c->name);
  if (!IsHarborName(c->name)) {
    r.Error("name", "letters a-z, digits, '.', '_' and '-' make a name, at most 64 of them");
  }
  r.Required("namespace", &c->pattern);
  r.Optional("host", &c->host);
  r.Optional("authorization", &c->authorization);
  r.Required("registry", &c->registry);
  r.Optional("concurrency", &c->concurrency, {.min = 1, .max = 256});
}

void ReadConfig(kraken::config::ObjectReader& r, ClusterConfig* c) {
  r.Required("name", &c->name);
  r.Required("origin", &c->origin);
  r.Optional("hashring", &c->hashring);
  r.Required("build_index", &c->build_index);
  r.Enum("names", &c->names_with_host, {{"host", true}, {"plain", false}});
}

void ReadConfig(kraken::config::ObjectReader& r, WorkConfig* c) {
  r.Optional("dir", &c->dir);
  r.Optional("concurrency", &c->concurrency, {.min = 1, .max = 256});
  r.Optional("max_retries", &c->max_retries, {.min = 0, .max = 1000});
}

void ReadConfig(kraken::config::ObjectReader& r, BridgeConfig* c) {
  kraken::daemon::ReadCommonConfig(r, &c->common);
  r.Optional("listen_tls", &c->listen_tls);
  r.Required("harbors", &c->harbors);
  CheckHarbors(r, c->harbors);
  ReadPlatforms(r, "platforms", &c->platforms);
  r.Required("origin", &c->origin);
  r.Optional("hashring", &c->hashring);
  r.Required("build_index", &c->build_index);
  r.Optional("work", &c->work);
  r.Optional("clusters", &c->clusters);
  r.Optional("routes", &c->routes);
  CheckRoutes(r, *c);
  r.Optional("admin", &c->admin);
}

}  // namespace harbor_bridge
