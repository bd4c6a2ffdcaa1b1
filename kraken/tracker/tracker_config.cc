#include "kraken/tracker/tracker_config.h"

#include "kraken/config/reader.h"

namespace kraken::tracker {

void ReadConfig(config::ObjectReader& r, TrackerServerConfig* c) {
  r.Optional("announce_limit", &c->announce_limit, {.min = 1, .max = 200});
  r.Optional("lease", &c->lease, {.min = absl::Seconds(1)});
  r.Optional("peer_timeout", &c->peer_timeout, {.min = absl::Seconds(1), .max = absl::Minutes(3)});
  r.Optional("max_swarms_per_peer", &c->max_swarms_per_peer, {.min = 1});
  r.Optional("metainfo_ttl", &c->metainfo_ttl, {.min = absl::Minutes(3)});
  r.IgnoredKrakenKey("listener", "the flag -port decides");
  r.IgnoredKrakenKey("announce_interval", "news is pushed, not polled");
  r.IgnoredKrakenKey("get_metainfo_limit", "metainfo is streamed");
}

void ReadConfig(config::ObjectReader& r, TrackerConfig* c) {
  daemon::ReadCommonConfig(r, &c->common);
  r.Optional("compat", &c->compat);
  r.Required("origin", &c->origin);
  r.Optional("hashring", &c->hashring);
  r.Optional("trackerserver", &c->trackerserver);
  r.IgnoredKrakenKey("peerstore", "leases are kept in memory and rebuilt from announces");
  r.IgnoredKrakenKey("originstore", "origins are watched, not asked again and again");
  r.IgnoredKrakenKey("peerhandoutpolicy", "complete peers come first, then origins, then others");
}

}  // namespace kraken::tracker
