#include "kraken/swarm/fake_environment.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/check.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::swarm {
namespace {

constexpr int64_t kPieceLength = 64 << 10;

PieceMap MapOf(int pieces, const std::vector<int>& have) {
  PieceMap map((PieceCount(pieces)));
  for (int piece : have) map.Add(PieceIndex(piece));
  return map;
}

}  // namespace

FakeEnvironment::FakeEnvironment(const SwarmConfig& config, bool origin, uint16_t zone)
    : random_(1), key_{Digest(), ByteCount(kPieceLength)} {
  PeerInfo self = Peer(500);
  self.origin = origin;
  self.zone = zone;
  engine_ = std::make_unique<Scheduler>(
      config, self,
      Scheduler::Environment{
          .network = this, .announcer = this, .clock = this, .observer = this, .random = &random_});
}

FakeEnvironment::~FakeEnvironment() = default;

PeerInfo FakeEnvironment::Peer(int number) {
  PeerId::Bytes bytes{};
  bytes[18] = static_cast<uint8_t>(number >> 8);
  bytes[19] = static_cast<uint8_t>(number);
  PeerInfo peer;
  peer.id = PeerId::FromBytes(bytes);
  peer.ip = absl::StrCat("10.0.0.", number);
  peer.port = 16001;
  return peer;
}

void FakeEnvironment::SwitchTorrent(int number) {
  Digest::Bytes bytes{};
  bytes[0] = static_cast<uint8_t>(number);
  key_.digest = Digest::FromBytes(bytes);
}

TorrentSpec FakeEnvironment::Spec(int pieces, const std::vector<int>& have) const {
  // The last piece is one byte short.
  absl::StatusOr<storage::PieceLayout> layout =
      storage::PieceLayout::Create(ByteCount(pieces * kPieceLength - 1), ByteCount(kPieceLength));
  KH_CHECK(layout.ok());
  TorrentSpec spec{.digest = key_.digest, .layout = *layout};
  spec.have = MapOf(pieces, have);
  spec.all_states_known = true;
  return spec;
}

TorrentId FakeEnvironment::Add(int pieces, const std::vector<int>& have) {
  pieces_ = pieces;
  absl::StatusOr<TorrentId> id = engine_->AddTorrent(Spec(pieces, have));
  KH_CHECK(id.ok());
  return *id;
}

TorrentId FakeEnvironment::AddProvisional(int pieces) {
  pieces_ = pieces;
  TorrentSpec spec = Spec(pieces, {});
  spec.all_states_known = false;
  spec.known_states = PieceMap(PieceCount(pieces - 1));
  absl::StatusOr<TorrentId> id = engine_->AddTorrent(spec);
  KH_CHECK(id.ok());
  return *id;
}

Handshake FakeEnvironment::HandshakeOf(int number, const std::vector<int>& have) const {
  Handshake handshake;
  handshake.key = key_;
  handshake.peer = Peer(number).id;
  handshake.have = MapOf(pieces_, have);
  return handshake;
}

LinkId FakeEnvironment::Connect(int number, const std::vector<int>& have, bool origin,
                                uint16_t zone) {
  accepted_ = LinkId();
  PeerInfo peer = Peer(number);
  peer.origin = origin;
  peer.zone = zone;
  status_ = engine_->OnIncoming(IncomingId{static_cast<uint64_t>(number)}, peer,
                                HandshakeOf(number, have));
  return status_.ok() ? accepted_ : LinkId();
}

void FakeEnvironment::Have(LinkId link, const std::vector<int>& pieces, LoadHint load) {
  std::vector<PieceIndex> indexes;
  indexes.reserve(pieces.size());
  for (int piece : pieces) indexes.push_back(PieceIndex(piece));
  engine_->OnHave(link, indexes, load);
}

void FakeEnvironment::Deliver(LinkId link, int piece, Scheduler::PieceOutcome outcome) {
  EndRequest(link, piece);
  engine_->OnPieceReceived(link, PieceIndex(piece), outcome, ByteCount(kPieceLength));
}

void FakeEnvironment::Reject(LinkId link, int piece) {
  EndRequest(link, piece);
  engine_->OnReject(link, PieceIndex(piece));
}

void FakeEnvironment::Advance(int64_t nanos) {
  const Instant end = now_ + nanos;
  while (wake_at_ <= end) {
    now_ = std::max(now_, std::exchange(wake_at_, Instant::Never()));
    engine_->OnTimer();
  }
  now_ = end;
}

