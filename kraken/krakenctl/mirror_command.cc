#include "kraken/krakenctl/mirror_command.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "kraken/base/host_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/flags.h"
#include "kraken/krakenctl/config_file.h"
#include "kraken/krakenctl/mirror_plan.h"
#include "kraken/net/url.h"
#include "kraken/storage/file_system.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "krakenctl mirror";

struct Runtime {
  absl::string_view name;
  absl::StatusOr<MirrorPlan> (*plan_install)(const MirrorOptions&);
  absl::StatusOr<MirrorPlan> (*plan_remove)(const MirrorOptions&);
  // One of them shows that the runtime is there.
  std::vector<absl::string_view> signs;
};

const std::vector<Runtime>& Runtimes() {
  static const auto* runtimes = new std::vector<Runtime>{
      {"containerd",
       PlanContainerdInstall,
       PlanContainerdRemove,
       {"/etc/containerd", "/usr/bin/containerd", "/usr/local/bin/containerd"}},
      {"docker",
       PlanDockerInstall,
       PlanDockerRemove,
       {"/etc/docker", "/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"}},
      {"podman",
       PlanPodmanInstall,
       PlanPodmanRemove,
       {"/etc/containers", "/usr/bin/podman", "/usr/bin/crio", "/usr/local/bin/crio"}},
  };
  return *runtimes;
}

bool IsThere(const Runtime& runtime, const std::string& root) {
  return std::any_of(runtime.signs.begin(), runtime.signs.end(), [&root](absl::string_view sign) {
    return ::access(absl::StrCat(root, sign).c_str(), F_OK) == 0;
  });
}

struct Request {
  bool is_install = false;
  bool dry_run = false;
  bool is_auto = false;
  std::vector<const Runtime*> runtimes;
  MirrorOptions options;
};

// What the command line says, as text.
struct Texts {
  std::string runtime = "auto";
  std::string agent = "http://localhost:13000";
  std::string root = "/";
};

absl::Status ReadAgent(const std::string& text, MirrorOptions& options) {
  absl::StatusOr<net::Url> agent = net::Url::Parse(text);
  if (!agent.ok() || agent->target != "/") {
    return absl::InvalidArgumentError(absl::StrCat(
        "flag -agent: expected an address like http://localhost:13000, found \"", text, "\""));
  }
  options.agent = *std::move(agent);
  return absl::OkStatus();
}

absl::Status ReadRegistries(MirrorOptions& options) {
  for (std::string& registry : options.registries) {
    absl::AsciiStrToLower(&registry);
    if (!IsValidHost(registry)) {
      return absl::InvalidArgumentError(
          absl::StrCat("flag -registry: expected a host like harbor.example.com or "
                       "harbor.example.com:8443, found \"",
                       registry, "\""));
    }
  }
  std::vector<std::string>& all = options.registries;
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return absl::OkStatus();
}

absl::Status ReadRuntimes(const std::string& text, Request& request) {
  request.is_auto = text == "auto";
  for (const Runtime& runtime : Runtimes()) {
    if (request.is_auto ? IsThere(runtime, request.options.root) : runtime.name == text) {
      request.runtimes.push_back(&runtime);
    }
  }
  if (!request.runtimes.empty()) return absl::OkStatus();
  if (!request.is_auto) {
    return absl::InvalidArgumentError(absl::StrCat(
        "flag -runtime: expected containerd, docker, podman or auto, found \"", text, "\""));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no container runtime is found below ", request.options.root,
                   "/: name it with --runtime=containerd, docker or podman"));
}

absl::StatusOr<Request> ReadRequest(const std::vector<std::string>& arguments, const Texts& texts,
                                    Request request) {
  if (arguments.size() != 1 || (arguments[0] != "install" && arguments[0] != "remove")) {
    return absl::InvalidArgumentError("say what to do: install or remove");
  }
  request.is_install = arguments[0] == "install";
  absl::string_view root = texts.root;
  while (absl::ConsumeSuffix(&root, "/")) {
  }
  request.options.root = std::string(root);
  KH_RETURN_IF_ERROR(ReadAgent(texts.agent, request.options));
  KH_RETURN_IF_ERROR(ReadRegistries(request.options));
  KH_RETURN_IF_ERROR(ReadRuntimes(texts.runtime, request));
  if (request.is_auto && request.is_install && request.options.registries.empty()) {
    return absl::InvalidArgumentError(
        "for which registry? Name it: --registry=harbor.example.com (repeatable)");
  }
  return request;
}

