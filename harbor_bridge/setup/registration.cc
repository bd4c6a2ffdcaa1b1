#include "harbor_bridge/setup/registration.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/file_io.h"

namespace harbor_bridge {
namespace {

constexpr api::HarborVersion kPreheatSince = {2, 1};

template <typename T>
const T* FindNamed(const std::vector<T>& items, const std::string& name) {
  for (const T& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

absl::StatusOr<kraken::UniqueFd> CreateSecretFile(const std::string& path) {
  kraken::UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return kraken::ErrnoToStatus(errno, path);
  return file;
}

absl::Status WriteAll(const kraken::UniqueFd& file, const std::string& path,
                      absl::string_view text) {
  KH_RETURN_IF_ERROR(kraken::storage::WriteFully(
      file.get(), 0,
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()), path));
  return fsync(file.get()) == 0 ? absl::OkStatus() : kraken::ErrnoToStatus(errno, path);
}

}  // namespace

template <typename Change>
bool Registration::Apply(const std::string& what, Change change) {
  if (options_.dry_run) {
    report_->Would(what);
    return true;
  }
  const absl::Status status = change();
  if (status.ok()) {
    report_->Done(what);
  } else {
    report_->Fail(what, status);
  }
  return status.ok();
}

bool Registration::Meet() {
  const absl::Status alive = harbor_->Ping();
  if (!alive.ok()) {
    report_->Fail("ask Harbor", alive);
    return false;
  }
  const absl::Status known = harbor_->CheckCredentials();
  if (!known.ok()) {
    report_->Fail("log in", known);
    return false;
  }
  const auto info = harbor_->GetSystemInfo();
  if (!info.ok()) {
    report_->Fail("ask Harbor's version", info.status());
    return false;
  }
  version_ = api::HarborVersion::Parse(info->version);
  if (!version_.has_value()) {
    report_->Warn("Harbor does not say its version; the oldest is assumed");
  }
  if (info->notification_enabled == false) {
    report_->Warn("webhooks are switched off for the whole Harbor (notification_enable)");
  }
  return true;
}

void Registration::Register() {
  if (!Meet()) return;
  const std::optional<int64_t> instance = EnsureInstance();
  const auto projects = harbor_->ListAllProjects();
  if (!projects.ok()) return report_->Fail("list projects", projects.status());
  int matching = 0;
  for (const api::Project& project : *projects) {
    if (!options_.Wants(project.name)) continue;
    ++matching;
    EnsureWebhook(project.name);
    if (options_.preheat && instance.has_value()) EnsurePreheatPolicy(project, *instance);
  }
  if (matching == 0) {
    report_->Warn(absl::StrCat("none of ", projects->size(), " projects matches"));
  }
  if (unchanged_ > 0) report_->Ok(absl::StrCat(unchanged_, " were right already"));
}

std::optional<int64_t> Registration::EnsureInstance() {
  if (version_.has_value() && *version_ < kPreheatSince) {
    report_->Skip("Harbor before 2.1 has no P2P preheat");
    return std::nullopt;
  }
  const auto instances = harbor_->ListPreheatInstances();
  if (absl::IsPermissionDenied(instances.status()) && !options_.preheat) {
    report_->Skip("the preheat instance is for a system administrator to make");
    return std::nullopt;
  }
  if (!instances.ok()) {
    report_->Fail("list preheat instances", instances.status());
    return std::nullopt;
  }
  api::PreheatInstance desired = DesiredInstance(options_, version_);
  if (!options_.authorization.empty() && desired.auth_mode == "NONE") {
    report_->Warn(
        "Harbor before 2.13 loses the credentials of a preheat instance: the bridge will refuse "
        "its preheats while harbors[].authorization is set");
  }
  const std::string what = absl::StrCat("preheat instance ", desired.name, " (", desired.vendor,
                                        ", ", desired.endpoint, ")");
  const api::PreheatInstance* actual = FindNamed(*instances, desired.name);
  if (actual == nullptr) {
    if (!Apply(absl::StrCat("create ", what),
               [&] { return harbor_->CreatePreheatInstance(desired); })) {
      return std::nullopt;
    }
    // Policies of a dry run have no provider yet.
    return options_.dry_run ? std::optional<int64_t>(0) : InstanceId();
  }
  const std::string wrong = WhatIsWrong(*actual, desired);
  if (wrong.empty()) {
    // Harbor shows no credentials, so that it can't be seen whether they are right.
    if (desired.auth_mode == "NONE") {
      ++unchanged_;
      return actual->id;
    }
    desired.id = actual->id;
    desired.is_default = actual->is_default;
    Apply(absl::StrCat("write the credentials of ", what),
          [&] { return harbor_->UpdatePreheatInstance(desired); });
    return actual->id;
  }
  const bool changed = Apply(absl::StrCat("put ", what, " right: ", wrong),
                             [&] { return ReplaceInstance(*actual, desired); });
  if (!changed) return std::nullopt;
  return options_.dry_run ? std::optional<int64_t>(actual->id) : InstanceId();
}

absl::Status Registration::ReplaceInstance(const api::PreheatInstance& actual,
                                           const api::PreheatInstance& desired) {
  api::PreheatInstance update = desired;
  update.id = actual.id;
  update.is_default = actual.is_default;
  if (actual.vendor == desired.vendor) return harbor_->UpdatePreheatInstance(update);
  // The vendor of an instance can't change.
  KH_RETURN_IF_ERROR(harbor_->DeletePreheatInstance(actual.name));
  update.id = 0;
  return harbor_->CreatePreheatInstance(update);
}

std::optional<int64_t> Registration::InstanceId() {
  const auto instances = harbor_->ListPreheatInstances();
  if (!instances.ok()) {
    report_->Fail("list preheat instances", instances.status());
    return std::nullopt;
  }
  const api::PreheatInstance* instance = FindNamed(*instances, options_.name);
  return instance != nullptr ? std::optional<int64_t>(instance->id) : std::nullopt;
}

template <typename Policy, typename Create, typename Update>
void Registration::EnsurePolicy(const std::string& what, const std::vector<Policy>& all,
                                Policy desired, Create create, Update update) {
  const Policy* actual = FindNamed(all, desired.name);
  if (actual == nullptr) {
    Apply(absl::StrCat("create ", what), [&] { return create(desired); });
    return;
  }
  const std::string wrong = WhatIsWrong(*actual, desired);
  if (wrong.empty()) {
    ++unchanged_;
    return;
  }
  desired.id = actual->id;
  Apply(absl::StrCat("put ", what, " right: ", wrong), [&] { return update(desired); });
}

void Registration::EnsureWebhook(const std::string& project) {
  const auto policies = harbor_->ListWebhookPolicies(project);
  if (!policies.ok()) return report_->Fail("list webhook policies", policies.status());
  EnsurePolicy(
      absl::StrCat("webhook policy ", options_.name, " of project ", project), *policies,
      DesiredWebhook(options_, version_),
      [&](const api::WebhookPolicy& desired) {
        return harbor_->CreateWebhookPolicy(project, desired);
      },
      [&](const api::WebhookPolicy& desired) {
        return harbor_->UpdateWebhookPolicy(project, desired);
      });
}

void Registration::EnsurePreheatPolicy(const api::Project& project, int64_t provider_id) {
  const auto policies = harbor_->ListPreheatPolicies(project.name);
  if (!policies.ok()) return report_->Fail("list preheat policies", policies.status());
  EnsurePolicy(
      absl::StrCat("preheat policy ", options_.name, " of project ", project.name), *policies,
      DesiredPreheatPolicy(options_, project.id, provider_id),
      [&](const api::PreheatPolicy& desired) {
        return harbor_->CreatePreheatPolicy(project.name, desired);
      },
      [&](const api::PreheatPolicy& desired) {
        return harbor_->UpdatePreheatPolicy(project.name, desired);
      });
}

void Registration::Unregister() {
  if (!Meet()) return;
  const auto projects = harbor_->ListAllProjects();
  if (!projects.ok()) return report_->Fail("list projects", projects.status());
  for (const api::Project& project : *projects) {
    if (options_.Wants(project.name)) RemoveFrom(project.name);
  }
  // Others may still use it.
  if (options_.projects == nullptr) RemoveInstance();
}

void Registration::RemoveFrom(const std::string& project) {
  const auto policies = harbor_->ListWebhookPolicies(project);
  if (!policies.ok()) {
    report_->Fail("list webhook policies", policies.status());
  } else if (const api::WebhookPolicy* policy = FindNamed(*policies, options_.name)) {
    Apply(absl::StrCat("delete webhook policy ", policy->name, " of project ", project),
          [&] { return harbor_->DeleteWebhookPolicy(project, policy->id); });
  }
  if (version_.has_value() && *version_ < kPreheatSince) return;
  const auto preheats = harbor_->ListPreheatPolicies(project);
  if (absl::IsPermissionDenied(preheats.status())) return;
  if (!preheats.ok()) return report_->Fail("list preheat policies", preheats.status());
  if (const api::PreheatPolicy* policy = FindNamed(*preheats, options_.name)) {
    Apply(absl::StrCat("delete preheat policy ", policy->name, " of project ", project),
          [&] { return harbor_->DeletePreheatPolicy(project, policy->name); });
  }
}

void Registration::RemoveInstance() {
  if (version_.has_value() && *version_ < kPreheatSince) return;
  const auto instances = harbor_->ListPreheatInstances();
  if (absl::IsPermissionDenied(instances.status())) {
    return report_->Skip("the preheat instance is for a system administrator to delete");
  }
  if (!instances.ok()) return report_->Fail("list preheat instances", instances.status());
  const api::PreheatInstance* instance = FindNamed(*instances, options_.name);
  if (instance == nullptr) return;
  Apply(absl::StrCat("delete preheat instance ", instance->name),
        [&] { return harbor_->DeletePreheatInstance(instance->name); });
}

void Registration::CreateRobot(const std::string& name, const std::string& path) {
  if (!Meet()) return;
  const std::string what = absl::StrCat("create robot account ", name, ", its secret in ", path);
  if (options_.dry_run) return report_->Would(what);
  // First the place for what Harbor tells only once.
  const absl::StatusOr<kraken::UniqueFd> file = CreateSecretFile(path);
  if (!file.ok()) return report_->Fail("make the file for the robot's secret", file.status());
  const absl::StatusOr<api::CreatedRobot> robot =
      harbor_->CreateRobot(LeastPrivilegedRobot(name, version_));
  if (!robot.ok()) {
    unlink(path.c_str());
    return report_->Fail(what, robot.status());
  }
  const absl::Status written = WriteAll(*file, path, robot->secret);
  if (!written.ok()) {
    report_->Fail("write the robot's secret", written);
    const absl::Status deleted = harbor_->DeleteRobot(robot->id);
    if (!deleted.ok()) report_->Fail("delete the robot again", deleted);
    return;
  }
  report_->Done(
      absl::StrCat("create robot account; put into harbors[].api: {security: {basic: "
                   "{username: \"",
                   robot->name, "\", password: \"${file:", path, "}\"}}}"));
}

}  // namespace harbor_bridge
