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

namespace {

// A client that waits for bytes looks again this often, and one that failed comes back so soon.
constexpr int64_t kReadNanos = 20 * swarm::kNanosPerMilli;
constexpr int64_t kComeBackNanos = swarm::kNanosPerSecond;

// The engine gives up a request after a few times the time that it should take, and 2 s.
constexpr int64_t kLongestRequestNanos = 30 * swarm::kNanosPerSecond;

swarm::SwarmConfig ConfigOf(const SimConfig& config, const HostSpec& spec) {
  swarm::SwarmConfig engine = spec.origin ? config.origin : config.agent;
  if (config.mutation.kind == MutationKind::kForgetTimeouts) {
    engine.min_request_timeout = absl::Hours(10);
  }
  return engine;
}

}  // namespace

SimHost::SimHost(World* world, uint32_t number, const HostSpec& spec, uint64_t seed)
    : world_(world),
      number_(number),
      spec_(spec),
      config_(ConfigOf(world->config(), spec)),
      random_(seed),
      fault_random_(~seed) {
  peer_.id = PeerId::Random(random_);
  peer_.ip = absl::StrCat("10.", number >> 16 & 255, ".", number >> 8 & 255, ".", number & 255);
  peer_.port = 16001;
  peer_.zone = spec.zone;
  peer_.origin = spec.origin;
  engine_ = std::make_unique<Scheduler>(
      config_, peer_,
      Scheduler::Environment{
          .network = this, .announcer = this, .clock = this, .observer = this, .random = &random_});
}

SimHost::~SimHost() = default;

bool SimHost::Expect(bool holds, absl::string_view what) {
  if (!holds) world_->Report(absl::StrCat("host ", number_, ": ", what));
  return holds;
}

bool SimHost::Strikes(MutationKind kind) {
  const Mutation& mutation = world_->config().mutation;
  return mutation.kind == kind && fault_random_.Bernoulli(mutation.share);
}

bool SimHost::StaysWithin(int64_t limit, Excess& excess, int64_t bytes,
                          int64_t piece_length) const {
  if (limit == 0) return true;
  const double rate = static_cast<double>(limit);
  const double passed = static_cast<double>(world_->now() - excess.at) / 1e9;
  excess.bytes = std::max(excess.bytes - rate * passed, 0.0) + static_cast<double>(bytes);
  excess.at = world_->now();
  const double burst = rate * absl::ToDoubleSeconds(config_.limit_burst);
  return excess.bytes <= std::max(burst, static_cast<double>(piece_length)) + 1;
}

void SimHost::Join(const Digest& digest, const storage::PieceLayout& layout, bool complete) {
  const PieceCount pieces = layout.piece_count();
  Torrent torrent{.key = {digest, layout.piece_length()},
                  .joined_at = world_->now(),
                  .truth = complete ? swarm::PieceMap::Full(pieces) : swarm::PieceMap(pieces),
                  .layout = layout,
                  .progress_at = world_->now(),
                  .settled = swarm::PieceMap(pieces)};
  if (complete) torrent.completed_at = world_->now();
  incomplete_ += !complete;
  torrent_by_key_[torrent.key] = static_cast<uint32_t>(torrents_.size());
  torrents_.push_back(std::move(torrent));
  AddToEngine(torrents_.back());
}

void SimHost::AddToEngine(Torrent& torrent) {
  swarm::TorrentSpec spec{.digest = torrent.key.digest, .layout = torrent.layout};
  spec.have = torrent.truth;
  spec.all_states_known = true;
  // The engine announces from within, by key.
  const absl::StatusOr<TorrentId> id = engine_->AddTorrent(spec);
  KH_CHECK(id.ok());
  torrent.id = *id;
  torrent.added_at = torrent.settled_at = world_->now();
  torrent.settled.Clear();
  if (torrent_by_slot_.size() <= id->slot()) torrent_by_slot_.resize(id->slot() + 1);
  torrent_by_slot_[id->slot()] = torrent_by_key_.at(torrent.key);
  if (has_clients_) StartClient(torrent);
}

void SimHost::RemoveFromEngine(Torrent& torrent, const absl::Status& reason) {
  if (!torrent.id.is_valid()) return;
  KH_CHECK(engine_->RemoveTorrent(torrent.id, reason).ok());
  torrent.id = {};
  torrent.removed_at = world_->now();
}

