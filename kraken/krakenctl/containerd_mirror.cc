#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "kraken/base/status_macros.h"
#include "kraken/krakenctl/config_file.h"
#include "kraken/krakenctl/containerd_config.h"
#include "kraken/krakenctl/hosts_toml.h"
#include "kraken/krakenctl/marked_block.h"
#include "kraken/krakenctl/mirror_plan.h"
#include "kraken/storage/file_system.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kConfigPath = "/etc/containerd/config.toml";
constexpr absl::string_view kHostsFile = "/hosts.toml";
constexpr absl::string_view kRestart =
    "containerd reads config.toml when it starts: systemctl restart containerd (containers keep "
    "running)";

// Names in a folder, sorted. A folder that is not there has none.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  absl::Status status = storage::PosixFileSystem().List(folder, [&names](std::string_view name) {
    names.emplace_back(name);
    return true;
  });
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  std::sort(names.begin(), names.end());
  return names;
}

// containerd's config.toml, and where it looks for hosts.toml.
struct Containerd {
  std::string config_file;
  absl::optional<std::string> config_text;
  absl::StatusOr<ContainerdConfig> config = absl::UnknownError("");
  std::string certs;  // with the root
};

Containerd ReadContainerd(const MirrorOptions& options) {
  Containerd containerd;
  containerd.config_file = absl::StrCat(options.root, kConfigPath);
  const auto text = ReadConfigFile(containerd.config_file);
  if (text.ok()) containerd.config_text = *text;
  containerd.config = text.ok() ? ReadContainerdConfig(containerd.config_text) : text.status();
  absl::string_view certs = kDefaultCertsDirectory;
  if (containerd.config.ok() && containerd.config->config_path.has_value()) {
    certs = *containerd.config->config_path;
    certs = certs.substr(0, certs.find(':'));
  }
  while (absl::ConsumeSuffix(&certs, "/")) {
  }
  containerd.certs = absl::StrCat(options.root, certs);
  return containerd;
}

// The folders in which containerd looks for a registry's hosts.toml: the first that is there.
std::vector<std::string> FoldersOf(const std::string& certs, const std::string& registry) {
  std::vector<std::string> folders;
  const size_t colon = registry.rfind(':');
  if (colon != std::string::npos) {
    folders.push_back(
        absl::StrCat(certs, "/", registry.substr(0, colon), "_", registry.substr(colon + 1), "_"));
  }
  folders.push_back(absl::StrCat(certs, "/", registry));
  return folders;
}

// Certificates beside which there is no hosts.toml yet.
absl::Status ReadCertificates(const std::string& folder, HostsTomlOptions& hosts) {
  KH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
  for (const std::string& name : names) {
    const bool is_ca = absl::EndsWith(name, ".crt");
    if (!is_ca && !absl::EndsWith(name, ".cert")) continue;
    if (!std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isgraph(c) && c != '"' && c != '\\'; })) {
      return absl::FailedPreconditionError(
          absl::StrCat(folder,
                       " has a certificate whose name can't be written in hosts.toml: "
                       "rename it"));
    }
    if (is_ca) {
      hosts.ca_files.push_back(name);
      continue;
    }
    hosts.client_files.push_back({name});
    const std::string key = absl::StrCat(absl::StripSuffix(name, ".cert"), ".key");
    if (std::binary_search(names.begin(), names.end(), key)) {
      hosts.client_files.back().push_back(key);
    }
  }
  return absl::OkStatus();
}

absl::Status PlanRegistry(const MirrorOptions& options, const std::string& certs,
                          const std::string& registry, MirrorPlan& plan) {
  const std::vector<std::string> folders = FoldersOf(certs, registry);
  const auto found = std::find_if(folders.begin(), folders.end(), IsFolder);
  const bool folder_is_new = found == folders.end();
  const std::string& folder = folder_is_new ? folders.front() : *found;

  FileChange change;
  change.path = absl::StrCat(folder, kHostsFile);
  KH_ASSIGN_OR_RETURN(change.before, ReadConfigFile(change.path));
  HostsTomlOptions hosts = {
      .registry = registry, .agent = options.agent_address(), .folder_is_new = folder_is_new};
  if (change.before.value_or("").empty()) {
    KH_RETURN_IF_ERROR(ReadCertificates(folder, hosts));
  }
  absl::StatusOr<std::string> after = InstallInHostsToml(change.before, hosts);
  if (!after.ok()) return AtPath(after.status(), change.path);
  change.after = *std::move(after);
  AddChange(plan, std::move(change));
  if (folder_is_new && IsFolder(absl::StrCat(certs, "/_default"))) {
    plan.notes.push_back(absl::StrCat(
        "containerd no longer reads ", certs, "/_default for ", registry,
        ", as it has a folder of its own now: if other mirrors there are to serve it, add them to ",
        folder, kHostsFile));
  }
  return absl::OkStatus();
}

