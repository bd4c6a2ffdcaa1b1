// Opening blobs of the store as torrents. Blocks on the disk: for the work pool.
#ifndef KRAKEN_PEER_WIRE_TORRENT_OPENER_H_
#define KRAKEN_PEER_WIRE_TORRENT_OPENER_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/swarm/metainfo.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::storage {
class Blob;
class BlobStore;
class PartialBlob;
}  // namespace kraken::storage

namespace kraken::peer_wire {

// One of the two.
struct OpenedBlob {
  std::shared_ptr<const storage::Blob> blob;
  std::shared_ptr<storage::PartialBlob> partial;
};

// The complete blob if it is there, else its partial, begun or resumed, which knows all states that
// `metainfo` does. What a former list left is given up if the new one contradicts it. Errors as
// BlobStore::OpenPartial.
absl::StatusOr<OpenedBlob> OpenForLeech(storage::BlobStore& store, const swarm::Metainfo& metainfo);

// Gives a partial the states that it lacks. DATA_LOSS if they contradict those it has.
absl::Status AddMissingStates(const swarm::Metainfo& metainfo, storage::PartialBlob& partial);

// What a partial has, as the engine wants it. REQUIRES: its layout is known.
absl::StatusOr<swarm::TorrentSpec> SpecOfPartial(const storage::PartialBlob& partial);

struct CompleteTorrent {
  std::shared_ptr<const storage::Blob> blob;
  swarm::TorrentSpec spec;
};

// NOT_FOUND; DATA_LOSS if the piece list is damaged.
absl::StatusOr<CompleteTorrent> OpenComplete(storage::BlobStore& store, const Digest& digest);

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_TORRENT_OPENER_H_
