#include "harbor_bridge/setup/doctor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harbor_bridge/harbor/harbor_fault.h"
#include "kraken/net/http_message.h"
#include "kraken/net/resolver.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/errors.h"

namespace harbor_bridge {
namespace {

// Projects in which something to pull is looked for.
constexpr size_t kProjectsTried = 20;

// An error of the API whose own words do not say what to do.
absl::Status WithCureOfApi(const absl::Status& status) {
  const api::HarborFault fault = api::FaultOfApi(status);
  if (fault != api::HarborFault::kUnreachable && fault != api::HarborFault::kSilent) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), "; ", api::CureOf(fault, "harbors[].api")));
}

// Whether the registry said something that has a challenge in it, or should have.
bool GotAnswer(const absl::Status& status) {
  return status.ok() || kraken::registry::UpstreamErrorOf(status).has_value();
}

}  // namespace

void Doctor::Examine() {
  if (subject_.api != nullptr) {
    if (CheckName(subject_.api->url()) && CheckApi() && CheckAccount() && CheckContent()) {
      CheckHealth();
      CheckWebhooks();
      CheckPreheat();
    } else {
      report_->Skip("webhook policies and preheat: Harbor's API must be in order first");
    }
  } else {
    report_->Skip(
        "Harbor's API: harbors[].api is not there, so that only the registry can be looked at");
  }
  const bool same_name = subject_.api != nullptr &&
                         subject_.api->url().host_port() == subject_.registry_url.host_port();
  if ((same_name || CheckName(subject_.registry_url)) && CheckRegistry()) CheckPull();
  CheckBridge();
}

bool Doctor::CheckName(const kraken::net::Url& url) {
  const auto addresses = kraken::net::Resolver::Default().ResolveBlocking(url.host, url.port);
  const std::string what = absl::StrCat("DNS: ", url.host);
  if (!addresses.ok()) {
    report_->Fail(absl::StrCat(what, " has no address: ", addresses.status().message(),
                               "; correct the address in harbors[], or this host's resolver"));
    return false;
  }
  report_->Ok(absl::StrCat(what, " is ",
                           absl::StrJoin(*addresses, ", ", [](std::string* out, const auto& a) {
                             out->append(a.ToString());
                           })));
  return true;
}

bool Doctor::CheckApi() {
  const absl::Status status = subject_.api->Ping();
  if (status.ok()) {
    report_->Ok(absl::StrCat("TCP", subject_.api->url().is_https() ? ", TLS" : "",
                             " and API v2.0: ", subject_.api->url().host_port(), " answers"));
    if (!subject_.api->url().is_https()) {
      report_->Warn("API: plain HTTP, so that anybody on the way reads the password");
    }
    return true;
  }
  report_->Fail("API", WithCureOfApi(status));
  return false;
}

bool Doctor::CheckAccount() {
  const absl::Status status = subject_.api->CheckCredentials();
  if (!status.ok()) {
    report_->Fail("credentials", status);
    return false;
  }
  report_->Ok("credentials: Harbor knows the account");
  const auto info = subject_.api->GetSystemInfo();
  if (!info.ok()) {
    report_->Fail("version", info.status());
    return false;
  }
  version_ = api::HarborVersion::Parse(info->version);
  if (version_.has_value()) {
    report_->Ok(absl::StrCat("version: Harbor ", info->version));
  } else {
    report_->Warn("version: Harbor does not say it; the oldest is assumed");
  }
  if (info->notification_enabled == false) {
    report_->Fail(
        "webhooks: switched off for the whole Harbor; switch on notification_enable in its "
        "configuration");
  }
  return true;
}

bool Doctor::CheckContent() {
  const auto projects = subject_.api->ListAllProjects();
  if (!projects.ok()) {
    report_->Fail("permission project:list", projects.status());
    return false;
  }
  for (const api::Project& project : *projects) {
    if (subject_.registration.Wants(project.name)) projects_.push_back(project);
  }
  report_->Ok(absl::StrCat("permission project:list: ", projects->size(), " projects, ",
                           projects_.size(), " of them wanted"));
  for (size_t i = 0; i < projects_.size() && i < kProjectsTried && !artifact_.has_value(); ++i) {
    const auto repositories =
        subject_.api->ListRepositories(projects_[i].name, {.page = 1, .size = 1});
    if (!repositories.ok()) {
      report_->Fail("permission repository:list", repositories.status());
      return false;
    }
    if (repositories->items.empty()) continue;
    const auto artifacts =
        subject_.api->ListArtifacts(repositories->items[0].name, {.page = 1, .size = 1});
    if (!artifacts.ok()) {
      report_->Fail("permission artifact:list", artifacts.status());
      return false;
    }
    if (!artifacts->items.empty()) artifact_ = artifacts->items[0];
  }
  if (artifact_.has_value()) {
    report_->Ok("permissions repository:list, artifact:list: reconciliation can look");
  } else {
    report_->Skip("permission artifact:list: there is no image to look at");
  }
  return true;
}