void SimHost::AddAgainLater(size_t index) {
  world_->At(world_->now() + kComeBackNanos, [this, index] {
    Torrent& torrent = torrents_[index];
    if (alive() && !torrent.revoked && !torrent.id.is_valid()) AddToEngine(torrent);
  });
}

void SimHost::StartClients() {
  has_clients_ = true;
  for (Torrent& torrent : torrents_) StartClient(torrent);
}

void SimHost::StartClient(Torrent& torrent) {
  if (torrent.truth.IsFull()) {
    torrent.client = Client::kEnded;
    return;
  }
  torrent.client = Client::kReading;
  torrent.reader = *engine_->AddReader(
      torrent.id, torrent.layout.OffsetOf(torrent.truth.FirstMissingAtOrAfter(PieceIndex(0))));
  ReadOn(torrent_by_key_.at(torrent.key));
}

// The client takes what has come in order, and looks again soon.
void SimHost::ReadOn(size_t index) {
  world_->At(world_->now() + kReadNanos, [this, index, reader = torrents_[index].reader] {
    const Torrent& torrent = torrents_[index];
    if (!alive() || torrent.reader != reader) return;
    if (torrent.client != Client::kReading) return engine_->RemoveReader(reader);
    const PieceIndex next = torrent.truth.FirstMissingAtOrAfter(PieceIndex(0));
    engine_->AdvanceReader(reader, next.value() == torrent.truth.size().value()
                                       ? ByteOffset(torrent.layout.size().value())
                                       : torrent.layout.OffsetOf(next));
    ReadOn(index);
  });
}

void SimHost::AddLocalPiece(const swarm::TorrentKey& key, PieceIndex piece) {
  Torrent* torrent = FindTorrent(key);
  if (!alive() || torrent == nullptr || torrent->revoked) return;
  torrent->truth.Add(piece);
  KH_CHECK(engine_->OnLocalPiece(torrent->id, piece).ok());
  if (torrent->truth.IsFull() && torrent->completed_at < 0) Finish(*torrent);
}

void SimHost::Finish(Torrent& torrent) {
  torrent.completed_at = world_->now();
  if (torrent.client == Client::kReading) torrent.client = Client::kEnded;
  --incomplete_;
}

int64_t SimHost::CompletedAt() const {
  int64_t last = 0;
  for (const Torrent& torrent : torrents_) last = std::max(last, torrent.completed_at);
  return last;
}

void SimHost::Leave() {
  for (Torrent& torrent : torrents_) {
    RemoveFromEngine(torrent, absl::CancelledError("the host leaves"));
  }
}

