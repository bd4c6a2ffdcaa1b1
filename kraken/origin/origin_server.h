#ifndef KRAKEN_ORIGIN_ORIGIN_SERVER_H_
#define KRAKEN_ORIGIN_ORIGIN_SERVER_H_

#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/router.h"
#include "kraken/origin/origin_hub.h"
#include "kraken/storage/blob_store.h"

namespace kraken::origin {

struct OriginServerParts {
  net::EventLoop* control = nullptr;
  OriginHub* hub = nullptr;
  storage::BlobStore* store = nullptr;
  cluster::ClusterMonitor* cluster = nullptr;
};

// An origin's HTTP endpoints, as Kraken has them:
//   GET /blobs/{digest}/locations            200, header Origin-Locations: the blob's origins
//   GET /namespace/{namespace}/blobs/{digest} 200 and the blob if it is here; else 202: it is being
//                                            fetched, ask again
// and one of our own:
//   GET /x/blobs                             what the origin is busy with (OriginHub::DescribeJson)
// Everything in `parts` outlives the router.
void AddOriginRoutes(net::Router& router, const OriginServerParts& parts);

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_SERVER_H_
