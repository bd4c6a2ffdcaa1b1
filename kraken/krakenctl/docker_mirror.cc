#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/status_macros.h"
#include "kraken/krakenctl/config_file.h"
#include "kraken/krakenctl/daemon_json.h"
#include "kraken/krakenctl/mirror_plan.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kConfigPath = "/etc/docker/daemon.json";
constexpr absl::string_view kReload =
    "docker takes it over with: systemctl reload docker (no restart is needed)";

absl::Status CheckRegistries(const MirrorOptions& options) {
  for (const std::string& registry : options.registries) {
    if (registry == "docker.io") continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "docker asks mirrors for docker.io only, not for ", registry, ": pull ",
        options.agent.host_port(), "/library/debian instead of ", registry, "/library/debian"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MirrorPlan> PlanDockerInstall(const MirrorOptions& options) {
  KH_RETURN_IF_ERROR(CheckRegistries(options));
  MirrorPlan plan;
  FileChange change = {.path = absl::StrCat(options.root, kConfigPath)};
  KH_ASSIGN_OR_RETURN(change.before, ReadConfigFile(change.path));
  absl::StatusOr<std::string> after = AddRegistryMirror(change.before, options.agent_address());
  if (!after.ok()) return AtPath(after.status(), change.path);
  change.after = *std::move(after);
  AddChange(plan, std::move(change));
  if (!plan.changes.empty()) {
    plan.notes.emplace_back(kReload);
    plan.notes.emplace_back(
        "dockerd does not start if it is given --registry-mirror on its command line as well");
  }
  plan.notes.push_back(absl::StrCat(
      "docker asks the agent for names of docker.io only, and by their plain names: "
      "docker.io/library/debian is then what the cluster knows as library/debian. Images of other "
      "registries are ",
      options.agent.host_port(), "/library/debian"));
  return plan;
}

absl::StatusOr<MirrorPlan> PlanDockerRemove(const MirrorOptions& options) {
  KH_RETURN_IF_ERROR(CheckRegistries(options));
  MirrorPlan plan;
  FileChange change = {.path = absl::StrCat(options.root, kConfigPath)};
  KH_ASSIGN_OR_RETURN(change.before, ReadConfigFile(change.path));
  if (!change.before.has_value()) return plan;
  auto after = RemoveRegistryMirror(*change.before, options.agent_address());
  if (!after.ok()) return AtPath(after.status(), change.path);
  change.after = *std::move(after);
  AddChange(plan, std::move(change));
  if (!plan.changes.empty()) {
    plan.notes.emplace_back(kReload);
  } else {
    plan.notes.push_back(absl::StrCat("it has no mirror ", options.agent_address(),
                                      ": for another one, say --agent"));
  }
  return plan;
}

}  // namespace kraken::krakenctl
