#include "kraken/sim/sim_host.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/sim/world.h"

namespace kraken::sim {

using swarm::LinkId;
using swarm::Scheduler;
using swarm::TorrentId;

SimHost::SimHost(World* world, uint32_t number, const HostSpec& spec, uint64_t seed)
    : world_(world), number_(number), spec_(spec), random_(seed), fault_random_(~seed) {
  peer_.id = PeerId::Random(random_);
  peer_.ip = absl::StrCat("10.", number >> 16 & 255, ".", number >> 8 & 255, ".", number & 255);
  peer_.port = 16001;
  peer_.zone = spec.zone;
  peer_.origin = spec.origin;
  engine_ = std::make_unique<Scheduler>(
      config(), peer_,
      Scheduler::Environment{
          .network = this, .announcer = this, .clock = this, .observer = this, .random = &random_});
}

SimHost::~SimHost() = default;

const swarm::SwarmConfig& SimHost::config() const {
  return spec_.origin ? world_->config().origin : world_->config().agent;
}

// A bucket that leaks at the limit never holds more than the burst, or one piece.
void SimHost::CheckUploadLimit(int64_t bytes, int64_t piece_length) {
  const double limit = static_cast<double>(config().upload_limit);
  if (limit == 0) return;
  const double passed = static_cast<double>(world_->now() - upload_excess_at_) / 1e9;
  upload_excess_ = std::max(upload_excess_ - limit * passed, 0.0) + static_cast<double>(bytes);
  upload_excess_at_ = world_->now();
  const double burst = limit * absl::ToDoubleSeconds(config().limit_burst);
  KH_CHECK(upload_excess_ <= std::max(burst, static_cast<double>(piece_length)) + 1);
}

void SimHost::Join(const Digest& digest, const storage::PieceLayout& layout, bool complete) {
  const PieceCount pieces = layout.piece_count();
  Torrent torrent{.key = {digest, layout.piece_length()},
                  .joined_at = world_->now(),
                  .truth = complete ? swarm::PieceMap::Full(pieces) : swarm::PieceMap(pieces),
                  .layout = layout};
  swarm::TorrentSpec spec{.digest = digest, .layout = layout};
  spec.have = torrent.truth;
  spec.all_states_known = true;
  if (complete) torrent.completed_at = world_->now();
  incomplete_ += !complete;
  torrents_.push_back(std::move(torrent));
  // The engine announces from within, by key.
  const absl::StatusOr<TorrentId> id = engine_->AddTorrent(spec);
  KH_CHECK(id.ok());
  torrents_.back().id = *id;
}

void SimHost::AddLocalPiece(const swarm::TorrentKey& key, PieceIndex piece) {
  if (!alive()) return;
  for (Torrent& torrent : torrents_) {
    if (torrent.key != key) continue;
    torrent.truth.Add(piece);
    KH_CHECK(engine_->OnLocalPiece(torrent.id, piece).ok());
    if (torrent.truth.IsFull() && torrent.completed_at < 0) {
      torrent.completed_at = world_->now();
      --incomplete_;
    }
  }
}

int64_t SimHost::CompletedAt() const {
  int64_t last = 0;
  for (const Torrent& torrent : torrents_) last = std::max(last, torrent.completed_at);
  return last;
}

void SimHost::Die() {
  last_stats_ = engine_->stats();
  engine_.reset();
}

std::vector<uint32_t> SimHost::OpenEnds() const {
  std::vector<uint32_t> ends;
  for (const Bound& bound : bound_) {
    if (bound.link.is_valid() && !world_->end(bound.end).closed) ends.push_back(bound.end);
  }
  return ends;
}

void SimHost::OnWake(uint32_t wake_number) {
  if (alive() && wake_number == wake_number_) engine_->OnTimer();
}

void SimHost::BindLink(LinkId link, uint32_t end) {
  if (bound_.size() <= link.slot()) bound_.resize(link.slot() + 1);
  bound_[link.slot()] = {.link = link, .end = end};
  world_->end(end).id = link;
}

uint32_t SimHost::EndOf(LinkId link) const {
  KH_CHECK(link.slot() < bound_.size() && bound_[link.slot()].link == link);
  return bound_[link.slot()].end;
}

SimHost::Torrent& SimHost::TorrentOfEnd(uint32_t end) {
  const swarm::TorrentKey& key = world_->key_of(end);
  for (Torrent& torrent : torrents_) {
    if (torrent.key == key) return torrent;
  }
  KH_CHECK(false);
  return torrents_.front();
}

SimHost::Torrent& SimHost::TorrentOf(TorrentId id) {
  auto it = std::find_if(torrents_.begin(), torrents_.end(),
                         [id](const Torrent& torrent) { return torrent.id == id; });
  KH_CHECK(it != torrents_.end());
  return *it;
}

void SimHost::OnTrackerPeers(const swarm::TorrentKey& key,
                             absl::Span<const swarm::PeerInfo> peers) {
  if (alive()) engine_->OnTrackerPeers(engine_->FindTorrent(key), peers);
}

void SimHost::OnUploadDone(uint32_t end, PieceIndex piece) {
  if (alive() && !world_->end(end).closed) engine_->OnUploadDone(world_->end(end).id, piece);
}

void SimHost::OnPieceStarted(uint32_t end, PieceIndex piece, int64_t bytes) {
  if (!alive() || world_->end(end).closed) return;
  engine_->OnPieceProgress(world_->end(end).id, piece, ByteCount(bytes));
}

void SimHost::OnPieceArrived(uint32_t end, PieceIndex piece, int64_t bytes, bool corrupt) {
  if (!alive() || world_->end(end).closed) return;
  if (!corrupt) TorrentOfEnd(end).truth.Add(piece);
  engine_->OnPieceReceived(
      world_->end(end).id, piece,
      corrupt ? Scheduler::PieceOutcome::kCorrupt : Scheduler::PieceOutcome::kVerified,
      ByteCount(bytes));
}

void SimHost::OnPieceAborted(uint32_t end, PieceIndex piece, int64_t bytes) {
  if (!alive() || world_->end(end).closed) return;
  engine_->OnPieceReceived(world_->end(end).id, piece, Scheduler::PieceOutcome::kAborted,
                           ByteCount(bytes));
}

void SimHost::Check() const {
  if (!alive()) return;
  engine_->CheckInvariants();
  for (const Torrent& torrent : torrents_) {
    if (!engine_->FindTorrent(torrent.key).is_valid()) continue;
    // Every piece that the engine counts has really come and was right.
    KH_CHECK(engine_->Have(torrent.id) == torrent.truth);
  }
}

void SimHost::Dial(LinkId link, const swarm::TorrentKey& key, const swarm::PeerInfo& peer) {
  world_->Dial(number_, link, key, peer);
}

void SimHost::SendHandshake(LinkId link, const swarm::Handshake& handshake) {
  world_->SendHandshake(EndOf(link), handshake);
}

void SimHost::Accept(swarm::IncomingId incoming, LinkId link, const swarm::Handshake& handshake) {
  world_->Accept(incoming, number_, link, handshake);
}

void SimHost::SendHave(absl::Span<const LinkId> links, absl::Span<const PieceIndex> pieces,
                       swarm::LoadHint load) {
  send_ends_.clear();
  for (LinkId link : links) send_ends_.push_back(EndOf(link));
  world_->SendHave(send_ends_, pieces, load);
}

void SimHost::SendRequest(LinkId link, PieceIndex piece) {
  world_->SendControl(EventKind::kRequest, EndOf(link), piece);
}

void SimHost::SendCancel(LinkId link, PieceIndex piece) {
  world_->SendControl(EventKind::kCancel, EndOf(link), piece);
}

void SimHost::SendReject(LinkId link, PieceIndex piece) {
  world_->SendControl(EventKind::kReject, EndOf(link), piece);
}

void SimHost::StartUpload(LinkId link, PieceIndex piece) {
  const uint32_t end = EndOf(link);
  const Torrent& torrent = TorrentOfEnd(end);
  // Nothing is served that did not arrive and check, and never more than the slots allow.
  KH_CHECK(torrent.truth.Has(piece));
  KH_CHECK(world_->payload().active(number_) < config().upload_slots);
  CheckUploadLimit(torrent.layout.LengthOf(piece).value(), torrent.layout.piece_length().value());
  const bool corrupt = spec_.corruption > 0 && fault_random_.Bernoulli(spec_.corruption);
  world_->payload().Start(end, piece, torrent.layout.LengthOf(piece).value(), corrupt);
}

void SimHost::StopUpload(LinkId link, PieceIndex piece) {
  world_->payload().Stop(EndOf(link), piece);
}

void SimHost::Close(LinkId link, const absl::Status&) { world_->CloseLink(EndOf(link)); }

void SimHost::Announce(TorrentId, const swarm::AnnounceRecord& record) {
  world_->Announce(number_, record);
}

swarm::Instant SimHost::Now() const { return swarm::Instant::FromNanos(world_->now()); }

void SimHost::WakeAt(swarm::Instant when) {
  ++wake_number_;
  if (when == swarm::Instant::Never()) return;
  world_->WakeAt(number_, wake_number_, std::max(when.nanos(), world_->now()));
}

void SimHost::OnPieceAvailable(TorrentId torrent, PieceIndex piece) {
  KH_CHECK(TorrentOf(torrent).truth.Has(piece));
}

void SimHost::OnTorrentComplete(TorrentId id) {
  Torrent& torrent = TorrentOf(id);
  KH_CHECK(torrent.truth.IsFull() && torrent.completed_at < 0);
  torrent.completed_at = world_->now();
  --incomplete_;
}

void SimHost::OnTorrentStalled(TorrentId) {}

void SimHost::OnTorrentEvicted(TorrentId) {}

void SimHost::OnPeerBanned(const swarm::PeerInfo& peer, const absl::Status&) {
  world_->NoteBan(number_, peer);
}

}  // namespace kraken::sim
