#include "kraken/access/access_config.h"

#include "kraken/config/reader.h"

namespace kraken::access {

void ReadConfig(config::ObjectReader& r, AccessRule* c) {
  r.Required("namespace", &c->pattern);
  r.Enum("mode", &c->mode,
         {{"open", AccessMode::kOpen},
          {"passthrough", AccessMode::kPassthrough},
          {"node", AccessMode::kNode}});
  r.Optional("harbor", &c->harbor);
  r.Enum("challenge", &c->challenge,
         {{"bearer", ChallengeKind::kBearer}, {"basic", ChallengeKind::kBasic}});
  if (c->mode == AccessMode::kOpen) return;
  if (!r.Has("harbor")) {
    r.Error("mode", "someone has to be asked: set `harbor`, with an `address` as a backend has it");
  } else if (c->harbor.has_value() && c->mode == AccessMode::kNode &&
             c->harbor->credentials.empty()) {
    r.Error("harbor", "mode node needs the node's own robot account in security.basic");
  }
}

void ReadConfig(config::ObjectReader& r, AccessConfig* c) {
  r.Optional("rules", &c->rules);
  r.Enum("when_harbor_is_down", &c->when_harbor_is_down,
         {{"deny", WhenHarborIsDown::kDeny},
          {"cached", WhenHarborIsDown::kCached},
          {"allow", WhenHarborIsDown::kAllow}});
  r.Optional("decision_ttl", &c->decision_ttl, {.min = absl::ZeroDuration()});
  r.Optional("stale_ttl", &c->stale_ttl, {.min = absl::ZeroDuration()});
  r.Optional("pull_time_interval", &c->pull_time_interval, {.min = absl::ZeroDuration()});
  r.Optional("edges_file", &c->edges_file);
}

}  // namespace kraken::access