// Whether containerd looks there, and what to do if not.
absl::Status PlanConfig(const MirrorOptions& options, const Containerd& containerd,
                        MirrorPlan& plan) {
  if (!containerd.config.ok()) {
    absl::Status status = AtPath(containerd.config.status(), containerd.config_file);
    if (options.set_config_path) return status;
    plan.notes.push_back(absl::StrCat("whether containerd reads ", containerd.certs,
                                      " can't be told: ", status.message()));
    return absl::OkStatus();
  }
  const ContainerdConfig& config = *containerd.config;
  if (config.config_path.has_value()) {
    if (absl::StrContains(*config.config_path, ':')) {
      plan.notes.push_back(absl::StrCat(
          containerd.config_file,
          " has several folders in config_path, of which some versions of "
          "containerd 2 read none (containerd/containerd#12808): if pulls pass by the agent, leave "
          "only the first"));
    }
    return absl::OkStatus();
  }
  if (!options.set_config_path) {
    const absl::string_view first = containerd.config_text.has_value() ? "" : "version = 2\n\n";
    plan.notes.push_back(absl::StrCat(
        "containerd before 2.2 reads ", containerd.certs, " only if ", containerd.config_file,
        " says so, and it does not", config.has_imports ? " (a file that it imports may)" : "",
        ". Add this and restart containerd, or let --set-config-path do it:\n", first,
        ConfigPathLines(config.version)));
    return absl::OkStatus();
  }
  FileChange change = {.path = containerd.config_file, .before = containerd.config_text};
  absl::StatusOr<std::string> after = SetConfigPath(change.before);
  if (!after.ok()) return AtPath(after.status(), change.path);
  change.after = *std::move(after);
  AddChange(plan, std::move(change));
  plan.notes.emplace_back(kRestart);
  return absl::OkStatus();
}

// The hosts.toml files below `certs` that may have a block of ours.
absl::StatusOr<std::vector<std::string>> MarkedFiles(const std::string& certs) {
  KH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(certs));
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    std::string path = absl::StrCat(certs, "/", name, kHostsFile);
    const auto text = ReadConfigFile(path);
    // What can't be edited now could not be then either.
    if (!text.ok() || !absl::StrContains(text->value_or(""), kBlockBegin)) continue;
    paths.push_back(std::move(path));
  }
  return paths;
}

// Whether something is left below `certs` that containerd needs config_path for.
absl::StatusOr<bool> SomethingIsLeft(const std::string& certs, const MirrorPlan& plan) {
  KH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(certs));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(certs, "/", name, kHostsFile);
    const bool goes = std::any_of(
        plan.changes.begin(), plan.changes.end(),
        [&path](const FileChange& c) { return c.path == path && !c.after && c.remove_folder; });
    if (!goes) return true;
  }
  return false;
}

absl::Status PlanConfigRemoval(const Containerd& containerd, MirrorPlan& plan) {
  if (!absl::StrContains(containerd.config_text.value_or(""), kBlockBegin)) {
    return absl::OkStatus();
  }
  KH_ASSIGN_OR_RETURN(const bool is_needed, SomethingIsLeft(containerd.certs, plan));
  if (is_needed) {
    plan.notes.push_back(absl::StrCat("config_path stays in ", containerd.config_file,
                                      ", as there is more in ", containerd.certs));
    return absl::OkStatus();
  }
  FileChange change = {.path = containerd.config_file, .before = containerd.config_text};
  auto after = UnsetConfigPath(*change.before);
  if (!after.ok()) return AtPath(after.status(), change.path);
  change.after = *std::move(after);
  AddChange(plan, std::move(change));
  plan.notes.emplace_back(kRestart);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MirrorPlan> PlanContainerdInstall(const MirrorOptions& options) {
  if (options.registries.empty()) {
    return absl::InvalidArgumentError(
        "for which registry? Name it: --registry=harbor.example.com (repeatable)");
  }
  MirrorPlan plan;
  const Containerd containerd = ReadContainerd(options);
  std::string rules;
  for (const std::string& registry : options.registries) {
    KH_RETURN_IF_ERROR(PlanRegistry(options, containerd.certs, registry, plan));
    absl::StrAppend(&rules, "\n  - ns: ", absl::StrReplaceAll(registry, {{".", "\\."}}));
  }
  plan.notes.emplace_back("containerd reads hosts.toml at each pull: no restart is needed for it");
  plan.notes.push_back(absl::StrCat(
      "the agent serves a registry only if its configuration says so:\nmirrors:", rules));
  KH_RETURN_IF_ERROR(PlanConfig(options, containerd, plan));
  return plan;
}

absl::StatusOr<MirrorPlan> PlanContainerdRemove(const MirrorOptions& options) {
  MirrorPlan plan;
  const Containerd containerd = ReadContainerd(options);
  std::vector<std::string> paths;
  for (const std::string& registry : options.registries) {
    for (const std::string& folder : FoldersOf(containerd.certs, registry)) {
      paths.push_back(absl::StrCat(folder, kHostsFile));
    }
  }
  if (options.registries.empty()) {
    KH_ASSIGN_OR_RETURN(paths, MarkedFiles(containerd.certs));
  }
  for (const std::string& path : paths) {
    FileChange change = {.path = path};
    KH_ASSIGN_OR_RETURN(change.before, ReadConfigFile(path));
    if (!change.before.has_value()) continue;
    absl::StatusOr<HostsTomlWithout> without = RemoveFromHostsToml(*change.before);
    if (!without.ok()) return AtPath(without.status(), path);
    change.after = std::move(without->after);
    change.remove_folder = without->folder_was_new;
    AddChange(plan, std::move(change));
  }
  KH_RETURN_IF_ERROR(PlanConfigRemoval(containerd, plan));
  return plan;
}

}  // namespace kraken::krakenctl
