#ifndef KRAKEN_ORIGIN_KRAKEN_ROUTES_H_
#define KRAKEN_ORIGIN_KRAKEN_ROUTES_H_

#include "kraken/daemon/kraken_gate.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/router.h"
#include "kraken/origin/origin_hub.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::origin {

struct KrakenRoutesParts {
  net::EventLoop* control = nullptr;
  OriginHub* hub = nullptr;
  daemon::KrakenGate* gate = nullptr;
  swarm::PeerInfo self;
  // Name of this host's zone.
  std::string zone;
};

// What trackers and agents of Kraken's version 1 ask an origin besides AddOriginRoutes():
//   GET /internal/peercontext
//       the origin as a peer
//   GET /internal/namespace/{namespace}/blobs/{digest}/metainfo
//       200 and the metainfo; 202: the blob is being fetched, ask again; 404
//   HEAD /internal/namespace/{namespace}/blobs/{digest}
//       200 with the size; 404. With ?local=true of what is here
// Everything in `parts` outlives the router.
void AddKrakenRoutes(net::Router& router, const KrakenRoutesParts& parts);

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_KRAKEN_ROUTES_H_