FakeEnvironment::Log FakeEnvironment::TakeLog() { return std::exchange(log_, {}); }

FakeEnvironment::Log FakeEnvironment::Logged(const std::string& prefix) const {
  Log found;
  for (const std::string& entry : log_) {
    if (absl::StartsWith(entry, prefix)) found.push_back(entry);
  }
  return found;
}

std::vector<int> FakeEnvironment::RequestsOf(LinkId link) const {
  std::vector<int> pieces;
  for (const Request& request : requests_) {
    if (request.link == link) pieces.push_back(request.piece);
  }
  return pieces;
}

void FakeEnvironment::Note(const std::string& what, LinkId link, PieceIndex piece) {
  log_.push_back(absl::StrCat(what, " ", link.slot(), "/", piece.value()));
}

void FakeEnvironment::EndRequest(LinkId link, int piece) {
  requests_.erase(std::remove_if(requests_.begin(), requests_.end(),
                                 [&](const Request& request) {
                                   return request.link == link && request.piece == piece;
                                 }),
                  requests_.end());
}

void FakeEnvironment::Dial(LinkId link, const TorrentKey&, const PeerInfo& peer) {
  dialed_ = link;
  log_.push_back(absl::StrCat("dial ", peer.ip));
}

void FakeEnvironment::SendHandshake(LinkId link, const Handshake& handshake) {
  log_.push_back(absl::StrCat("handshake ", link.slot(), " ", handshake.have.count().value()));
}

void FakeEnvironment::Accept(IncomingId incoming, LinkId link, const Handshake& handshake) {
  accepted_ = link;
  last_load_ = handshake.load;
  log_.push_back(absl::StrCat("accept ", static_cast<uint64_t>(incoming), " ",
                              handshake.have.count().value()));
}

void FakeEnvironment::SendHave(absl::Span<const LinkId> links, absl::Span<const PieceIndex> pieces,
                               LoadHint load) {
  last_load_ = load;
  const std::string list = absl::StrJoin(
      pieces, ",", [](std::string* out, PieceIndex piece) { absl::StrAppend(out, piece.value()); });
  for (LinkId link : links) log_.push_back(absl::StrCat("have ", link.slot(), "/", list));
}

void FakeEnvironment::SendRequest(LinkId link, PieceIndex piece) {
  requests_.push_back({link, piece.value()});
  Note("request", link, piece);
}

void FakeEnvironment::SendCancel(LinkId link, PieceIndex piece) {
  EndRequest(link, piece.value());
  Note("cancel", link, piece);
}

void FakeEnvironment::SendReject(LinkId link, PieceIndex piece) { Note("reject", link, piece); }
void FakeEnvironment::StartUpload(LinkId link, PieceIndex piece) { Note("upload", link, piece); }
void FakeEnvironment::StopUpload(LinkId link, PieceIndex piece) { Note("stop", link, piece); }

void FakeEnvironment::Close(LinkId link, const absl::Status& reason) {
  requests_.erase(std::remove_if(requests_.begin(), requests_.end(),
                                 [&](const Request& request) { return request.link == link; }),
                  requests_.end());
  log_.push_back(absl::StrCat("close ", link.slot(), " ", absl::StatusCodeToString(reason.code())));
}

void FakeEnvironment::Announce(TorrentId, const AnnounceRecord& record) {
  constexpr const char* kNames[] = {"join", "progress", "complete", "leave"};
  last_announce_ = record;
  log_.push_back(absl::StrCat("announce ", kNames[static_cast<int>(record.event)]));
}

void FakeEnvironment::OnPieceAvailable(TorrentId, PieceIndex piece) {
  log_.push_back(absl::StrCat("available ", piece.value()));
}

void FakeEnvironment::OnTorrentComplete(TorrentId) { log_.push_back("complete"); }
void FakeEnvironment::OnTorrentStalled(TorrentId) { log_.push_back("stalled"); }
void FakeEnvironment::OnTorrentEvicted(TorrentId) { log_.push_back("evicted"); }

void FakeEnvironment::OnPeerBanned(const PeerInfo& peer, const absl::Status&) {
  log_.push_back(absl::StrCat("ban ", peer.ip));
}

}  // namespace kraken::swarm
