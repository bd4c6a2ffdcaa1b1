// The engine's outside: everything that it asks of the world, as interfaces.
//
// One rule for all implementations: a method returns at once and never calls back into the engine
// from within; what it brings about arrives later as an input of Scheduler, on the same thread.
// References and spans are valid only during the call.
#ifndef KRAKEN_SWARM_ENVIRONMENT_H_
#define KRAKEN_SWARM_ENVIRONMENT_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::swarm {

// How busy a host's uploads are: how long it will take to send all that was asked of it so far.
// Rides on every HAVE between our own peers (4 bytes, microseconds), so that requests go where a
// slot is free. A v1 peer never says; the engine then goes by its own measurements.
struct LoadHint {
  static constexpr uint32_t kUnknown = 0xffffffff;
  uint32_t backlog_micros = kUnknown;

  // At most an hour, far from kUnknown.
  static LoadHint OfNanos(double nanos) {
    constexpr double kMostMicros = 3.6e9;
    return {static_cast<uint32_t>(std::min(nanos / kNanosPerMicro, kMostMicros))};
  }
  bool is_known() const { return backlog_micros != kUnknown; }
};

// What each side of a link says first.
struct Handshake {
  TorrentKey key;
  PeerId peer;
  // The pieces that the sender is willing to serve now. A super-seeding origin sends none and names
  // them one by one later.
  PieceMap have;
  LoadHint load;
};

// Connections and payload. In production kraken/peer_wire, in simulations kraken/sim.
class Network {
 public:
  virtual ~Network() = default;

  // Connects to the peer, for this torrent. Answered by OnDialed, or OnLinkClosed on failure; the
  // network limits the time that it takes.
  virtual void Dial(LinkId link, const TorrentKey& key, const PeerInfo& peer) = 0;

  // Sends our side's handshake on a link that we dialled, after OnDialed.
  virtual void SendHandshake(LinkId link, const Handshake& handshake) = 0;

  // From within OnIncoming: what came in becomes `link`; sends our side's handshake on it.
  virtual void Accept(IncomingId incoming, LinkId link, const Handshake& handshake) = 0;

  // Sends one message to each of the links (v1: one frame per piece; nothing if `pieces` is empty).
  virtual void SendHave(absl::Span<const LinkId> links, absl::Span<const PieceIndex> pieces,
                        LoadHint load) = 0;

  // Asks for a whole piece. Answered by OnPieceProgress and then OnPieceReceived; or OnReject.
  virtual void SendRequest(LinkId link, PieceIndex piece) = 0;

  // Takes a request back. The peer may have begun to send it; then it comes, or is aborted.
  virtual void SendCancel(LinkId link, PieceIndex piece) = 0;

  // Says that a request will not be served. (v1: an ERROR frame.)
  virtual void SendReject(LinkId link, PieceIndex piece) = 0;

  // Sends the payload of a piece. Answered by OnUploadDone, once, unless the link closes first.
  virtual void StartUpload(LinkId link, PieceIndex piece) = 0;

  // Ends an upload early where the wire allows it; OnUploadDone still follows.
  virtual void StopUpload(LinkId link, PieceIndex piece) = 0;

  // Closes the link; nothing arrives from it afterwards, also no OnLinkClosed. Payload of it that
  // is being received is dropped, and so is what was being sent.
  virtual void Close(LinkId link, const absl::Status& reason) = 0;
};

enum class AnnounceEvent : uint8_t {
  kJoin,      // first word about this torrent
  kProgress,  // renews the lease and says how many pieces we have
  kComplete,  // has all pieces, seeds
  kLeave,     // no longer serves it
};

// What a peer tells the tracker about one torrent.
struct AnnounceRecord {
  TorrentKey key;
  AnnounceEvent event = AnnounceEvent::kJoin;
  PieceCount have;
  PieceCount piece_count;
  // How many more peers it could use now.
  int32_t want_peers = 0;
  bool origin = false;
};

// The way to the tracker. Lossy: without an answer the engine carries on. What was said to a
// tracker that is not there, or that forgets, is said again after Scheduler::AnnounceAgain().
class Announcer {
 public:
  virtual ~Announcer() = default;
  virtual void Announce(TorrentId torrent, const AnnounceRecord& record) = 0;
};

// Time. The engine needs one wake-up at a time.
class SwarmClock {
 public:
  virtual ~SwarmClock() = default;
  virtual Instant Now() const = 0;

  // Calls Scheduler::OnTimer at `when` or soon after; `when` may be past. A new call replaces the
  // last one; Instant::Never() cancels it. An early OnTimer does no harm.
  virtual void WakeAt(Instant when) = 0;
};

// What the owner of the engine gets to know.
class SwarmObserver {
 public:
  virtual ~SwarmObserver() = default;

  // The piece came from a peer: it is here, checked and readable.
  virtual void OnPieceAvailable(TorrentId torrent, PieceIndex piece) = 0;
  // Every piece is. Called once per torrent, after the last OnPieceAvailable; never for a torrent
  // that was complete when added.
  virtual void OnTorrentComplete(TorrentId torrent) = 0;
  // No piece came for SwarmConfig::stall_limit though some are missing; repeated each stall_limit.
  // The owner decides: another source, or RemoveTorrent.
  virtual void OnTorrentStalled(TorrentId torrent) = 0;
  // Nobody used the torrent for the idle limit; it has been removed from the engine (its bytes have
  // not been touched), and is opened again by AddTorrent when somebody asks for it.
  virtual void OnTorrentEvicted(TorrentId torrent) = 0;
  // A peer was banned for this reason.
  virtual void OnPeerBanned(const PeerInfo& peer, const absl::Status& reason) = 0;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_ENVIRONMENT_H_
