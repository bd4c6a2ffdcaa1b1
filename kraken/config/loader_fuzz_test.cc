// Any bytes as a configuration file, or as two files laid over each other (parted by a 0xFF): the
// loader answers, stays within its limits, and what it accepts can be read into every type.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/config/bandwidth_config.h"
#include "kraken/config/cluster_config.h"
#include "kraken/config/listener_config.h"
#include "kraken/config/loader.h"
#include "kraken/config/logging_config.h"
#include "kraken/config/metrics_config.h"
#include "kraken/config/node.h"
#include "kraken/config/reader.h"
#include "kraken/config/tls_config.h"
#include "kraken/config/yaml_parser.h"
#include "re2/re2.h"

namespace kraken::config {
namespace {

struct Backend {
  std::shared_ptr<const re2::RE2> name_space;
  std::map<std::string, std::map<std::string, std::string>> backend;
  BandwidthConfig bandwidth;
  bool must_ready = false;
};
void ReadConfig(ObjectReader& r, Backend* c) {
  r.Required("namespace", &c->name_space);
  r.Optional("backend", &c->backend);
  r.Optional("bandwidth", &c->bandwidth);
  r.Optional("must_ready", &c->must_ready);
}

struct Config {
  TlsConfig tls;
  ActiveHostsConfig origin;
  PassiveHashRingConfig tracker;
  ListenerConfig listener;
  LoggingConfig zap;
  MetricsConfig metrics;
  std::vector<Backend> backends;
  std::map<std::string, std::string> piece_lengths;
  std::optional<double> factor;
  absl::Duration ttl;
  int64_t size_bytes = 0;
  uint32_t count = 0;
};
void ReadConfig(ObjectReader& r, Config* c) {
  r.Optional("tls", &c->tls);
  r.Optional("origin", &c->origin);
  r.Optional("tracker", &c->tracker);
  r.Optional("listener", &c->listener);
  r.Optional("zap", &c->zap);
  r.Optional("metrics", &c->metrics);
  r.Optional("backends", &c->backends);
  r.Optional("piece_lengths", &c->piece_lengths);
  r.Optional("factor", &c->factor);
  r.Optional("ttl", &c->ttl, {.min = absl::ZeroDuration()});
  r.Optional("size", AsByteSize(&c->size_bytes));
  r.Optional("count", &c->count, {.max = 100});
  r.IgnoredKrakenKey("nginx", "it is built in");
}

int DepthOf(const Node& node) {
  int deepest = 0;
  for (const Node& item : node.items) deepest = std::max(deepest, DepthOf(item));
  for (const NodeMember& member : node.members) deepest = std::max(deepest, DepthOf(member.value));
  return 1 + deepest;
}

size_t CountOf(const Node& node) {
  size_t count = 1;
  for (const Node& item : node.items) count += CountOf(item);
  for (const NodeMember& member : node.members) count += CountOf(member.value);
  return count;
}

Sources TwoFiles(absl::string_view bytes) {
  const size_t cut = bytes.find('\xff');
  std::string top(bytes.substr(0, cut));
  std::string base(cut == absl::string_view::npos ? "" : bytes.substr(cut + 1));
  return {
      .read_file = [top, base](const std::string& path) -> absl::StatusOr<std::string> {
        if (path == "/etc/top.yaml") return top;
        if (path == "/etc/base.yaml") return base;
        return absl::NotFoundError("missing");
      },
      .get_env = [](const std::string&) -> std::optional<std::string> { return "value"; },
  };
}

void LoadAndRead(absl::string_view bytes) {
  const absl::StatusOr<Node> root =
      Load({.config_path = "/etc/top.yaml", .secrets_path = "/etc/base.yaml"}, TwoFiles(bytes));
  if (!root.ok()) {
    KH_CHECK(root.status().code() == absl::StatusCode::kFailedPrecondition);
    return;
  }
  KH_CHECK(DepthOf(*root) <= kMaxDepth + 1);
  KH_CHECK(CountOf(*root) <= 2 * kMaxNodes);
  Config config;
  std::vector<std::string> warnings;
  const absl::Status status = ReadDocument(*root, &config, &warnings);
  KH_CHECK(warnings.size() <= kMaxWarnings);
  KH_CHECK(status.message().size() < (64 << 10));
}

}  // namespace
}  // namespace kraken::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kraken::config::LoadAndRead(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
