#include "kraken/swarm/scheduler.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/prefetch.h"
#include "kraken/swarm/host.h"
#include "kraken/swarm/torrent_session.h"

namespace kraken::swarm {
namespace {

absl::Status NoSuchTorrent() { return absl::NotFoundError("no such torrent in the swarm engine"); }

// Restores what must hold after each input: nobody waits for room that there is, and the clock
// knows the earliest deadline.
class Input {
 public:
  explicit Input(Host& host) : host_(host) {}
  ~Input() {
    host_.GiveLinks();
    host_.UpdateWakeUp();
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

 private:
  Host& host_;
};

}  // namespace

Scheduler::Scheduler(const SwarmConfig& config, const PeerInfo& self,
                     const Environment& environment)
    : host_(std::make_unique<Host>(config, self, environment)) {}

Scheduler::~Scheduler() = default;

absl::StatusOr<TorrentId> Scheduler::AddTorrent(const TorrentSpec& spec) {
  const PieceCount pieces = spec.layout.piece_count();
  if (pieces.value() < 1 || spec.have.size() != pieces ||
      (!spec.all_states_known && spec.known_states.size() != pieces - PieceCount(1))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "torrent ", spec.digest.ToString(), ": maps do not fit ", pieces.value(), " pieces"));
  }
  const TorrentKey key{spec.digest, spec.layout.piece_length()};
  if (host_->torrent_by_key.contains(key)) {
    return absl::AlreadyExistsError(absl::StrCat("torrent ", key.ToString(), " is here"));
  }
  Input input(*host_);
  const TorrentId id = host_->torrents.Emplace(*host_, spec);
  host_->torrent_by_key[key] = id;
  host_->torrents.Find(id)->Start(id);
  return id;
}

absl::Status Scheduler::RemoveTorrent(TorrentId torrent, const absl::Status& reason) {
  TorrentSession* session = host_->torrents.Find(torrent);
  if (session == nullptr) return NoSuchTorrent();
  Input input(*host_);
  host_->RemoveTorrent(*session, AnnounceEvent::kLeave, reason);
  return absl::OkStatus();
}

TorrentId Scheduler::FindTorrent(const TorrentKey& key) const {
  auto it = host_->torrent_by_key.find(key);
  return it == host_->torrent_by_key.end() ? TorrentId() : it->second;
}

absl::Status Scheduler::OnStatesKnown(TorrentId torrent, PieceIndex first, PieceCount count) {
  TorrentSession* session = host_->torrents.Find(torrent);
  if (session == nullptr) return NoSuchTorrent();
  Input input(*host_);
  return session->OnStatesKnown(first, count);
}

absl::Status Scheduler::OnLocalPiece(TorrentId torrent, PieceIndex piece) {
  TorrentSession* session = host_->torrents.Find(torrent);
  if (session == nullptr) return NoSuchTorrent();
  Input input(*host_);
  return session->OnLocalPiece(piece);
}

const PieceMap& Scheduler::Have(TorrentId torrent) const {
  TorrentSession* session = host_->torrents.Find(torrent);
  KH_CHECK(session != nullptr);
  return session->have();
}

absl::StatusOr<ReaderId> Scheduler::AddReader(TorrentId torrent, ByteOffset offset) {
  TorrentSession* session = host_->torrents.Find(torrent);
  if (session == nullptr) return NoSuchTorrent();
  if (offset.value() < 0 || offset.value() >= session->layout().size().value()) {
    return absl::OutOfRangeError(absl::StrCat("reader at ", offset.value(), " of ",
                                              session->layout().size().value(), " bytes"));
  }
  Input input(*host_);
  const ReaderId reader = host_->readers.Emplace(
      Reader{.torrent = torrent, .cursor = session->layout().PieceAt(offset)});
  session->AddReader(reader);
  return reader;
}

void Scheduler::AdvanceReader(ReaderId reader, ByteOffset offset) {
  Reader* found = host_->readers.Find(reader);
  if (found == nullptr) return;
  TorrentSession* session = host_->torrents.Find(found->torrent);
  if (session == nullptr) return;
  const storage::PieceLayout& layout = session->layout();
  KH_CHECK(offset.value() >= 0 && offset.value() <= layout.size().value());
  const PieceIndex cursor = offset.value() == layout.size().value()
                                ? PieceIndex(layout.piece_count().value())
                                : layout.PieceAt(offset);
  if (cursor == found->cursor) return;
  Input input(*host_);
  found->cursor = cursor;
  session->OnReaderMoved();
}

void Scheduler::SuspendReader(ReaderId reader) {
  Reader* found = host_->readers.Find(reader);
  if (found == nullptr || found->suspended) return;
  Input input(*host_);
  found->suspended = true;
  host_->ResumeBackground();
}

