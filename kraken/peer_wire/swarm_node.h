#ifndef KRAKEN_PEER_WIRE_SWARM_NODE_H_
#define KRAKEN_PEER_WIRE_SWARM_NODE_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/strong_index.h"
#include "kraken/peer_wire/blob_reader.h"
#include "kraken/peer_wire/node_options.h"
#include "kraken/peer_wire/node_stats.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/metainfo.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::storage {
class PartialBlob;
}

namespace kraken::peer_wire {

// Who wants a blob, and what he wants to know. All on the control loop, never inside the call that
// takes them.
struct LeechCallbacks {
  // Once: OK when the blob is complete in the store (durable, sha256 checked), else why not.
  absl::AnyInvocable<void(absl::Status)> on_done;
  // Optional. No piece came for SwarmConfig::stall_limit; repeated each stall_limit. The owner may
  // fill in from elsewhere (write into the PartialBlob), Drop(), or go on waiting.
  absl::AnyInvocable<void()> on_stalled;
};

// A host's whole part in the swarm: the engine, its network, and the store that pieces come from
// and go to. What an agent or an origin embeds.
//
// Blobs are fetched (Leech), or served while they arrive by another road (SeedArriving), or served
// because they are there (SeedComplete; also by itself, when a peer asks for one). The caller
// brings metainfo and peers from the tracker, the node asks for the latter through the Announcer.
//
// Belongs to the control loop: everything is called there, and calls back there, unless said
// otherwise. Nothing here blocks.
class SwarmNode {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // Listens, but does not yet accept. Errors as net::ListenSocket::Listen; INVALID_ARGUMENT for
  // options that do not fit together. May be called before the control loop runs.
  static absl::StatusOr<std::unique_ptr<SwarmNode>> Create(SwarmNodeOptions options);

  // After Shutdown's `done`, or without any traffic on the control loop any more.
  virtual ~SwarmNode() = default;

  // Begins to accept.
  virtual void Start() = 0;
  // Leaves all swarms at the tracker, closes all connections and fails all readers and downloads
  // with CANCELLED; partial blobs stay on disk, resumable. `done` when no I/O loop works for this
  // node any more.
  virtual void Shutdown(Done done) = 0;

  // As the tracker shall know this host; with the real port.
  virtual const swarm::PeerInfo& self() const = 0;

  // ---- Fetching ----

  // Fetches a blob, or joins a fetch that is under way; OK at once (posted) when it is complete.
  // Resumes what a partial blob on disk has. States that `metainfo` lacks come by AddStates.
  // Afterwards the node goes on seeding. A list that contradicts the partial's makes it begin anew.
  virtual void Leech(swarm::Metainfo metainfo, LeechCallbacks callbacks) = 0;

  // More of the piece list of a blob that is being fetched. `done`: PERMISSION_DENIED, DATA_LOSS,
  // INVALID_ARGUMENT as PieceListVerifier and Metainfo::Merge; NOT_FOUND.
  virtual void AddStates(swarm::SignedPieceRange range, Done done) = 0;

  // Stops a fetch, or seeding, and fails its readers and waiters with `reason`. What is on disk
  // stays. No effect if it is not in memory.
  virtual void Drop(const swarm::TorrentKey& key, const absl::Status& reason) = 0;

  // The list was revoked, or the bytes are not the digest's: as Drop, and what came of the blob is
  // deleted for good, unless it is complete (then its digest has been proved).
  virtual void Revoke(const swarm::TorrentKey& key, const absl::Status& reason) = 0;

  // The blob is not wanted here any more: neither fetched nor seeded from now on, and gone from the
  // disk, whatever keeps it there. Its readers and waiters fail with `reason`. `done`: NOT_FOUND if
  // nothing of it was there; errors as storage::BlobStore::Delete.
  virtual void Delete(const Digest& digest, const absl::Status& reason, Done done) = 0;

  // What Kraken's version 1 calls this torrent, as an origin has published it: peers that speak it
  // can now be dialled for it. No effect if the torrent is not in memory.
  virtual void SetInfoHash(const swarm::TorrentKey& key, const InfoHash& info_hash) = 0;

  // ---- Seeding ----

  // Serves a complete blob of the store. `done`: NOT_FOUND, DATA_LOSS (its piece list is damaged).
  virtual void SeedComplete(const Digest& digest, Done done) = 0;

  // Serves a blob that arrives by another road (SequentialWriter), each piece as soon as it is
  // verified; after its commit as any complete one; revoked when it is abandoned.
  // FAILED_PRECONDITION while its size is not known; ALREADY_EXISTS is no error: a fetch of the
  // same blob takes the pieces too.
  virtual absl::Status SeedArriving(std::shared_ptr<storage::PartialBlob> partial) = 0;

  // ---- Reading ----

  // Reads [offset, offset + length) of a blob that is complete, or for which Leech or SeedArriving
  // was called. NOT_FOUND; OUT_OF_RANGE unless 0 <= offset and offset + length <= size. A length of
  // -1: to the end. The size is found in BlobReader::size().
  virtual absl::StatusOr<std::unique_ptr<BlobReader>> OpenReader(const Digest& digest,
                                                                 ByteOffset offset,
                                                                 ByteCount length) = 0;

  // ---- The tracker ----

  // Peers that were asked for (the Announcer's answer), or pushed. Unknown torrents are ignored.
  virtual void OnTrackerPeers(const swarm::TorrentKey& key,
                              absl::Span<const swarm::PeerInfo> peers) = 0;

  // A tracker came, went or forgot: every torrent is announced again within some seconds.
  virtual void AnnounceAgain() = 0;

  // ---- For metrics and admin ----

  virtual SwarmNodeStats stats() const = 0;
  // Whether the torrent is in memory.
  virtual bool HasTorrent(const swarm::TorrentKey& key) const = 0;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_SWARM_NODE_H_
