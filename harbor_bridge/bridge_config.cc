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
  std::set<std::string> names;
  for (const HarborConfig& harbor : harbors) {
    if (!names.insert(harbor.name).second) {
      r.Error("harbors", absl::StrCat("two Harbors are called \"", harbor.name, "\""));
    }
  }
}

void ReadPlatforms(kraken::config::ObjectReader& r,
                   std::vector<kraken::registry::Platform>* platforms) {
  std::vector<std::string> texts;
  r.Optional("platforms", &texts);
  for (const std::string& text : texts) {
    absl::StatusOr<kraken::registry::Platform> platform = kraken::registry::Platform::Parse(text);
    if (platform.ok()) {
      platforms->push_back(*std::move(platform));
    } else {
      r.Error("platforms", platform.status().message());
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
  ReadPlatforms(r, &c->platforms);
  r.Required("origin", &c->origin);
  r.Optional("hashring", &c->hashring);
  r.Required("build_index", &c->build_index);
  r.Optional("work", &c->work);
}

}  // namespace harbor_bridge
