#ifndef KRAKEN_SWARM_TORRENT_SESSION_H_
#define KRAKEN_SWARM_TORRENT_SESSION_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/candidate_set.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/near_pieces.h"
#include "kraken/swarm/peer_link.h"
#include "kraken/swarm/piece_map.h"
#include "kraken/swarm/piece_picker.h"
#include "kraken/swarm/rate_meter.h"
#include "kraken/swarm/scheduler.h"
#include "kraken/swarm/super_seeder.h"

namespace kraken::swarm {

class Host;

// One torrent on this host: whom it is linked to, what it asks of whom, what it serves to whom.
// Inputs have been routed here by Scheduler; links are live, indexes not yet checked.
// Not thread safe.
//
// Its methods are in five files: torrent_session.cc (life, pieces, readers), torrent_links.cc (who
// is linked), torrent_download.cc (what to ask of whom), torrent_zones.cc (what to fetch from
// afar), torrent_upload.cc (what others get).
class TorrentSession {
 public:
  // `host` outlives it.
  TorrentSession(Host& host, const TorrentSpec& spec);
  ~TorrentSession();

  // Called once, when `id` has a meaning.
  void Start(TorrentId id);
  // Closes all links. The session is dead afterwards.
  void Stop(AnnounceEvent last_word, const absl::Status& reason);

  TorrentId id() const { return id_; }
  const TorrentKey& key() const { return key_; }
  const storage::PieceLayout& layout() const { return layout_; }
  const PieceMap& have() const { return picker_.have(); }
  bool is_complete() const { return picker_.have().IsFull(); }
  Instant deadline() const { return deadline_; }
  void set_deadline(Instant deadline) { deadline_ = deadline; }
  // Requests under way, copies included.
  int requests() const { return requests_; }
  TorrentStats stats() const;
  void CheckInvariants() const;

  // The later steps of Scheduler::Prefetch.
  void Prefetch(const PeerLink& link, PieceIndex piece, int step) const;

  // ---- Pieces and readers (torrent_session.cc) ----
  absl::Status OnStatesKnown(PieceIndex first, PieceCount count);
  absl::Status OnLocalPiece(PieceIndex piece);
  void AddReader(ReaderId reader);
  void RemoveReader(ReaderId reader);
  void OnReaderMoved() { FillRequests(); }
  // Somebody waits for its bytes.
  bool IsRead() const;
  // False if the torrent is idle and to be evicted.
  bool OnDeadline();
  // A tracker knows nothing of it (any more): announces within announce_interval, at random.
  void AnnounceAgain();

  // ---- Links (torrent_links.cc) ----
  void OnTrackerPeers(absl::Span<const PeerInfo> peers);
  void OnRoomForLink();
  void OnDialed(PeerLink& link);
  void OnHandshake(PeerLink& link, const Handshake& handshake);
  absl::Status OnIncoming(IncomingId incoming, const PeerInfo& peer, const Handshake& handshake);
  void OnLinkClosed(PeerLink& link);
  // Closes at the network, and forgets.
  void CloseLink(PeerLink& link, const absl::Status& reason);
  // The peer broke the protocol.
  void CloseForProtocolError(PeerLink& link, const absl::Status& reason);

  // ---- What we ask of others (torrent_download.cc) ----
  // The limit on what may come, or the end of what goes first, lets us ask for more.
  void OnTurnToRequest() { FillRequests(); }
  void OnHave(PeerLink& link, absl::Span<const PieceIndex> pieces, LoadHint load);
  void OnReject(PeerLink& link, PieceIndex piece);
  void OnPieceProgress(PeerLink& link, PieceIndex piece, ByteCount bytes_so_far);
  void OnPieceReceived(PeerLink& link, PieceIndex piece, Scheduler::PieceOutcome outcome,
                       ByteCount bytes);

  // ---- What others ask of us (torrent_upload.cc) ----
  void OnRequest(PeerLink& link, PieceIndex piece);
  void OnCancel(PeerLink& link, PieceIndex piece);
  void OnUploadFinished(PeerLink& link, PieceIndex piece);

 private:
  enum class Sources { kAll, kAgents };
  struct Choice {
    PeerLink* link;
    PieceIndex piece;
  };

  // torrent_session.cc
  bool IsValid(PieceIndex piece) const { return IsValidIndex(piece, layout_.piece_count()); }
  bool StateIsKnown(int32_t state) const;
  bool RunMaintenance();
  void CheckStall();
  bool IsIdleTooLong() const;
  void Announce(AnnounceEvent event);
  int WantedPeers() const;
  // A seeder without peers has nothing to keep house for, and nothing new to tell.
  bool IsQuiet() const;
  void UpdateDeadline();
  void OnComplete();

  // torrent_links.cc
  void DialMore();
  void AwaitRoom();
  PeerLink* FindLinkTo(const PeerId& peer);
  absl::Status AcceptBesides(const PeerInfo& peer);
  bool MakeRoom();
  int WantedLinks() const;
  void LookForUse();
  void OpenLink(PeerLink& link, const Handshake& handshake);
  Handshake OurHandshake(PeerLink& link);
  // Two origins, one of which copies from the other.
  bool AreOrigins(const PeerLink& link) const;
  int AgentLinks() const;
  // While super-seeding, what other origins have is no copy that agents can get from each other.
  bool CountsPieces(const PeerLink& link) const;
  void DetachLink(PeerLink& link, bool failed);
  bool IsUseless(const PeerLink& link) const;
  bool NeedsNothing(const PeerInfo& peer) const;
  bool CloseIfUseless(PeerLink& link);

