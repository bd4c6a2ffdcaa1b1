#include "harbor_bridge/routing/route_config.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kraken/config/reader.h"

namespace harbor_bridge {
namespace {

using kraken::config::AsByteSize;

bool SaysSomething(const RouteActions& actions) {
  return actions.ignore || actions.prefetch.has_value() || actions.preheat.has_value() ||
         actions.tag.has_value() || actions.invalidate || !actions.replicate.empty();
}

// What contradicts itself is told with the rule's name, as the place alone says little in a list
// of many.
void CheckRule(kraken::config::ObjectReader& r, const RouteRule& rule) {
  const RouteActions& actions = rule.actions;
  if (!SaysSomething(actions)) {
    r.Error("", absl::StrCat("rule \"", rule.name,
                             "\" says nothing to do: prefetch, preheat, tag, invalidate, "
                             "replicate, or "
                             "`ignore: true` (`prefetch: {}` takes all defaults)"));
  }
  if (!actions.ignore) return;
  RouteActions others = actions;
  others.ignore = false;
  if (SaysSomething(others) || rule.goes_on) {
    r.Error("ignore", absl::StrCat("rule \"", rule.name,
                                   "\" ignores its images: nothing else and no `continue` can "
                                   "stand beside that"));
  }
}

}  // namespace

bool ReadPlatforms(kraken::config::ObjectReader& r, const char* key,
                   std::vector<kraken::registry::Platform>* platforms) {
  std::vector<std::string> texts;
  if (!r.Optional(key, &texts)) return false;
  for (const std::string& text : texts) {
    absl::StatusOr<kraken::registry::Platform> platform = kraken::registry::Platform::Parse(text);
    if (platform.ok()) {
      platforms->push_back(*std::move(platform));
    } else {
      r.Error(key, platform.status().message());
    }
  }
  return true;
}

void ReadConfig(kraken::config::ObjectReader& r, PrefetchAction* c) {
  c->has_platforms = ReadPlatforms(r, "platforms", &c->platforms);
  r.Optional("referrers", &c->referrers);
  r.Optional("max_image", AsByteSize(&c->max_image_bytes));
  r.Optional("max_blob", AsByteSize(&c->max_blob_bytes));
}

void ReadConfig(kraken::config::ObjectReader& r, RouteRule* c) {
  c->name = r.value().path();
  r.Optional("name", &c->name);
  r.Required("image", &c->image);
  r.Optional("harbors", &c->harbors);
  RouteActions& actions = c->actions;
  r.Optional("ignore", &actions.ignore);
  r.Optional("prefetch", &actions.prefetch);
  r.Optional("preheat", &actions.preheat);
  TagAction tag = TagAction::kKeep;
  if (r.Enum("tag", &tag,
             {{"keep", TagAction::kKeep}, {"set", TagAction::kSet}, {"drop", TagAction::kDrop}})) {
    actions.tag = tag;
  }
  r.Optional("invalidate", &actions.invalidate);
  r.Optional("replicate", &actions.replicate);
  r.Optional("continue", &c->goes_on);
  CheckRule(r, *c);
}

}  // namespace harbor_bridge
