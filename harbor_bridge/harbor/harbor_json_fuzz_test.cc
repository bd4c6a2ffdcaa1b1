#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "harbor_bridge/harbor/api_error.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/harbor/harbor_json.h"
#include "harbor_bridge/harbor/harbor_version.h"
#include "kraken/base/check.h"

namespace api = harbor_bridge::api;

namespace {

// What was read and is written again says the same.
void RoundTrips(const api::WebhookPolicy& policy) {
  const auto again = api::ParseWebhookPolicies("[" + api::ToJson(policy) + "]");
  KH_CHECK(again.ok() && again->items.size() == 1);
  KH_CHECK(again->items[0].event_types == policy.event_types);
  KH_CHECK(again->items[0].targets == policy.targets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view body(reinterpret_cast<const char*>(data), size);
  const auto repository = kraken::RepositoryName::Parse("library/debian");
  KH_CHECK(repository.ok());
  (void)api::ParseSystemInfo(body);
  (void)api::ParseHealth(body);
  (void)api::ParseProjects(body);
  (void)api::ParseRepositories(body);
  (void)api::ParseArtifacts(body, nullptr);
  (void)api::ParseArtifact(body, *repository);
  (void)api::ParseTags(body);
  (void)api::ParseWebhookAbilities(body);
  (void)api::ParseExecutions(body);
  (void)api::ParseRobots(body);
  (void)api::ParseCreatedRobot(body);
  (void)api::ParsePreheatInstances(body);
  (void)api::ParsePreheatInstance(body);
  (void)api::ParsePermissions(body);
  (void)api::HarborVersion::Parse(body);
  (void)api::HasNextPage(body, -1, {}, 1);
  (void)api::StatusFromAnswer({.harbor = "eu", .method = "GET", .url = "u"}, 403, body, body);
  const auto artifacts = api::ParseArtifacts(body, &*repository);
  if (artifacts.ok()) KH_CHECK(artifacts->items.size() <= api::kMaxListEntries);
  const auto policies = api::ParseWebhookPolicies(body);
  if (policies.ok()) {
    for (const api::WebhookPolicy& policy : policies->items) RoundTrips(policy);
  }
  const auto preheats = api::ParsePreheatPolicies(body);
  if (preheats.ok()) {
    for (const api::PreheatPolicy& policy : preheats->items) {
      const auto again = api::ParsePreheatPolicies("[" + api::ToJson(policy) + "]");
      KH_CHECK(again.ok() && again->items.size() == 1);
      KH_CHECK(again->items[0].repositories == policy.repositories);
      KH_CHECK(again->items[0].trigger == policy.trigger);
    }
  }
  return 0;
}
