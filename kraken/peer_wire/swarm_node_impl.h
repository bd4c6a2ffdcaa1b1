#ifndef KRAKEN_PEER_WIRE_SWARM_NODE_IMPL_H_
#define KRAKEN_PEER_WIRE_SWARM_NODE_IMPL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/random.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/listen_socket.h"
#include "kraken/peer_wire/loop_clock.h"
#include "kraken/peer_wire/peer_network.h"
#include "kraken/peer_wire/reader_impl.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/peer_wire/torrent_content.h"
#include "kraken/peer_wire/torrent_opener.h"
#include "kraken/peer_wire/wire_environment.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::storage {
struct PartialBlobEvent;
}

namespace kraken::peer_wire {

// Torrents' lives: opened on the disk pool, run by the engine, committed, dropped. All state
// belongs to the control loop; work on other threads comes back through Later().
//
// Its methods are in two files: swarm_node_impl.cc, swarm_node_seeding.cc (what others get of us).
class SwarmNodeImpl final : public SwarmNode, private swarm::SwarmObserver, private ReaderRegistry {
 public:
  // Between two tries to commit when the disk pool is full.
  static constexpr absl::Duration kCommitRetryDelay = absl::Milliseconds(50);

  SwarmNodeImpl(SwarmNodeOptions options, net::ListenSocket socket);
  ~SwarmNodeImpl() override;

  void Start() override;
  void Shutdown(Done done) override;
  const swarm::PeerInfo& self() const override { return options_.self; }
  void Leech(swarm::Metainfo metainfo, LeechCallbacks callbacks) override;
  void AddStates(swarm::SignedPieceRange range, Done done) override;
  void SetInfoHash(const swarm::TorrentKey& key, const InfoHash& info_hash) override;
  void Drop(const swarm::TorrentKey& key, const absl::Status& reason) override;
  void Revoke(const swarm::TorrentKey& key, const absl::Status& reason) override;
  void Delete(const Digest& digest, const absl::Status& reason, Done done) override;
  void SeedComplete(const Digest& digest, Done done) override;
  absl::Status SeedArriving(std::shared_ptr<storage::PartialBlob> partial) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> OpenReader(const Digest& digest, ByteOffset offset,
                                                         ByteCount length) override;
  void OnTrackerPeers(const swarm::TorrentKey& key,
                      absl::Span<const swarm::PeerInfo> peers) override;
  void AnnounceAgain() override { scheduler_.AnnounceAgain(); }
  SwarmNodeStats stats() const override;
  bool HasTorrent(const swarm::TorrentKey& key) const override { return torrents_.contains(key); }

 private:
  struct Torrent;
  struct Reader;
  // Of a blob, by hand.
  struct Deletion {
    absl::Status reason;
    std::shared_ptr<Done> done;
  };

  // Runs `fn(*this)` on the control loop if the node still lives. Any thread.
  template <typename Function>
  void Later(Function fn);
  // As Later, for other threads, made on the control loop.
  template <typename Function>
  static void PostTo(const std::shared_ptr<SwarmNodeImpl*>& alive, const net::LoopHandle& control,
                     Function fn);

  Torrent* Find(const swarm::TorrentKey& key) const;
  Torrent* FindById(swarm::TorrentId id) const;
  Torrent* FindByDigest(const Digest& digest) const;
  Torrent& NewTorrent(const swarm::TorrentKey& key, std::shared_ptr<TorrentContent> content);

  void DeleteFromStore(const Digest& digest, std::shared_ptr<storage::PartialBlob> partial,
                       Deletion deletion);
  void StartOpening(Torrent& torrent);
  void OnOpened(const swarm::TorrentKey& key, uint64_t generation,
                absl::StatusOr<OpenedBlob> opened);
  absl::Status AttachPartial(Torrent& torrent, std::shared_ptr<storage::PartialBlob> partial);
  absl::Status AddToEngine(Torrent& torrent, const swarm::TorrentSpec& spec);
  absl::Status AddComplete(const CompleteTorrent& complete);
  void MergeStates(const swarm::SignedPieceRange& range, Done done);
  absl::Status MergeInto(Torrent& torrent, const swarm::SignedPieceRange& range);
  void OnPartialEvent(const swarm::TorrentKey& key, uint64_t generation,
                      const storage::PartialBlobEvent& event);
  void OnForeignPiece(Torrent& torrent, PieceIndex piece);
  void BeginCommit(Torrent& torrent);
  void OnCommitted(const swarm::TorrentKey& key, uint64_t generation,
                   absl::StatusOr<std::shared_ptr<const storage::Blob>> blob);
  void OnComplete(Torrent& torrent, std::shared_ptr<const storage::Blob> blob);
  void Remove(Torrent& torrent, const absl::Status& reason, bool in_engine);
  void TellWaiters(std::vector<LeechCallbacks> waiters, const absl::Status& status);
  void OpenForPeer(const swarm::TorrentKey& key, ByteCount size,
                   absl::AnyInvocable<void(bool)> done);
  void OpenForKraken(const KrakenHandshake& handshake,
                     absl::AnyInvocable<void(absl::StatusOr<swarm::TorrentKey>)> done);
  Torrent* FindInPieces(const Digest& digest, PieceCount pieces) const;
  void OpenCompleteForPeer(const swarm::TorrentKey& key, absl::AnyInvocable<void(bool)> done);
  void AttachReader(Reader& reader, Torrent& torrent);

  // ---- swarm::SwarmObserver: called from within the engine ----
  void OnPieceAvailable(swarm::TorrentId torrent, PieceIndex piece) override;
  void OnTorrentComplete(swarm::TorrentId id) override;
  void OnTorrentStalled(swarm::TorrentId id) override;
  void OnTorrentEvicted(swarm::TorrentId id) override;
  void OnPeerBanned(const swarm::PeerInfo& peer, const absl::Status& reason) override;

  // ---- ReaderRegistry ----
  void OnReaderAdvanced(uint64_t number, ByteOffset cursor) override;
  void OnReaderSuspended(uint64_t number, bool suspended) override;
  void OnReaderGone(uint64_t number) override;

  SwarmNodeOptions options_;
  // Null once this object is gone; read on the control loop only.
  const std::shared_ptr<SwarmNodeImpl*> alive_;
  const net::LoopHandle control_;
  const std::shared_ptr<ReaderHome> reader_home_;
  const std::shared_ptr<WireEnvironment> environment_;
  std::unique_ptr<BitGen> random_;
  LoopClock clock_;
  PeerNetwork network_;
  swarm::Scheduler scheduler_;

  absl::flat_hash_map<swarm::TorrentKey, std::unique_ptr<Torrent>> torrents_;
  absl::flat_hash_map<swarm::TorrentId, swarm::TorrentKey> key_of_id_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Reader>> readers_;
  // Of torrents that were being opened, by their generation.
  absl::flat_hash_map<uint64_t, Deletion> deletions_;
  uint64_t next_generation_ = 1;
  uint64_t next_reader_ = 1;
  uint64_t blobs_completed_ = 0;
  uint64_t blobs_failed_ = 0;
  bool shutting_down_ = false;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_SWARM_NODE_IMPL_H_
