// What a Harbor must have so that its events reach this bridge. Pure.
#ifndef HARBOR_BRIDGE_SETUP_DESIRED_STATE_H_
#define HARBOR_BRIDGE_SETUP_DESIRED_STATE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "harbor_bridge/harbor/api_types.h"
#include "harbor_bridge/harbor/harbor_version.h"

namespace re2 {
class RE2;
}

namespace harbor_bridge {

// How to register a bridge at a Harbor.
struct RegistrationOptions {
  // The Harbor's in the bridge's configuration: the first part of the paths that it sends to.
  std::string harbor;
  // What the webhook policies, the preheat instance and the preheat policies are called there: it
  // tells several bridges apart.
  std::string name = "kraken-harbor";
  // How Harbor reaches the bridge, without a '/' at its end.
  std::string bridge_url;
  // What the Harbor's requests must bring as Authorization; empty: nothing.
  std::string authorization;
  // Projects to register in; null: all.
  std::shared_ptr<const re2::RE2> projects;
  // Preheat policies too: every tag that is pushed is preheated.
  bool preheat = false;
  // Says what it would do.
  bool dry_run = false;

  bool Wants(absl::string_view project) const;
};

// Everything that may become work for a bridge.
std::vector<std::string> WantedEventTypes();

// A project's webhook policy. `version` unset: Harbor does not say; the oldest format is right
// then.
api::WebhookPolicy DesiredWebhook(const RegistrationOptions& options,
                                  std::optional<api::HarborVersion> version);
// Why `actual` won't do, for people; empty: it will.
std::string WhatIsWrong(const api::WebhookPolicy& actual, const api::WebhookPolicy& desired);

// The bridge as a preheat provider: as Dragonfly where Harbor asks that one how its jobs go, as
// Kraken before. Credentials are left out where Harbor would lose them.
api::PreheatInstance DesiredInstance(const RegistrationOptions& options,
                                     std::optional<api::HarborVersion> version);
std::string WhatIsWrong(const api::PreheatInstance& actual, const api::PreheatInstance& desired);

api::PreheatPolicy DesiredPreheatPolicy(const RegistrationOptions& options, int64_t project_id,
                                        int64_t provider_id);
std::string WhatIsWrong(const api::PreheatPolicy& actual, const api::PreheatPolicy& desired);

// A robot account that can do what a running bridge does, and nothing else: pull, and look at
// projects, artifacts and tags.
api::NewRobot LeastPrivilegedRobot(const std::string& name,
                                   std::optional<api::HarborVersion> version);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_SETUP_DESIRED_STATE_H_