  // torrent_download.cc
  void FillRequests();
  int RequestTarget() const;
  absl::optional<Choice> Choose();
  absl::optional<Choice> ChooseForReaders();
  absl::optional<Choice> ChooseEndgame();
  absl::optional<Choice> ChooseRarest(Sources sources);
  // A linked agent has it.
  bool AgentsHave(PieceIndex piece) const;
  PeerLink* BestLink(absl::optional<PieceIndex> piece, Sources sources = Sources::kAll);
  bool MayAsk(const PeerLink& link) const;
  int RequestLimit(const PeerLink& link) const;
  int64_t Score(const PeerLink& link) const;
  int64_t PieceNanos(const PeerLink& link) const;
  bool IsInReaderWindow(PieceIndex piece) const;
  void SendRequest(PeerLink& link, PieceIndex piece);
  // The request is no more, for whatever reason. Returns false if there was none.
  bool EndRequest(PeerLink& link, PieceIndex piece);
  void CancelOtherRequests(PieceIndex piece);
  void OnGoodPiece(PeerLink& link, PieceIndex piece, ByteCount bytes);
  void OnCorruptPiece(PeerLink& link, PieceIndex piece);
  void ExpireRequests();
  void MeasurePiece(PeerLink& link, const PendingRequest& request, ByteCount bytes);

  // torrent_zones.cc. REQUIRES for those that ask about pieces: our zone is known.
  static uint64_t ZoneHash(const PeerId& peer);
  bool IsFar(const PeerInfo& peer) const;
  bool MayFetchFar(const PeerLink& link, PieceIndex piece) const;
  // Of us and the linked peers of our zone, we are to fetch the piece.
  bool IsOurTask(PieceIndex piece) const;
  bool GetsNothingNear() const;
  int FarRequestTarget() const;
  absl::optional<Choice> ChooseFar();
  absl::optional<PieceIndex> PickFar(const PeerLink& link, bool any) const;

  // torrent_upload.cc
  void QueueHave(PieceIndex piece);
  void FlushHaves();
  void RevealPieces();
  bool RevealOne();
  PeerLink* PeerToTell(PieceIndex piece);
  void TellStarving();
  void TellAll(PeerLink& link);
  // The swarm is no longer small: pieces to come are named to one peer each.
  void CloseOpenPeers();
  // The peer asked for the piece, or has it: it need not be told.
  void ForgetReveal(PeerLink& link, PieceIndex piece);
  void DropUpload(PeerLink& link);
  // Peers that believe our uploads much busier, or idler, than they are learn the truth.
  void NoteLoad();

  Host& host_;
  TorrentId id_;
  const TorrentKey key_;
  const storage::PieceLayout layout_;
  PieceMap known_states_;
  PiecePicker picker_;
  CandidateSet candidates_;
  std::unique_ptr<SuperSeeder> super_seeder_;
  const bool began_complete_;

  // All links, in the order they were made; those not open yet too.
  std::vector<PeerLink*> links_;
  int pending_dials_ = 0;
  int dialed_links_ = 0;
  // For a link, of all that the host may have.
  bool awaits_room_ = false;
  std::vector<ReaderId> readers_;
  // Null if our zone is not known.
  std::unique_ptr<NearPieces> near_;
  const uint64_t zone_hash_;
  int far_links_ = 0;
  int far_requests_ = 0;
  // When a peer of our zone last had something new, or we had.
  Instant near_news_;

  // Super-seeding: some peers were told of everything as the swarm was small.
  bool has_open_peers_ = false;
  // Super-seeding: pieces that were out an interval ago, and are now, and when that was counted.
  int32_t settled_out_ = 0;
  int32_t recently_out_ = 0;
  Instant out_counted_at_;
  // Requests of our peers that wait or are being served.
  int uploads_queued_ = 0;

  // Requests under way, copies included.
  int requests_ = 0;
  RateMeter download_rate_;
  // What a piece takes from first byte to last, over all peers; 0 until measured.
  int64_t piece_nanos_ = 0;
  // The least time from a request to its first byte, averaged over the peers that send: what
  // pipelining has to bridge.
  int64_t start_nanos_ = 0;

  std::vector<PieceIndex> pending_haves_;
  std::vector<LinkId> have_recipients_;  // Kept for its capacity.
  Instant haves_flushed_at_;
  // The backlog that peers were last told.
  int64_t told_backlog_nanos_ = 0;
  bool load_changed_ = false;

  Instant last_payload_;
  // When there was last something to ask a peer for, and when a useless one was last replaced.
  Instant last_use_;
  Instant last_replacement_;
  Instant last_stall_report_;
  // After a piece could not be written: nothing is asked for until then.
  Instant paused_until_;
  // While links are missing: grows from hungry_announce_interval to announce_interval.
  int64_t hungry_nanos_ = 0;
  Instant next_announce_;
  Instant next_maintenance_;
  // What the host was asked to wake us at.
  Instant deadline_ = Instant::Never();
  bool stopped_ = false;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_TORRENT_SESSION_H_