void Scheduler::ResumeReader(ReaderId reader) {
  Reader* found = host_->readers.Find(reader);
  if (found == nullptr || !found->suspended) return;
  found->suspended = false;
  Input input(*host_);
  if (TorrentSession* session = host_->torrents.Find(found->torrent)) session->OnReaderMoved();
}

void Scheduler::RemoveReader(ReaderId reader) {
  Reader* found = host_->readers.Find(reader);
  if (found == nullptr) return;
  Input input(*host_);
  TorrentSession* session = host_->torrents.Find(found->torrent);
  host_->readers.Erase(reader);
  if (session != nullptr) session->RemoveReader(reader);
}

void Scheduler::OnTrackerPeers(TorrentId torrent, absl::Span<const PeerInfo> peers) {
  TorrentSession* session = host_->torrents.Find(torrent);
  if (session == nullptr) return;
  Input input(*host_);
  session->OnTrackerPeers(peers);
}

void Scheduler::AnnounceAgain() {
  Input input(*host_);
  host_->torrents.ForEach([](TorrentSession& torrent) { torrent.AnnounceAgain(); });
}

void Scheduler::OnDialed(LinkId link) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnDialed(*found);
}

void Scheduler::OnHandshake(LinkId link, const Handshake& handshake) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnHandshake(*found, handshake);
}

absl::Status Scheduler::OnIncoming(IncomingId incoming, const PeerInfo& peer,
                                   const Handshake& handshake) {
  Input input(*host_);
  TorrentSession* session = host_->torrents.Find(FindTorrent(handshake.key));
  absl::Status status =
      session == nullptr
          ? absl::NotFoundError(absl::StrCat("torrent ", handshake.key.ToString(), " is not here"))
          : session->OnIncoming(incoming, peer, handshake);
  if (!status.ok()) ++host_->stats.incoming_refused;
  return status;
}

void Scheduler::OnHave(LinkId link, absl::Span<const PieceIndex> pieces, LoadHint load) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnHave(*found, pieces, load);
}

void Scheduler::OnRequest(LinkId link, PieceIndex piece) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnRequest(*found, piece);
}

void Scheduler::OnCancel(LinkId link, PieceIndex piece) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnCancel(*found, piece);
}

void Scheduler::OnReject(LinkId link, PieceIndex piece) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnReject(*found, piece);
}

void Scheduler::OnPieceProgress(LinkId link, PieceIndex piece, ByteCount bytes_so_far) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) {
    found->torrent->OnPieceProgress(*found, piece, bytes_so_far);
  }
}

void Scheduler::OnPieceReceived(LinkId link, PieceIndex piece, PieceOutcome outcome,
                                ByteCount bytes) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) {
    found->torrent->OnPieceReceived(*found, piece, outcome, bytes);
  }
}

void Scheduler::OnUploadDone(LinkId link, PieceIndex piece) {
  Input input(*host_);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnUploadFinished(*found, piece);
}

void Scheduler::OnLinkClosed(LinkId link, const absl::Status& reason) {
  Input input(*host_);
  static_cast<void>(reason);
  if (PeerLink* found = host_->FindLink(link)) found->torrent->OnLinkClosed(*found);
}

void Scheduler::OnTimer() {
  Input input(*host_);
  host_->RunDeadlines();
}

void Scheduler::Prefetch(LinkId link, PieceIndex piece, int step) const {
  if (step == 0) return host_->PrefetchSelf();
  if (step == 1) return host_->PrefetchTables(link);
  const PeerLink* found = host_->FindLink(link);
  if (found == nullptr) return;
  if (step == 2) return kraken::Prefetch(found);
  found->torrent->Prefetch(*found, piece, step);
}

const SwarmStats& Scheduler::stats() const { return host_->stats; }

TorrentStats Scheduler::StatsOf(TorrentId torrent) const {
  TorrentSession* session = host_->torrents.Find(torrent);
  return session == nullptr ? TorrentStats() : session->stats();
}

const PieceMap* Scheduler::HaveOf(LinkId link) const {
  const PeerLink* found = host_->FindLink(link);
  return found == nullptr || !found->is_open() ? nullptr : &found->have;
}

void Scheduler::CheckInvariants() const {
  host_->torrents.ForEach([](const TorrentSession& session) { session.CheckInvariants(); });
  KH_CHECK(host_->torrents.size() == host_->torrent_by_key.size());
  KH_CHECK(host_->uploads.active_count() <= static_cast<size_t>(host_->config.upload_slots));
  KH_CHECK(host_->links.size() <= static_cast<size_t>(host_->config.max_total_links));
}

}  // namespace kraken::swarm
