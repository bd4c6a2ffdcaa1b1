#include "kraken/daemon/scheduler_config.h"

#include <algorithm>
#include <cstdint>

namespace kraken::daemon {
namespace {

constexpr int64_t kBitsPerByte = 8;
constexpr char kMeasured[] = "the engine measures what it needs to know";
constexpr char kOwnLimits[] = "the engine decides how many connections a torrent needs";

struct ConnConfig {
  config::BandwidthConfig bandwidth;
};
void ReadConfig(config::ObjectReader& r, ConnConfig* c) {
  r.Optional("bandwidth", &c->bandwidth);
  r.IgnoredKrakenKey("handshake_timeout", "it is always 5 s");
  r.IgnoredKrakenKey("sender_buffer_size", "messages are sent as the socket takes them");
  r.IgnoredKrakenKey("receiver_buffer_size", "messages are read as they are handled");
}

int64_t BytesPerSecond(int64_t bits) { return std::max<int64_t>(bits / kBitsPerByte, 1); }

}  // namespace

void ReadConfig(config::ObjectReader& r, SchedulerConfig* c) {
  ConnConfig conn;
  r.Optional("conn", &conn);
  c->bandwidth = conn.bandwidth;
  for (const char* key : {"seeder_tti", "leecher_tti", "conn_tti", "conn_ttl",
                          "preemption_interval", "disable_preemption", "connstate"}) {
    r.IgnoredKrakenKey(key, kOwnLimits);
  }
  r.IgnoredKrakenKey("dispatch", kMeasured);
  r.IgnoredKrakenKey("emit_stats_interval", "metrics are always true");
  r.IgnoredKrakenKey("probe_timeout", "/health answers at once");
  r.IgnoredKrakenKey("torrentlog", "the section zap decides");
  r.IgnoredKrakenKey("log", "the section zap decides");
}

void ApplyTo(swarm::SwarmConfig& swarm, const SchedulerConfig& config) {
  if (!config.bandwidth.enable) return;
  swarm.upload_limit = BytesPerSecond(config.bandwidth.egress_bits_per_sec);
  swarm.download_limit = BytesPerSecond(config.bandwidth.ingress_bits_per_sec);
}

}  // namespace kraken::daemon
