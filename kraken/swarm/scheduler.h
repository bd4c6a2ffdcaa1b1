#ifndef KRAKEN_SWARM_SCHEDULER_H_
#define KRAKEN_SWARM_SCHEDULER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/config.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/piece_map.h"
#include "kraken/swarm/stats.h"

namespace kraken::swarm {

class Host;

// A torrent as its owner adds it.
struct TorrentSpec {
  Digest digest;
  storage::PieceLayout layout;
  // Pieces already here and checked; of layout's size.
  PieceMap have;
  // States known: bit i is set if the chaining value after piece i is. Of size pieces - 1; or
  // `all_states_known`.
  PieceMap known_states;
  bool all_states_known = false;
};

// All torrents of one host: the whole engine behind one door.
//
// Pure: it has no sockets, threads, clocks or files. It decides, and the environment does. Piece
// payload never passes through: the network checks it against the chaining values, writes it, and
// reports the outcome. The same seed and the same inputs give the same outputs.
//
// Everything that comes from a peer is validated here: an index out of range, or a message that
// does not fit the link's state, closes that link and nothing else. A callback for a link or
// torrent that is gone is ignored.
//
// Not thread safe: all calls come from one thread, the control loop.
class Scheduler {
 public:
  struct Environment {
    Network* network;
    Announcer* announcer;
    SwarmClock* clock;
    SwarmObserver* observer;
    // Drawn from in the order of inputs.
    BitGen* random;
  };

  // `self`: as the tracker knows it; `origin` there says that this host is one.
  // All pointers outlive the scheduler.
  Scheduler(const SwarmConfig& config, const PeerInfo& self, const Environment& environment);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // ---- Torrents ----

  // ALREADY_EXISTS if its (digest, piece length) is here; INVALID_ARGUMENT if the maps' sizes are
  // not the layout's.
  absl::StatusOr<TorrentId> AddTorrent(const TorrentSpec& spec);

  // Closes its links and forgets it; leaves the swarm at the tracker. Used for deletion and for a
  // revoked list alike. NOT_FOUND.
  absl::Status RemoveTorrent(TorrentId torrent, const absl::Status& reason);

  // The torrent of a swarm; an invalid id if none.
  TorrentId FindTorrent(const TorrentKey& key) const;

  // Chaining values after pieces [first, first + count) are known and believed.
  absl::Status OnStatesKnown(TorrentId torrent, PieceIndex first, PieceCount count);

  // A piece that arrived outside the swarm (an origin's backend): here, checked, readable.
  absl::Status OnLocalPiece(TorrentId torrent, PieceIndex piece);

  // The pieces here. REQUIRES: a live torrent. Valid until the next non-const call.
  const PieceMap& Have(TorrentId torrent) const;

  // ---- Readers ----

  // A client reads from `offset` on, in order. NOT_FOUND, OUT_OF_RANGE.
  absl::StatusOr<ReaderId> AddReader(TorrentId torrent, ByteOffset offset);
  // Its next byte is `offset` (the blob's size when it has all).
  void AdvanceReader(ReaderId reader, ByteOffset offset);
  // A client that does not take what we have needs nothing fetched for it.
  void SuspendReader(ReaderId reader);
  void ResumeReader(ReaderId reader);
  void RemoveReader(ReaderId reader);

  // ---- The tracker ----

  // Peers of this torrent, asked for or pushed.
  void OnTrackerPeers(TorrentId torrent, absl::Span<const PeerInfo> peers);

  // A tracker came, went or forgot: every torrent is announced again, each at a random time within
  // SwarmConfig::announce_interval.
  void AnnounceAgain();

  // ---- The network ----

  // A dial succeeded; the engine sends its handshake. OnHandshake follows.
  void OnDialed(LinkId link);

  // The peer's side of a link that we opened.
  void OnHandshake(LinkId link, const Handshake& handshake);

  // Somebody opened a link and sent its handshake. On success the engine has called
  // Network::Accept from within. On error the network closes:
  // NOT_FOUND: no such torrent here (the owner may AddTorrent and ask again); RESOURCE_EXHAUSTED:
  // no slot free; ALREADY_EXISTS: linked to this peer; PERMISSION_DENIED: banned;
  // FAILED_PRECONDITION: neither side lacks anything; INVALID_ARGUMENT: a bitfield that does not
  // fit.
  absl::Status OnIncoming(IncomingId incoming, const PeerInfo& peer, const Handshake& handshake);

  void OnHave(LinkId link, absl::Span<const PieceIndex> pieces, LoadHint load);
  void OnRequest(LinkId link, PieceIndex piece);
  void OnCancel(LinkId link, PieceIndex piece);
  void OnReject(LinkId link, PieceIndex piece);

  // Payload of a piece began to arrive, or goes on: optional after the first, at most some ten
  // times a second.
  void OnPieceProgress(LinkId link, PieceIndex piece, ByteCount bytes_so_far);

  enum class PieceOutcome : uint8_t {
    kVerified,   // checked and written
    kCorrupt,    // the bytes are not the piece: the peer is to blame
    kAborted,    // the peer stopped before the end
    kLocalError  // could not be written; the peer is not to blame
  };
  // The end of a piece's payload. Each piece that comes is reported once, requested or not.
  void OnPieceReceived(LinkId link, PieceIndex piece, PieceOutcome outcome, ByteCount bytes);

  void OnUploadDone(LinkId link, PieceIndex piece);

  // The link broke, or its dial failed, or the peer closed it.
  void OnLinkClosed(LinkId link, const absl::Status& reason);

  // ---- Time ----

  void OnTimer();

  // ---- For a simulation of more hosts than the cache holds ----

  // Fetches into the cache what an input of `link` about `piece` is about to read, in
  // kPrefetchSteps steps: each reads what the one before it, a few inputs ago, has fetched. Changes
  // nothing.
  void Prefetch(LinkId link, PieceIndex piece, int step) const;
  static constexpr int kPrefetchSteps = 6;

  // ---- For metrics, tests and the simulator's checkers ----

  const SwarmStats& stats() const;
  TorrentStats StatsOf(TorrentId torrent) const;
  // The pieces that the peer has by its own word; null if there is no such link or it is not open.
  const PieceMap* HaveOf(LinkId link) const;
  // Walks everything and aborts if an invariant does not hold. Slow.
  void CheckInvariants() const;

 private:
  std::unique_ptr<Host> host_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_SCHEDULER_H_
