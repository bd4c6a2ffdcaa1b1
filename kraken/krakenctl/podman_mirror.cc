#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/krakenctl/config_file.h"
#include "kraken/krakenctl/mirror_plan.h"
#include "kraken/krakenctl/registries_conf.h"
#include "kraken/storage/file_system.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kMainFile = "/etc/containers/registries.conf";
constexpr absl::string_view kFolder = "/etc/containers/registries.conf.d";
constexpr absl::string_view kOurFile = "/50-kraken-harbor.conf";
constexpr absl::string_view kReload =
    "podman, buildah and skopeo read it at each pull; CRI-O when told: systemctl reload crio";

// The files that a runtime reads beside ours.
absl::StatusOr<std::vector<std::string>> OtherFiles(const MirrorOptions& options) {
  const std::string folder = absl::StrCat(options.root, kFolder);
  std::vector<std::string> paths;
  absl::Status status = storage::PosixFileSystem().List(folder, [&](std::string_view name) {
    if (absl::EndsWith(name, ".conf") && name != kOurFile.substr(1)) {
      paths.push_back(absl::StrCat(folder, "/", name));
    }
    return true;
  });
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  std::sort(paths.begin(), paths.end());
  paths.insert(paths.begin(), absl::StrCat(options.root, kMainFile));
  return paths;
}

absl::Status CheckOthers(const MirrorOptions& options, MirrorPlan& plan) {
  KH_ASSIGN_OR_RETURN(const std::vector<std::string> paths, OtherFiles(options));
  for (const std::string& path : paths) {
    // Only read, so that a link will do.
    const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxConfigFileBytes);
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) return text.status();
    std::vector<std::string> narrower;
    for (const std::string& registry : options.registries) {
      const absl::Status status = CheckOtherRegistriesConf(*text, registry, &narrower);
      if (!status.ok()) return AtPath(status, path);
    }
    if (!narrower.empty()) {
      plan.notes.push_back(absl::StrCat(path, " has entries of its own for ",
                                        absl::StrJoin(narrower, ", "),
                                        ": images of these do not come from the agent"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> LocationFor(const MirrorOptions& options, const std::string& registry) {
  std::string agent = options.agent.host_port();
  if (!options.named_by_host) return agent;
  if (!RepositoryName::Parse(registry).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(registry,
                     " can't stand in the path of an image's name, which is all that podman tells "
                     "the agent of it: its images can't be mirrored by their host"));
  }
  return absl::StrCat(agent, "/", registry);
}

}  // namespace

absl::StatusOr<MirrorPlan> PlanPodmanInstall(const MirrorOptions& options) {
  if (options.registries.empty()) {
    return absl::InvalidArgumentError(
        "for which registry? Name it: --registry=harbor.example.com (repeatable)");
  }
  MirrorPlan plan;
  FileChange change = {.path = absl::StrCat(options.root, kFolder, kOurFile)};
  KH_ASSIGN_OR_RETURN(change.before, ReadConfigFile(change.path));
  KH_RETURN_IF_ERROR(CheckOthers(options, plan));
  change.after = change.before;
  for (const std::string& registry : options.registries) {
    KH_ASSIGN_OR_RETURN(std::string location, LocationFor(options, registry));
    absl::StatusOr<std::string> after =
        InstallInRegistriesConf(change.after, {.registry = registry,
                                               .location = std::move(location),
                                               .insecure = !options.agent.is_https()});
    if (!after.ok()) return AtPath(after.status(), change.path);
    change.after = *std::move(after);
  }
  AddChange(plan, std::move(change));
  plan.notes.emplace_back(kReload);
  plan.notes.push_back(
      options.named_by_host
          ? absl::StrCat("podman asks the agent by path: ", options.registries[0],
                         "/library/debian is what the cluster knows by that name")
          : absl::StrCat(
                "podman does not tell the agent which registry it means: ", options.registries[0],
                "/library/debian is what the cluster knows as library/debian. For a "
                "registry that the cluster knows by its host, add --named-by-host"));
  plan.notes.emplace_back(
      "who has a ~/.config/containers/registries.conf of his own does not read these files");
  return plan;
}

absl::StatusOr<MirrorPlan> PlanPodmanRemove(const MirrorOptions& options) {
  MirrorPlan plan;
  FileChange change = {.path = absl::StrCat(options.root, kFolder, kOurFile)};
  KH_ASSIGN_OR_RETURN(change.before, ReadConfigFile(change.path));
  if (!change.before.has_value()) return plan;
  change.after = change.before;
  std::vector<std::string> registries = options.registries;
  if (registries.empty()) registries.emplace_back();  // all
  for (const std::string& registry : registries) {
    if (!change.after.has_value()) break;
    auto after = RemoveFromRegistriesConf(*change.after, registry);
    if (!after.ok()) return AtPath(after.status(), change.path);
    change.after = *std::move(after);
  }
  AddChange(plan, std::move(change));
  if (!plan.changes.empty()) plan.notes.emplace_back(kReload);
  return plan;
}

}  // namespace kraken::krakenctl
