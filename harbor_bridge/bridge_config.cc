#include "harbor_bridge/bridge_config.h"

#include <re2/re2.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/config/reader.h"

namespace harbor_bridge {
namespace {

// The member `api`. Who names no address means the registry's, with all that belongs to it.
struct ApiConfig {
  kraken::backend::RegistryConfig server;
};
void ReadConfig(kraken::config::ObjectReader& r, ApiConfig* c) {
  // A password goes to no other server than the one that it was written down for.
  if (r.Has("address")) c->server = {};
  kraken::backend::ReadConfig(r, &c->server);
}

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
    if (rule.actions.preheat.has_value() && c.tracker.hosts.empty()) {
      r.Error("routes", absl::StrCat(is,
                                     ": preheat reaches agents through trackers, and none is "
                                     "named (tracker.hosts)"));
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
  if (r.Has("api")) {
    ApiConfig api = {.server = c->registry};
    r.Optional("api", &api);
    c->api = std::move(api.server);
  }
}

void ReadConfig(kraken::config::ObjectReader& r, ReconcileConfig* c) {
  const absl::Duration least = absl::Seconds(1);
  r.Optional("enabled", &c->enabled);
  r.Optional("interval", &c->options.interval, {.min = least});
  r.Optional("registry_interval", &c->options.registry_interval, {.min = least});
  r.Optional("full_interval", &c->options.full_interval, {.min = least});
  r.Optional("requests_per_second", &c->options.requests_per_second, {.min = 0.01, .max = 1000});
  r.Optional("look_back", &c->options.look_back, {.min = absl::ZeroDuration()});
  r.Optional("on_start", &c->options.on_start);
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
  r.Optional("agents_timeout", &c->agents_timeout,
             {.min = absl::Seconds(1), .max = absl::Hours(24)});
}

void ReadConfig(kraken::config::ObjectReader& r, BridgeConfig* c) {
  kraken::daemon::ReadCommonConfig(r, &c->common);
  r.Optional("url", &c->url);
  r.Optional("listen_tls", &c->listen_tls);
  r.Required("harbors", &c->harbors);
  CheckHarbors(r, c->harbors);
  ReadPlatforms(r, "platforms", &c->platforms);
  r.Required("origin", &c->origin);
  r.Optional("hashring", &c->hashring);
  r.Required("build_index", &c->build_index);
  r.Optional("tracker", &c->tracker);
  r.Optional("work", &c->work);
  r.Optional("reconcile", &c->reconcile);
  r.Optional("lease", &c->lease);
  if (c->lease.has_value() && !c->reconcile.enabled) {
    r.Error("lease",
            "needs reconciliation (reconcile.enabled): a bridge that takes over finds by it what "
            "the other has left undone");
  }
  r.Optional("clusters", &c->clusters);
  r.Optional("routes", &c->routes);
  CheckRoutes(r, *c);
  r.Optional("admin", &c->admin);
}

}  // namespace harbor_bridge
