#include "kraken/tracker/tracker_config.h"

#include "kraken/config/reader.h"

namespace kraken::tracker {

void ReadConfig(config::ObjectReader& r, TrackerServerConfig* c) {
  r.Optional("announce_limit", &c->announce_limit, {.min = 1, .max = 200});
  r.Optional("lease", &c->lease, {.min = absl::Seconds(1)});
  r.Optional("peer_timeout", &c->peer_timeout, {.min = absl::Seconds(1), .max = absl::Minutes(3)});
  r.Optional("max_swarms_per_peer", &c->max_swarms_per_peer, {.min = 1});
  r.Optional("metainfo_ttl", &c->metainfo_ttl, {.min = absl::Minutes(3)});
  r.Optional("orders_after", &c->orders_after, {.min = absl::ZeroDuration()});
  r.IgnoredKrakenKey("listener", "the flag -port decides");
  r.IgnoredKrakenKey("announce_interval", "news is pushed, not polled");
  r.IgnoredKrakenKey("get_metainfo_limit", "metainfo is streamed");
}

void ReadConfig(config::ObjectReader& r, SharedStoreConfig* c) {
  r.Optional("enabled", &c->enabled);
  redis::ReadRedisConfig(r, c, /*in_use=*/c->enabled);
  r.Optional("dial_timeout", &c->dial_timeout,
             {.min = absl::Milliseconds(1), .zero_is_default = true});
  r.Optional("read_timeout", &c->read_timeout,
             {.min = absl::Milliseconds(1), .zero_is_default = true});
  r.IgnoredKrakenKey("write_timeout", "writes never block; read_timeout bounds their answers");
  r.IgnoredKrakenKey("peer_set_window_size", "each entry has its own expiry");
  r.IgnoredKrakenKey("max_peer_set_windows", "each entry has its own expiry");
  r.IgnoredKrakenKey("max_idle_conns", "two connections do");
  r.IgnoredKrakenKey("max_active_conns", "two connections do");
  r.IgnoredKrakenKey("idle_conn_timeout", "two connections do");
}

void ReadConfig(config::ObjectReader& r, PeerStoreConfig* c) {
  r.Optional("redis", &c->redis);
  r.IgnoredKrakenKey("local", "trackerserver.lease says how long a peer is remembered");
}

void ReadConfig(config::ObjectReader& r, TrackerConfig* c) {
  daemon::ReadCommonConfig(r, &c->common);
  r.Optional("compat", &c->compat);
  r.Required("origin", &c->origin);
  r.Optional("hashring", &c->hashring);
  r.Optional("trackerserver", &c->trackerserver);
  r.Optional("peerstore", &c->peerstore);
  r.IgnoredKrakenKey("originstore", "origins are watched, not asked again and again");
  r.IgnoredKrakenKey("peerhandoutpolicy", "complete peers come first, then origins, then others");
}

}  // namespace kraken::tracker