void SimHost::Die() {
  last_stats_ = engine_->stats();
  engine_.reset();
  died_at_ = world_->now();
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

// ---- Links and torrents ----

void SimHost::BindLink(LinkId link, uint32_t end_number) {
  if (bound_.size() <= link.slot()) bound_.resize(link.slot() + 1);
  bound_[link.slot()] = {.link = link, .end = end_number};
  LinkEnd& end = world_->end(end_number);
  end.id = link;
  end.torrent = torrent_by_key_.at(world_->key_of(end_number));
  end.changed_at = world_->now();
  Torrent& torrent = torrents_[end.torrent];
  ++torrent.links;
  torrent.dialed += World::IsDialer(end_number);
  ++links_;
  Expect(links_ <= config_.max_total_links, "has more links than it may");
  Expect(torrent.links <= config_.max_links, "has more links of a torrent than it may");
  Expect(torrent.dialed <= config_.max_dialed_links, "dials more than it may");
}

void SimHost::UnbindLink(uint32_t end_number) {
  LinkEnd& end = world_->end(end_number);
  end.changed_at = world_->now();
  if (!end.id.is_valid()) return;
  Torrent& torrent = torrents_[end.torrent];
  --torrent.links;
  torrent.dialed -= World::IsDialer(end_number);
  --links_;
  torrent.requests -= static_cast<int>(end.requests.size());
  for (const LinkEnd::Request& request : end.requests) {
    if (request.started) continue;
    asked_.bytes -= static_cast<double>(torrent.layout.LengthOf(request.piece).value());
  }
  end.requests.clear();
  end.waiting.clear();
}

uint32_t SimHost::EndOf(LinkId link) const {
  KH_CHECK(link.slot() < bound_.size() && bound_[link.slot()].link == link);
  return bound_[link.slot()].end;
}

SimHost::Torrent& SimHost::TorrentOfEnd(uint32_t end) {
  return torrents_[world_->end(end).torrent];
}

SimHost::Torrent* SimHost::TorrentOf(TorrentId id) {
  if (id.slot() >= torrent_by_slot_.size()) return nullptr;
  Torrent& torrent = torrents_[torrent_by_slot_[id.slot()]];
  return torrent.id == id ? &torrent : nullptr;
}

SimHost::Torrent* SimHost::FindTorrent(const swarm::TorrentKey& key) {
  const auto it = torrent_by_key_.find(key);
  return it == torrent_by_key_.end() ? nullptr : &torrents_[it->second];
}

// ---- From the world ----

void SimHost::OnTrackerPeers(const swarm::TorrentKey& key,
                             absl::Span<const swarm::PeerInfo> peers) {
  if (alive()) engine_->OnTrackerPeers(engine_->FindTorrent(key), peers);
}

void SimHost::OnRevoked(const swarm::TorrentKey& key) {
  Torrent* torrent = FindTorrent(key);
  if (!alive() || torrent == nullptr || torrent->revoked) return;
  Expect(torrent->client != Client::kEnded, "ended a client cleanly whose blob is revoked");
  Expect(torrent->completed_at < 0, "has all of a blob that is revoked");
  torrent->revoked = true;
  torrent->client = Client::kFailed;
  ++torrent->client_failures;
  --incomplete_;
  RemoveFromEngine(*torrent, absl::DataLossError("revoked"));
  torrent->truth.Clear();
}

void SimHost::OnLinkClosed(uint32_t end, const absl::Status& reason) {
  if (!alive() || !world_->end(end).id.is_valid() || Strikes(MutationKind::kNoticeNoLoss)) return;
  engine_->OnLinkClosed(world_->end(end).id, reason);
}

void SimHost::OnRequest(uint32_t end, PieceIndex piece) {
  LinkEnd& here = world_->end(end);
  if (!alive() || here.closed || !here.id.is_valid()) return;
  const bool waits =
      std::find(here.waiting.begin(), here.waiting.end(), piece) != here.waiting.end();
  if (!waits && !world_->payload().IsSending(end, piece)) here.waiting.push_back(piece);
  engine_->OnRequest(here.id, piece);
  Expect(here.waiting.size() <= static_cast<size_t>(config_.max_queued_requests_per_link),
         "keeps more requests of a peer waiting than it may");
}

void SimHost::OnCancel(uint32_t end, PieceIndex piece) {
  const LinkEnd& here = world_->end(end);
  if (!alive() || here.closed || !here.id.is_valid()) return;
  EndWait(end, piece);
  engine_->OnCancel(here.id, piece);
}

void SimHost::OnReject(uint32_t end, PieceIndex piece) {
  const LinkEnd& here = world_->end(end);
  if (!alive() || here.closed || !here.id.is_valid()) return;
  if (EndRequest(end, piece)) {
    asked_.bytes -= static_cast<double>(TorrentOfEnd(end).layout.LengthOf(piece).value());
  }
  engine_->OnReject(here.id, piece);
}

bool SimHost::EndRequest(uint32_t end, PieceIndex piece) {
  auto& requests = world_->end(end).requests;
  auto it = std::find_if(requests.begin(), requests.end(),
                         [piece](const LinkEnd::Request& r) { return r.piece == piece; });
  if (it == requests.end()) return false;
  requests.erase(it);
  --TorrentOfEnd(end).requests;
  return true;
}

void SimHost::EndWait(uint32_t end, PieceIndex piece) {
  auto& waiting = world_->end(end).waiting;
  waiting.erase(std::remove(waiting.begin(), waiting.end(), piece), waiting.end());
}

void SimHost::OnUploadDone(uint32_t end, PieceIndex piece) {
  if (alive() && !world_->end(end).closed) engine_->OnUploadDone(world_->end(end).id, piece);
}

void SimHost::OnPieceStarted(uint32_t end, PieceIndex piece, int64_t bytes) {
  LinkEnd& here = world_->end(end);
  if (!alive() || here.closed) return;
  for (LinkEnd::Request& request : here.requests) {
    if (request.piece != piece) continue;
    request.since = world_->now();
    request.started = true;
  }
  engine_->OnPieceProgress(here.id, piece, ByteCount(bytes));
}

void SimHost::OnPieceArrived(uint32_t end, PieceIndex piece, int64_t bytes, bool corrupt) {
  const LinkEnd& here = world_->end(end);
  if (!alive() || here.closed) return;
  EndRequest(end, piece);
  Torrent& torrent = TorrentOfEnd(end);
  auto outcome = Scheduler::PieceOutcome::kVerified;
  if (disk_full_) {
    outcome = Scheduler::PieceOutcome::kLocalError;
  } else if (!corrupt) {
    torrent.truth.Add(piece);
    torrent.progress_at = world_->now();
  } else if (!Strikes(MutationKind::kAcceptUnverified)) {
    outcome = Scheduler::PieceOutcome::kCorrupt;
  }
  engine_->OnPieceReceived(here.id, piece, outcome, ByteCount(bytes));
  if (disk_full_) FailForDisk(here.torrent);
}

// The node gives a torrent up that it can't write, and tells the client why; who comes back.
void SimHost::FailForDisk(size_t index) {
  Torrent& torrent = torrents_[index];
  if (!torrent.id.is_valid()) return;
  RemoveFromEngine(torrent, absl::ResourceExhaustedError("disk full"));
  if (torrent.client == Client::kReading) torrent.client = Client::kFailed;
  ++torrent.client_failures;
  AddAgainLater(index);
}

void SimHost::OnPieceAborted(uint32_t end, PieceIndex piece, int64_t bytes) {
  if (!alive() || world_->end(end).closed) return;
  EndRequest(end, piece);
  engine_->OnPieceReceived(world_->end(end).id, piece, Scheduler::PieceOutcome::kAborted,
                           ByteCount(bytes));
}

void SimHost::Check() {
  if (!alive()) return;
  engine_->CheckInvariants();
  for (const Torrent& torrent : torrents_) {
    if (!torrent.id.is_valid()) continue;
    // Every piece that the engine counts has really come and was right.
    Expect(engine_->Have(torrent.id) == torrent.truth, "counts pieces that it does not have");
    Expect(engine_->StatsOf(torrent.id).links == torrent.links,
           "counts other links than there are");
  }
  bool waits = false;
  bool all_answer = true;
  for (const Bound& bound : bound_) {
    const LinkEnd& end = world_->end(bound.end);
    if (!bound.link.is_valid() || end.id != bound.link || end.closed) continue;
    waits = waits || !end.waiting.empty();
    // What goes to a host that is dead or cut off holds its slot until that is noticed.
    const LinkEnd& far = world_->end(World::OtherEnd(bound.end));
    all_answer = all_answer && !far.closed && world_->host(far.host).alive() &&
                 world_->EndOfLastCut(number_, far.host) <= world_->now();
    for (const LinkEnd::Request& request : end.requests) {
      Expect(world_->now() - request.since <= kLongestRequestNanos,
             "does not give up a request that is not answered");
      Expect(!torrents_[end.torrent].truth.Has(request.piece),
             "still asks for a piece that it has");
    }
  }
  if (config_.upload_limit == 0 && !spec_.mute && all_answer) {
    Expect(!waits || world_->payload().active(number_) > 0,
           "sends nothing although it is asked for something");
  }
}

// ---- From the engine ----

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
  for (LinkId link : links) {
    if (!Strikes(MutationKind::kDropHave)) send_ends_.push_back(EndOf(link));
  }
  if (!send_ends_.empty()) world_->SendHave(send_ends_, pieces, load);
}

