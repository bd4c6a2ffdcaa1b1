#include "harbor_bridge/setup/desired_state.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace harbor_bridge {
namespace {

constexpr char kDescription[] =
    "Kept by harbor-bridge: `harbor-bridge register` makes it, `unregister` takes it away.";

std::string BaseUrl(const RegistrationOptions& options) {
  return absl::StrCat(options.bridge_url, "/", options.harbor);
}

// Harbor's three ways to send an Authorization field.
void SetCredentials(absl::string_view authorization, api::PreheatInstance* instance) {
  absl::string_view value = authorization;
  std::string decoded;
  if (absl::ConsumePrefix(&value, "Bearer ")) {
    instance->auth_mode = "OAUTH";
    instance->auth_key = "token";
    instance->auth_value = std::string(value);
    return;
  }
  if (absl::ConsumePrefix(&value, "Basic ") && absl::Base64Unescape(value, &decoded)) {
    const size_t colon = decoded.find(':');
    if (colon != std::string::npos) {
      instance->auth_mode = "BASIC";
      instance->auth_key = decoded.substr(0, colon);
      instance->auth_value = decoded.substr(colon + 1);
      return;
    }
  }
  instance->auth_mode = "CUSTOM";
  instance->auth_key = "Authorization";
  instance->auth_value = std::string(authorization);
}

// Joins what is wrong.
class Complaints {
 public:
  void AddIf(bool wrong, absl::string_view text) {
    if (wrong) absl::StrAppend(&text_, text_.empty() ? "" : ", ", text);
  }
  std::string text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

bool RegistrationOptions::Wants(absl::string_view project) const {
  return projects == nullptr || re2::RE2::PartialMatch(project, *projects);
}

std::vector<std::string> WantedEventTypes() {
  return {"PUSH_ARTIFACT", "DELETE_ARTIFACT", "REPLICATION", "TAG_RETENTION", "SCANNING_COMPLETED"};
}

api::WebhookPolicy DesiredWebhook(const RegistrationOptions& options,
                                  std::optional<api::HarborVersion> version) {
  api::WebhookPolicy policy;
  policy.name = options.name;
  policy.description = kDescription;
  policy.event_types = WantedEventTypes();
  api::WebhookTarget target;
  target.address = absl::StrCat(BaseUrl(options), "/webhook");
  target.auth_header = options.authorization;
  if (version.has_value() && version->has_cloud_events()) target.payload_format = "CloudEvents";
  policy.targets = {target};
  return policy;
}

std::string WhatIsWrong(const api::WebhookPolicy& actual, const api::WebhookPolicy& desired) {
  Complaints wrong;
  wrong.AddIf(!actual.enabled, "it is disabled");
  for (const std::string& type : desired.event_types) {
    const auto& types = actual.event_types;
    wrong.AddIf(std::find(types.begin(), types.end(), type) == types.end(),
                absl::StrCat(type, " is missing"));
  }
  if (actual.targets.size() != 1) {
    wrong.AddIf(true, absl::StrCat("it has ", actual.targets.size(), " targets"));
    return wrong.text();
  }
  const api::WebhookTarget& target = actual.targets[0];
  const api::WebhookTarget& want = desired.targets[0];
  wrong.AddIf(target.type != want.type, absl::StrCat("it is of the type ", target.type));
  wrong.AddIf(target.address != want.address,
              absl::StrCat("it sends to ", target.address, " instead of ", want.address));
  wrong.AddIf(target.auth_header != want.auth_header, "its auth header is another one");
  // Either format is understood: only one that Harbor was never asked for is put right.
  wrong.AddIf(
      !want.payload_format.empty() && target.payload_format != want.payload_format,
      absl::StrCat("its format is ", target.payload_format, " instead of ", want.payload_format));
  return wrong.text();
}

api::PreheatInstance DesiredInstance(const RegistrationOptions& options,
                                     std::optional<api::HarborVersion> version) {
  api::PreheatInstance instance;
  instance.name = options.name;
  instance.description = kDescription;
  instance.vendor = version.has_value() && version->has_preheat_jobs() ? "dragonfly" : "kraken";
  instance.endpoint = BaseUrl(options);
  const bool keeps = version.has_value() && version->keeps_preheat_credentials();
  if (!options.authorization.empty() && keeps) SetCredentials(options.authorization, &instance);
  return instance;
}

std::string WhatIsWrong(const api::PreheatInstance& actual, const api::PreheatInstance& desired) {
  Complaints wrong;
  wrong.AddIf(!actual.enabled, "it is disabled");
  wrong.AddIf(actual.vendor != desired.vendor,
              absl::StrCat("its vendor is ", actual.vendor, " instead of ", desired.vendor));
  wrong.AddIf(actual.endpoint != desired.endpoint,
              absl::StrCat("its endpoint is ", actual.endpoint, " instead of ", desired.endpoint));
  wrong.AddIf(
      actual.auth_mode != desired.auth_mode,
      absl::StrCat("its authentication is ", actual.auth_mode, " instead of ", desired.auth_mode));
  return wrong.text();
}

api::PreheatPolicy DesiredPreheatPolicy(const RegistrationOptions& options, int64_t project_id,
                                        int64_t provider_id) {
  api::PreheatPolicy policy;
  policy.name = options.name;
  policy.description = kDescription;
  policy.project_id = project_id;
  policy.provider_id = provider_id;
  return policy;
}

std::string WhatIsWrong(const api::PreheatPolicy& actual, const api::PreheatPolicy& desired) {
  Complaints wrong;
  wrong.AddIf(!actual.enabled, "it is disabled");
  wrong.AddIf(actual.provider_id != desired.provider_id, "it is another provider's");
  wrong.AddIf(actual.repositories != desired.repositories || actual.tags != desired.tags,
              "it leaves images out");
  wrong.AddIf(actual.trigger != desired.trigger, absl::StrCat("its trigger is ", actual.trigger));
  return wrong.text();
}

api::NewRobot LeastPrivilegedRobot(const std::string& name,
                                   std::optional<api::HarborVersion> version) {
  api::NewRobot robot;
  robot.name = name;
  robot.description = kDescription;
  robot.scopes.push_back({.access = {{"repository", "pull"},
                                     {"repository", "list"},
                                     {"artifact", "list"},
                                     {"artifact", "read"},
                                     {"tag", "list"}}});
  // Before 2.10 robot accounts have no permissions of the system; they see their projects all the
  // same.
  if (version.has_value() && version->robots_own_webhooks()) {
    robot.scopes.push_back({.kind = "system", .name = "/", .access = {{"project", "list"}}});
  }
  return robot;
}

}  // namespace harbor_bridge