// docker has mirrors for docker.io alone: of several runtimes it gets what it can take.
bool DockerIsLeftOut(Request& request, const Runtime& runtime, MirrorOptions& options) {
  if (!request.is_auto || runtime.name != "docker" || options.registries.empty()) return false;
  const bool has_docker_io =
      std::count(options.registries.begin(), options.registries.end(), "docker.io") != 0;
  options.registries = {"docker.io"};
  return !has_docker_io;
}

// One plan of all runtimes.
absl::StatusOr<MirrorPlan> Plan(Request& request) {
  MirrorPlan all;
  for (const Runtime* runtime : request.runtimes) {
    MirrorOptions options = request.options;
    if (DockerIsLeftOut(request, *runtime, options)) {
      all.notes.push_back(
          absl::StrCat("docker: is left as it is, as it asks mirrors for docker.io only: pull ",
                       options.agent.host_port(), "/library/debian there"));
      continue;
    }
    const auto make = request.is_install ? runtime->plan_install : runtime->plan_remove;
    KH_ASSIGN_OR_RETURN(MirrorPlan plan, make(options));
    std::move(plan.changes.begin(), plan.changes.end(), std::back_inserter(all.changes));
    std::move(plan.unchanged.begin(), plan.unchanged.end(), std::back_inserter(all.unchanged));
    for (const std::string& note : plan.notes) {
      all.notes.push_back(absl::StrCat(runtime->name, ": ", note));
    }
  }
  return all;
}

absl::string_view Verb(const FileChange& change) {
  if (!change.before.has_value()) return "made";
  return change.after.has_value() ? "changed" : "deleted";
}

absl::Status Apply(const MirrorPlan& plan, bool dry_run, const Terminal& terminal) {
  for (const FileChange& change : plan.changes) {
    if (dry_run) {
      terminal.out(DescribeFileChange(change));
      continue;
    }
    KH_RETURN_IF_ERROR(ApplyFileChange(change, storage::PosixFileSystem()));
    terminal.out(absl::StrCat(Verb(change), " ", change.path, "\n"));
  }
  for (const std::string& path : plan.unchanged) {
    terminal.out(absl::StrCat("nothing to do in ", path, "\n"));
  }
  if (plan.changes.empty() && plan.unchanged.empty()) terminal.out("nothing to do\n");
  if (dry_run && !plan.changes.empty()) terminal.out("nothing was changed (--dry-run)\n");
  for (const std::string& note : plan.notes) {
    terminal.out(absl::StrCat(
        "- ", absl::StrReplaceAll(absl::StripSuffix(note, "\n"), {{"\n", "\n    "}}), "\n"));
  }
  return absl::OkStatus();
}

}  // namespace

int RunMirrorCommand(Arguments arguments, const Terminal& terminal) {
  Request request;
  Texts texts;
  MirrorOptions& options = request.options;
  config::FlagSet flags(
      kName,
      "Makes the container runtimes of this node ask the agent before the registry (install), or\n"
      "takes exactly that back (remove). Files that can't be changed without doubt are left "
      "alone.");
  flags.AllowArguments("install|remove");
  flags.String("runtime", &texts.runtime,
               "containerd, docker, podman (also for buildah, skopeo and CRI-O), or auto: those "
               "that are there");
  flags.String("agent", &texts.agent, "the agent's registry address");
  flags.Strings(
      "registry", &options.registries,
      "a registry to mirror, as it is written in image names; for remove, none means all");
  flags.String("root", &texts.root, "the folder below which etc/ is");
  flags.Bool("dry-run", &request.dry_run, "show what would change, and change nothing");
  flags.Bool("set-config-path", &options.set_config_path,
             "containerd: set config_path in config.toml if it is not set");
  flags.Bool("named-by-host", &options.named_by_host,
             "podman: the cluster knows the registries' images by names with their host "
             "(`host` in the agent's mirrors)");
  if (const auto code = ParseCommandLine(flags, kName, arguments, terminal)) return *code;
  absl::StatusOr<Request> read = ReadRequest(flags.arguments(), texts, request);
  if (!read.ok()) return UsageError(kName, read.status().message(), terminal);
  const absl::StatusOr<MirrorPlan> plan = Plan(*read);
  if (!plan.ok()) return Failure(kName, plan.status(), terminal);
  const absl::Status status = Apply(*plan, read->dry_run, terminal);
  return status.ok() ? static_cast<int>(config::kExitOk) : Failure(kName, status, terminal);
}

}  // namespace kraken::krakenctl