void SimHost::SendRequest(LinkId link, PieceIndex piece) {
  const int times = Strikes(MutationKind::kAskTwice) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    const uint32_t end = EndOf(link);
    LinkEnd& here = world_->end(end);
    Torrent& torrent = TorrentOfEnd(end);
    Expect(std::none_of(here.requests.begin(), here.requests.end(),
                        [&](const LinkEnd::Request& r) { return r.piece == piece; }),
           "asks a peer twice for the same piece");
    Expect(!torrent.truth.Has(piece), "asks for a piece that it has");
    here.requests.push_back({.piece = piece, .since = world_->now()});
    Expect(StaysWithin(config_.download_limit, asked_, torrent.layout.LengthOf(piece).value(),
                       torrent.layout.piece_length().value()),
           "asks for more than its limit");
    ++torrent.requests;
    Expect(torrent.requests <= config_.max_requests, "asks for more at a time than it may");
    world_->SendControl(EventKind::kRequest, end, piece);
  }
}

void SimHost::SendCancel(LinkId link, PieceIndex piece) {
  if (Strikes(MutationKind::kNeverCancel)) return;
  EndRequest(EndOf(link), piece);
  world_->SendControl(EventKind::kCancel, EndOf(link), piece);
}

void SimHost::SendReject(LinkId link, PieceIndex piece) {
  EndWait(EndOf(link), piece);
  world_->SendControl(EventKind::kReject, EndOf(link), piece);
}