void Doctor::CheckHealth() {
  const auto components = subject_.api->Health();
  if (!components.ok()) return report_->Fail("health", components.status());
  bool healthy = true;
  for (const api::ComponentHealth& component : *components) {
    if (component.status == "healthy") continue;
    healthy = false;
    report_->Warn(absl::StrCat("health: Harbor's ", component.name, " is ", component.status, " ",
                               component.error));
  }
  if (healthy) report_->Ok("health: every part of Harbor is healthy");
}

bool Doctor::CheckRegistry() {
  const absl::Status status = subject_.registry->Ping({});
  // Who says nothing to us says nothing to strangers.
  if (GotAnswer(status)) CheckChallenge();
  if (!status.ok()) {
    const std::string cure = api::CureOf(api::FaultOfRegistry(status), "harbors[].registry");
    report_->Fail("registry",
                  absl::Status(status.code(), absl::StrCat(status.message(), "; ", cure)));
    return false;
  }
  report_->Ok(absl::StrCat("registry: ", subject_.registry->host(), " takes the credentials"));
  const bool bypasses_core = subject_.api != nullptr &&
                             subject_.api->url().host_port() != subject_.registry_url.host_port();
  if (bypasses_core && version_.has_value() && version_->hides_tags_from_registry()) {
    report_->Fail(absl::StrCat(
        "registry: from Harbor 2.15 on the registry behind Harbor has no tags; make Harbor's own "
        "address, ",
        subject_.api->url().host_port(), ", that of harbors[].registry"));
  }
  return true;
}

// What the registry says to a stranger.
void Doctor::CheckChallenge() {
  kraken::net::HttpClientRequest request;
  request.url = subject_.registry_url;
  request.url.target = "/v2/";
  request.tls = subject_.registry_tls;
  request.timeouts.total = kPatience;
  const auto answer = http_->Fetch(std::move(request));
  // Ping() will say it better.
  if (!answer.ok()) return;
  const absl::string_view challenge = answer->headers.GetOr("WWW-Authenticate");
  const std::string scheme(challenge.substr(0, challenge.find(' ')));
  if (answer->status == 401 && !scheme.empty()) {
    report_->Ok(absl::StrCat("registry: /v2/ challenges with ", scheme));
  } else if (answer->status == 200) {
    report_->Warn("registry: /v2/ lets strangers in");
  } else {
    report_->Fail(absl::StrCat("registry: /v2/ answers ", answer->status, " ",
                               kraken::net::ReasonPhrase(answer->status),
                               " without a challenge; is it a registry's address?"));
  }
}

void Doctor::CheckPull() {
  if (!artifact_.has_value()) {
    return report_->Skip("pull: there is no image known that could be asked for");
  }
  const std::string name =
      absl::StrCat(artifact_->repository.ToString(), "@", artifact_->digest.ToString());
  const auto manifest =
      subject_.registry->HeadManifest(artifact_->repository, artifact_->digest, {});
  if (manifest.ok()) return report_->Ok(absl::StrCat("pull: may pull ", name));
  if (absl::IsFailedPrecondition(manifest.status())) {
    return report_->Warn(absl::StrCat("pull: a policy of Harbor's forbids ", name, ": ",
                                      manifest.status().message()));
  }
  report_->Fail(absl::StrCat("pull: ", manifest.status().message(),
                             "; the account of harbors[].registry needs the permission "
                             "repository:pull"));
}

void Doctor::CheckWebhooks() {
  if (subject_.registration.bridge_url.empty()) {
    return report_->Skip("webhook policies: `url` says where Harbor is to send, and is missing");
  }
  for (const api::Project& project : projects_) CheckWebhook(project.name);
  if (webhooks_right_ > 0) {
    report_->Ok(absl::StrCat("webhook policies: right in ", webhooks_right_, " projects"));
  }
}

