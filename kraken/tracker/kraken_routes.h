#ifndef KRAKEN_TRACKER_KRAKEN_ROUTES_H_
#define KRAKEN_TRACKER_KRAKEN_ROUTES_H_

#include "kraken/daemon/kraken_gate.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/router.h"
#include "kraken/tracker/kraken_hub.h"

namespace kraken::tracker {

struct KrakenRoutesParts {
  net::EventLoop* control = nullptr;
  // Null where `compat.kraken` is off; then the gate lets nobody in.
  KrakenHub* hub = nullptr;
  daemon::KrakenGate* gate = nullptr;
};

// What agents of Kraken's version 1 ask a tracker:
//   GET /namespace/{namespace}/blobs/{digest}/metainfo
//       200 and the metainfo; 202: not known yet, ask again; 404: no origin has the blob
//   POST /announce/{infohash}, GET /announce
//       200 and peers (kraken_announce.h); 400; 403; 503: what the torrent is, is not known yet
// Everything in `parts` outlives the router.
void AddKrakenRoutes(net::Router& router, const KrakenRoutesParts& parts);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_KRAKEN_ROUTES_H_