void SimHost::StartUpload(LinkId link, PieceIndex piece) {
  if (spec_.mute || Strikes(MutationKind::kNeverAnswer)) return;
  const uint32_t end = EndOf(link);
  const Torrent& torrent = TorrentOfEnd(end);
  EndWait(end, piece);
  // Nothing is served that did not arrive and check, and never more than the slots allow.
  if (!Expect(torrent.truth.Has(piece) && !torrent.revoked, "serves a piece that is not there")) {
    return;
  }
  Expect(world_->payload().active(number_) < config_.upload_slots, "sends more pieces than it may");
  const int64_t bytes = torrent.layout.LengthOf(piece).value();
  Expect(StaysWithin(config_.upload_limit, sent_, bytes, torrent.layout.piece_length().value()),
         "sends more than its limit");
  const bool corrupt = spec_.corruption > 0 && fault_random_.Bernoulli(spec_.corruption);
  world_->payload().Start(end, piece, bytes, corrupt);
}

void SimHost::StopUpload(LinkId link, PieceIndex piece) {
  world_->payload().Stop(EndOf(link), piece);
}

void SimHost::Close(LinkId link, const absl::Status&) {
  if (!Strikes(MutationKind::kLeakLink)) world_->CloseLink(EndOf(link));
}

void SimHost::Announce(TorrentId, const swarm::AnnounceRecord& record) {
  const bool again = record.event == swarm::AnnounceEvent::kProgress ||
                     record.event == swarm::AnnounceEvent::kComplete;
  if (again && Strikes(MutationKind::kStopAnnouncing)) return;
  world_->Announce(number_, record);
}

swarm::Instant SimHost::Now() const { return swarm::Instant::FromNanos(world_->now()); }

void SimHost::WakeAt(swarm::Instant when) {
  ++wake_number_;
  if (when == swarm::Instant::Never() || Strikes(MutationKind::kLoseWakeUp)) return;
  world_->WakeAt(number_, wake_number_, std::max(when.nanos(), world_->now()));
}

void SimHost::OnPieceAvailable(TorrentId id, PieceIndex piece) {
  const Torrent* torrent = TorrentOf(id);
  Expect(torrent != nullptr && torrent->truth.Has(piece), "offers a piece that is not there");
}

void SimHost::OnTorrentComplete(TorrentId id) {
  Torrent* torrent = TorrentOf(id);
  if (!Expect(torrent != nullptr && torrent->truth.IsFull() && torrent->completed_at < 0,
              "takes a blob for complete that is not, or twice")) {
    return;
  }
  Finish(*torrent);
}

void SimHost::OnTorrentStalled(TorrentId) {}

void SimHost::OnTorrentEvicted(TorrentId id) {
  Torrent* torrent = TorrentOf(id);
  if (torrent == nullptr) return;
  torrent->id = {};
  torrent->removed_at = world_->now();
  if (!torrent->truth.IsFull()) AddAgainLater(torrent_by_key_.at(torrent->key));
}

void SimHost::OnPeerBanned(const swarm::PeerInfo& peer, const absl::Status&) {
  world_->NoteBan(number_, peer);
}

}  // namespace kraken::sim