void Doctor::CheckWebhook(const std::string& project) {
  const std::string what = absl::StrCat("webhook policy of project ", project);
  const auto policies = subject_.api->ListWebhookPolicies(project);
  if (absl::IsPermissionDenied(policies.status())) {
    return report_->Warn(absl::StrCat(
        what, ": this account may not see it; run doctor with -user and -password-file"));
  }
  if (!policies.ok()) return report_->Fail(what, policies.status());
  const api::WebhookPolicy* ours = nullptr;
  for (const api::WebhookPolicy& policy : *policies) {
    if (policy.name == subject_.registration.name) ours = &policy;
  }
  if (ours == nullptr) {
    return report_->Fail(absl::StrCat(what, ": is missing; run harbor-bridge register"));
  }
  const std::string wrong = WhatIsWrong(*ours, DesiredWebhook(subject_.registration, version_));
  if (!wrong.empty()) {
    return report_->Fail(absl::StrCat(what, ": ", wrong, "; run harbor-bridge register"));
  }
  ++webhooks_right_;
  CheckDelivery(project, *ours);
}

// What became of the last event that Harbor sent.
void Doctor::CheckDelivery(const std::string& project, const api::WebhookPolicy& policy) {
  if (!version_.has_value() || !version_->has_cloud_events()) return;
  const auto executions = subject_.api->ListWebhookExecutions(project, policy.id);
  if (!executions.ok() || executions->empty()) return;
  const std::string& status = executions->front().status;
  if (status != "Error" && status != "Stopped") return;
  report_->Fail(absl::StrCat("webhook policy of project ", project, ": Harbor's last event to ",
                             policy.targets[0].address, " ended with ", status,
                             "; can Harbor's jobservice reach that address, does it trust its "
                             "certificate, and is it the bridge that answers?"));
}

void Doctor::CheckPreheat() {
  if (version_.has_value() && *version_ < api::HarborVersion{2, 1}) return;
  const auto instances = subject_.api->ListPreheatInstances();
  if (absl::IsPermissionDenied(instances.status())) {
    return report_->Skip(
        "preheat instance and round trip: for a system administrator to see; run doctor with "
        "-user and -password-file");
  }
  if (!instances.ok()) return report_->Fail("preheat instance", instances.status());
  const api::PreheatInstance* ours = nullptr;
  for (const api::PreheatInstance& instance : *instances) {
    if (instance.name == subject_.registration.name) ours = &instance;
  }
  if (ours == nullptr) {
    return report_->Warn(
        "preheat instance: there is none, so that Harbor can't be made to send anything; run "
        "harbor-bridge register");
  }
  const api::PreheatInstance desired = DesiredInstance(subject_.registration, version_);
  const std::string wrong = WhatIsWrong(*ours, desired);
  if (!wrong.empty()) {
    report_->Fail(absl::StrCat("preheat instance: ", wrong, "; run harbor-bridge register"));
  }
  api::PreheatInstance ping = desired;
  ping.endpoint = ours->endpoint;
  ping.vendor = ours->vendor;
  const absl::Status reached = subject_.api->PingPreheatInstance(ping);
  if (reached.ok()) {
    return report_->Ok(absl::StrCat("round trip: Harbor reaches the bridge at ", ours->endpoint));
  }
  report_->Fail(absl::StrCat("round trip: ", reached.message(), "; Harbor does not reach ",
                             ours->endpoint,
                             ": look at DNS and firewalls on Harbor's side, and whether the bridge "
                             "runs"));
}

void Doctor::CheckBridge() {
  const std::string& base = subject_.registration.bridge_url;
  if (base.empty()) {
    return report_->Warn("bridge: `url` is missing in the configuration: register needs it");
  }
  kraken::net::HttpClientRequest request;
  const auto url = kraken::net::Url::Parse(absl::StrCat(base, "/health"));
  if (!url.ok()) return report_->Fail("bridge: url", url.status());
  request.url = *url;
  request.timeouts.total = kPatience;
  const auto answer = http_->Fetch(std::move(request));
  if (answer.ok() && answer->status == 200) {
    return report_->Ok(absl::StrCat("bridge: ", base, " answers here too"));
  }
  // It need not be reachable from here: only Harbor counts.
  report_->Warn(absl::StrCat(
      "bridge: ", base, " does not answer here: ",
      answer.ok() ? absl::StrCat(answer->status) : std::string(answer.status().message())));
}

}  // namespace harbor_bridge
