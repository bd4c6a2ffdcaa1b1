#ifndef KRAKEN_ORIGIN_ORIGIN_BLOB_H_
#define KRAKEN_ORIGIN_ORIGIN_BLOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "kraken/base/digest.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/stream.h"
#include "kraken/swarm/metainfo.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::origin {

// How an origin comes by a blob.
enum class BlobState {
  kLooking,      // the store is being asked
  kReplicating,  // from another origin, through the swarm
  kFetching,     // from the backend
  kComplete,     // in the store, durable and verified
};

// Somebody who waits for the blob to be here.
struct PrefetchWaiter {
  std::shared_ptr<rpc::ProgressOutlet> outlet;
  // Other origins that were told to have the blob too, and have not answered.
  int replicas_pending = 0;
  absl::Status replica_failure;
};

// One blob that an origin is asked about at the moment. A plain record: OriginHub keeps its
// invariants. What nobody asks about any more is dropped once it is complete.
struct OriginBlob {
  OriginBlob(uint64_t id, const Digest& digest, std::string ns)
      : id(id), digest(digest), ns(std::move(ns)) {}

  // Unlike that of any other record, of the same digest too.
  const uint64_t id;
  const Digest digest;
  const std::string ns;
  BlobState state = BlobState::kLooking;

  // What watchers were told so far, ready to be told to the next.
  rpc::v1::Metainfo known;
  // Set with the first range.
  swarm::TorrentKey key;
  bool in_swarm = false;
  // States computed by the backend fetch and not yet published.
  std::vector<Sha256State> unpublished;
  int32_t published = 0;
  net::TimerId publish_timer = net::TimerId::kNone;

  std::vector<std::shared_ptr<rpc::MetainfoOutlet>> watchers;
  std::vector<PrefetchWaiter> prefetches;
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  net::TimerId progress_timer = net::TimerId::kNone;

  // kReplicating: whom to copy from, and which of them is asked: first the origins that score
  // higher for this digest, which get the blob if they lack it; then all others, in case they have
  // it.
  std::vector<std::string> sources;
  size_t better_sources = 0;
  size_t source = 0;
  std::shared_ptr<rpc::CallHandle> source_call;
  uint64_t source_generation = 0;
  // The source as a peer of the swarm, once it has introduced itself.
  std::optional<swarm::PeerInfo> source_peer;

  // kFetching.
  registry::Cancellation fetch;
};

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_BLOB_H_
