#include "harbor_bridge/harbor/testing/fake_harbor.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/registry/credentials.h"

namespace harbor_bridge::api::testing {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

json Golden(absl::string_view name) {
  return *kraken::ParseJson(kraken::ReadTestFile(
      absl::StrCat("harbor_bridge/harbor/testdata/harbor_json_corpus/", name, ".json")));
}

// One object with all members that any object of the list has.
json Merged(const json& list) {
  json merged = list[0];
  for (const json& item : list) {
    if (!item.is_object()) continue;
    for (const auto& [name, value] : item.items()) {
      if (!merged.contains(name) || merged[name].is_null()) merged[name] = value;
    }
  }
  return merged;
}

bool AreAlike(const json& known, const json& seen) {
  return known.type() == seen.type() || (known.is_number() && seen.is_number());
}

// Where `seen` has a member, or a type, that the golden body has not.
void FindStrangers(const json& known, const json& seen, const std::string& path,
                   std::vector<std::string>* found) {
  if (known.is_null() || seen.is_null()) return;
  if (!AreAlike(known, seen)) {
    found->push_back(absl::StrCat(path, ": ", seen.dump(), " instead of ", known.dump()));
  } else if (seen.is_object()) {
    for (const auto& [name, value] : seen.items()) {
      const std::string where = absl::StrCat(path, ".", name);
      if (known.contains(name)) {
        FindStrangers(known[name], value, where, found);
      } else {
        found->push_back(absl::StrCat(where, ": no such member"));
      }
    }
  } else if (seen.is_array() && !known.empty()) {
    for (const json& item : seen) FindStrangers(Merged(known), item, path + "[]", found);
  }
}

// The lab's own Harbor is held to the same bodies (testlab/lab/harbor_shapes_test.py), so that the
// two do not drift apart.
class FakeHarborTest : public ::testing::Test {
 protected:
  void Check(absl::string_view golden, absl::string_view path) {
    kraken::net::HttpClientRequest request;
    request.url = harbor_.url();
    request.url.target = absl::StrCat("/api/v2.0", path);
    request.headers.Add("Authorization", kraken::registry::BasicAuthorization(AdminCredentials()));
    ASSERT_OK_AND_ASSIGN(const auto answer, http_.Fetch(std::move(request)));
    ASSERT_OK_AND_ASSIGN(const json body, kraken::ParseJson(answer.body));
    EXPECT_FALSE(body.empty()) << path;
    std::vector<std::string> strangers;
    FindStrangers(Golden(golden), body, std::string(golden), &strangers);
    EXPECT_THAT(strangers, IsEmpty());
  }

  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  FakeHarbor harbor_;
};

TEST_F(FakeHarborTest, AnswersHaveTheShapesOfHarbors) {
  HarborClient client({.name = "eu", .url = harbor_.url(), .credentials = AdminCredentials()},
                      &http_);
  harbor_.Push("team/a/b", "v1", "one");
  ASSERT_OK(client.CreateWebhookPolicy(
      "team",
      {.name = "w", .event_types = {"PUSH_ARTIFACT"}, .targets = {{.address = "http://b"}}}));
  harbor_.SetWebhookStatus("team", "w", "Success");
  ASSERT_OK(
      client.CreatePreheatInstance({.name = "p", .vendor = "kraken", .endpoint = "http://b"}));
  ASSERT_OK(client.CreatePreheatPolicy("team", {.name = "p", .provider_id = 1}));
  ASSERT_OK(client.CreateRobot({.name = "r", .scopes = {{.access = {{"artifact", "list"}}}}}));
  Check("health", "/health");
  Check("systeminfo", "/systeminfo");
  Check("projects", "/projects");
  Check("repositories", "/projects/team/repositories");
  Check("artifacts", "/projects/team/artifacts");
  Check("artifacts", "/projects/team/repositories/a%252Fb/artifacts");
  Check("webhook_events", "/projects/team/webhook/events");
  Check("webhook_policies", "/projects/team/webhook/policies");
  Check("executions", absl::StrCat("/projects/team/webhook/policies/",
                                   harbor_.webhooks("team")[0].id, "/executions"));
  Check("preheat_instances", "/p2p/preheat/instances");
  Check("preheat_policies", "/projects/team/preheat/policies");
  Check("robots", "/robots");
  Check("error", "/projects/nowhere/repositories");
}

TEST_F(FakeHarborTest, AStrangerIsFound) {
  std::vector<std::string> found;
  FindStrangers(json::parse(R"([{"a":1},{"b":{"c":""}}])"),
                json::parse(R"([{"a":2,"b":{"c":"x"}},{"a":"2"},{"b":{"d":1}}])"), "", &found);
  EXPECT_THAT(found, ::testing::SizeIs(2));
}

}  // namespace
}  // namespace harbor_bridge::api::testing
