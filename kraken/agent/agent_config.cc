#include "kraken/agent/agent_config.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "kraken/base/label.h"
#include "kraken/config/reader.h"

namespace kraken::agent {
namespace {

// registry: {docker: {http: {net, addr}}}, of which the rest belongs to another program.
struct DockerConfig {
  config::ListenerConfig http;
};
void ReadConfig(config::ObjectReader& r, DockerConfig* c) {
  r.Optional("http", &c->http);
  r.IgnoredKrakenKey("version", "the registry is our own");
  r.IgnoredKrakenKey("log", "the section zap decides");
  r.IgnoredKrakenKey("storage", "the section store decides");
}

struct RegistryConfig {
  DockerConfig docker;
};
void ReadConfig(config::ObjectReader& r, RegistryConfig* c) { r.Optional("docker", &c->docker); }

void CheckLabels(config::ObjectReader& r, const std::map<std::string, std::string>& labels) {
  if (labels.size() > kMaxLabels) r.Error("labels", absl::StrCat("at most ", kMaxLabels));
  for (const auto& [key, value] : labels) {
    if (!IsLabelText(key) || !IsLabelText(value)) {
      r.Error("labels", absl::StrCat(key, ": a label's key and value are ", kLabelTextRule));
    }
  }
}

}  // namespace

void ReadConfig(config::ObjectReader& r, StoreConfig* c) {
  daemon::ReadBlobStoreConfig(r, c);
  r.IgnoredKrakenKey("download_dir", "partial blobs live under cache_dir");
  r.IgnoredKrakenKey("download_cleanup", "space is reserved before a download starts");
  r.IgnoredKrakenKey("cache_cleanup", "the least recently used blobs go when space is needed");
  r.IgnoredKrakenKey("read_part_size", "blobs are sent by the kernel");
  r.IgnoredKrakenKey("write_part_size", "blobs are written as they arrive");
}

void ReadConfig(config::ObjectReader& r, DownloadConfig* c) {
  r.Optional("metainfo_timeout", &c->metainfo_timeout, {.min = absl::Milliseconds(1)});
  r.Optional("first_byte_timeout", &c->first_byte_timeout, {.min = absl::Milliseconds(1)});
  r.Optional("tracker_timeout", &c->tracker_timeout, {.min = absl::Milliseconds(1)});
  r.Optional("ask_origins_after", &c->ask_origins_after, {.min = absl::Milliseconds(1)});
  r.Optional("read_backend_after", &c->read_backend_after, {.min = absl::Milliseconds(1)});
  r.Optional("stall_timeout", &c->stall_timeout, {.min = absl::Milliseconds(1)});
  r.Optional("max_backend_reads", &c->max_backend_reads, {.min = 1, .max = 1024});
  r.Optional("progress_timeout", &c->progress_timeout, {.min = absl::Milliseconds(1)});
  r.Optional("tag_max_age", &c->tag_max_age);
}

void ReadConfig(config::ObjectReader& r, AgentConfig* c) {
  daemon::ReadCommonConfig(r, &c->common);
  r.Optional("compat", &c->compat);
  r.Optional("store", &c->store);
  r.Optional("downloads", &c->downloads);
  RegistryConfig registry;
  r.Optional("registry", &registry);
  c->registry = registry.docker.http;
  r.Optional("mirrors", &c->mirrors);
  r.Optional("access", &c->access);
  r.Optional("look_ahead", &c->look_ahead);
  r.Optional("labels", &c->labels);
  CheckLabels(r, c->labels);
  r.Required("tracker", &c->tracker);
  r.Optional("origin", &c->origin);
  r.Optional("backends", &c->backends);
  r.Required("build_index", &c->build_index);
  r.Optional("scheduler", &c->scheduler);
  r.IgnoredKrakenKey("peer_id_factory", "a peer is named by its address");
  r.IgnoredKrakenKey("network_event", "metrics tell");
  r.IgnoredKrakenKey("agentserver", "it has no settings left");
  r.IgnoredKrakenKey("registry_backup", "the section backends says what is read in need");
  r.IgnoredKrakenKey("allowed_cidrs", "the registry listens on the loopback address");
  r.IgnoredKrakenKey("container_runtime", "images are not preloaded through a runtime yet");
  r.IgnoredKrakenKey("docker_daemon", "images are not preloaded through a runtime yet");
}

}  // namespace kraken::agent
