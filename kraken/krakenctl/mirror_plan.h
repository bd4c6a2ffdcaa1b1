// What must change in a container runtime's configuration so that it asks the agent first, and what
// to take away again. Everything is read, and refused if it is not sure, before anything is
// changed.
#ifndef KRAKEN_KRAKENCTL_MIRROR_PLAN_H_
#define KRAKEN_KRAKENCTL_MIRROR_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/krakenctl/config_file.h"
#include "kraken/net/url.h"

namespace kraken::krakenctl {

struct MirrorOptions {
  std::string root;  // before every path: empty, or a folder without a slash at its end
  net::Url agent;    // its registry face; the target is ignored
  // Hosts, "harbor.example.com:8443". Of a removal: empty means all.
  std::vector<std::string> registries;
  // containerd: set its config_path, if it is not.
  bool set_config_path = false;
  // podman and its like: the cluster knows the registries' images by names with their host.
  bool named_by_host = false;

  // "http://localhost:13000".
  std::string agent_address() const { return agent.scheme + "://" + agent.host_port(); }
};

struct MirrorPlan {
  std::vector<FileChange> changes;
  std::vector<std::string> unchanged;  // paths where nothing is to be done
  std::vector<std::string> notes;      // what the operator must know or do
};

// /etc/containerd/certs.d/HOST/hosts.toml, and config.toml.
absl::StatusOr<MirrorPlan> PlanContainerdInstall(const MirrorOptions& options);
absl::StatusOr<MirrorPlan> PlanContainerdRemove(const MirrorOptions& options);

// /etc/docker/daemon.json. INVALID_ARGUMENT for a registry other than docker.io.
absl::StatusOr<MirrorPlan> PlanDockerInstall(const MirrorOptions& options);
absl::StatusOr<MirrorPlan> PlanDockerRemove(const MirrorOptions& options);

// /etc/containers/registries.conf.d/50-kraken-harbor.conf, for podman, buildah, skopeo and CRI-O.
absl::StatusOr<MirrorPlan> PlanPodmanInstall(const MirrorOptions& options);
absl::StatusOr<MirrorPlan> PlanPodmanRemove(const MirrorOptions& options);

// "line 3: …" about a file becomes "/etc/…:3: …"; other messages get its path in front.
absl::Status AtPath(const absl::Status& status, absl::string_view path);

// A change, or that there is none.
void AddChange(MirrorPlan& plan, FileChange change);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_MIRROR_PLAN_H_
