// What a torrent asks of whom.
#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/swarm/host.h"
#include "kraken/swarm/torrent_session.h"

namespace kraken::swarm {
namespace {

// A piece's time until one has been measured: at 1 Gbit/s.
constexpr int64_t kInitialNanosPerByte = 8;

// A peer that refuses a request is left alone for this long.
constexpr int64_t kRejectPauseNanos = kNanosPerSecond;

// In pieces: how much longer a request may take over a link that is sending to us already. Hosts
// that stay paired for a while keep both lines full: a sender's slot becomes free just when its
// receiver can take more. Without it receivers have now four senders and now none, which costs 5 %
// of all lines.
constexpr int64_t kPairingBonusPieces = 4;

// While pieces can't be written there is no use in asking for more.
constexpr int64_t kLocalErrorPauseNanos = kNanosPerSecond;

absl::Status BadPiece(absl::string_view message, PieceIndex piece, PieceCount count) {
  return absl::InvalidArgumentError(
      absl::StrCat(message, ": piece ", piece.value(), " of ", count.value()));
}

// Moves an average that starts at 0 = unknown.
void MoveAverage(int64_t& average, int64_t sample) {
  average = average == 0 ? sample : average + (sample - average) / 8;
}

}  // namespace

void TorrentSession::OnHave(PeerLink& link, absl::Span<const PieceIndex> pieces, LoadHint load) {
  if (!link.is_open()) {
    return CloseForProtocolError(link, absl::InvalidArgumentError("have before handshake"));
  }
  for (PieceIndex piece : pieces) {
    if (!IsValid(piece)) {
      return CloseForProtocolError(link, BadPiece("have", piece, layout_.piece_count()));
    }
  }
  const Instant now = host_.Now();
  if (load.is_known()) {
    link.backlog_nanos = load.backlog_micros * kNanosPerMicro;
    link.backlog_at = now;
  }
  for (PieceIndex piece : pieces) {
    if (!link.have.Add(piece)) continue;
    link.last_news = now;
    if (CountsPieces(link)) picker_.AddPeerPiece(piece);
    if (near_ != nullptr && !link.is_far) {
      near_->AddPiece(piece);
      near_news_ = now;
    }
    ForgetReveal(link, piece);
  }
  if (CloseIfUseless(link)) {
    DialMore();
  } else {
    FillRequests();
    RevealPieces();
  }
  UpdateDeadline();
}

void TorrentSession::OnReject(PeerLink& link, PieceIndex piece) {
  if (!link.is_open() || !IsValid(piece)) {
    return CloseForProtocolError(link, BadPiece("reject", piece, layout_.piece_count()));
  }
  if (!EndRequest(link, piece)) return;
  host_.ReturnRequest(layout_.LengthOf(piece));
  link.snubbed_until = host_.Now() + kRejectPauseNanos;
  FillRequests();
}

void TorrentSession::OnPieceProgress(PeerLink& link, PieceIndex piece, ByteCount bytes_so_far) {
  static_cast<void>(bytes_so_far);
  if (!link.is_open() || !IsValid(piece)) {
    return CloseForProtocolError(link, BadPiece("payload", piece, layout_.piece_count()));
  }
  PendingRequest* request = link.FindRequest(piece);
  if (request == nullptr) return;
  const Instant now = host_.Now();
  if (!request->started) {
    request->started = true;
    const int64_t delay = std::max<int64_t>(now - request->sent, 1);
    if (link.least_start_nanos == 0 || delay < link.least_start_nanos) {
      link.least_start_nanos = delay;
    }
    MoveAverage(start_nanos_, link.least_start_nanos);
    request->sent = now;  // From here on: when the payload began.
  }
  request->deadline = std::max(request->deadline, now + ToNanos(host_.config.min_request_timeout));
}

void TorrentSession::OnPieceReceived(PeerLink& link, PieceIndex piece,
                                     Scheduler::PieceOutcome outcome, ByteCount bytes) {
  if (!link.is_open() || !IsValid(piece)) {
    return CloseForProtocolError(link, BadPiece("payload", piece, layout_.piece_count()));
  }
  host_.stats.bytes_received += static_cast<uint64_t>(bytes.value());
  if (const PendingRequest* request = link.FindRequest(piece)) {
    if (outcome == Scheduler::PieceOutcome::kVerified) MeasurePiece(link, *request, bytes);
    EndRequest(link, piece);
  }
  switch (outcome) {
    case Scheduler::PieceOutcome::kVerified:
      OnGoodPiece(link, piece, bytes);
      break;
    case Scheduler::PieceOutcome::kCorrupt:
      OnCorruptPiece(link, piece);
      break;
    case Scheduler::PieceOutcome::kLocalError:
      paused_until_ = host_.Now() + kLocalErrorPauseNanos;
      [[fallthrough]];
    case Scheduler::PieceOutcome::kAborted:
      ++host_.stats.pieces_aborted;
      break;
  }
  if (!is_complete()) FillRequests();
  UpdateDeadline();
}

void TorrentSession::MeasurePiece(PeerLink& link, const PendingRequest& request, ByteCount bytes) {
  const Instant now = host_.Now();
  download_rate_.Add(bytes.value(), now);
  // A short last piece says little, and a payload whose start was not reported nothing.
  if (!request.started || bytes != layout_.piece_length()) return;
  const int64_t took = std::max<int64_t>(now - request.sent, 1);
  MoveAverage(link.piece_nanos, took);
  MoveAverage(piece_nanos_, took);
}

void TorrentSession::OnGoodPiece(PeerLink& link, PieceIndex piece, ByteCount bytes) {
  static_cast<void>(bytes);
  ++host_.stats.pieces_received;
  link.snubbed_until = Instant();
  if (link.on_parole && --link.parole_pieces_left == 0) link.on_parole = false;
  if (!picker_.MarkHave(piece)) {
    ++host_.stats.pieces_redundant;
    return;
  }
  last_payload_ = near_news_ = host_.Now();
  CancelOtherRequests(piece);
  if (super_seeder_ != nullptr) super_seeder_->AddPiece(piece);
  QueueHave(piece);
  host_.env.observer->OnPieceAvailable(id_, piece);
  if (is_complete()) OnComplete();
}

// A piece always comes whole from one peer, so there is no doubt whose fault it is.
void TorrentSession::OnCorruptPiece(PeerLink& link, PieceIndex piece) {
  ++host_.stats.pieces_corrupt;
  if (!link.on_parole) {
    link.on_parole = true;
    link.parole_pieces_left = static_cast<uint8_t>(host_.config.parole_pieces);
    return;
  }
  const absl::Status reason = absl::DataLossError(absl::StrCat(
      "peer ", link.peer.id.ToString(), " at ", link.peer.ip, ":", link.peer.port,
      " sent a corrupt piece ", piece.value(), " of ", key_.ToString(), " while on parole"));
  host_.Ban(link.peer, reason);
  candidates_.Remove(link.peer.id);
  CloseLink(link, reason);
  DialMore();
}

bool TorrentSession::EndRequest(PeerLink& link, PieceIndex piece) {
  PendingRequest* request = link.FindRequest(piece);
  if (request == nullptr) return false;
  link.requests.erase(link.requests.begin() + (request - link.requests.data()));
  picker_.RemoveRequest(piece);
  --requests_;
  far_requests_ -= link.is_far;
  return true;
}

void TorrentSession::CancelOtherRequests(PieceIndex piece) {
  if (picker_.Copies(piece) == 0) return;
  for (PeerLink* link : links_) {
    if (!EndRequest(*link, piece)) continue;
    ++host_.stats.cancels_sent;
    host_.env.network->SendCancel(link->id, piece);
  }
}

void TorrentSession::ExpireRequests() {
  const Instant now = host_.Now();
  for (PeerLink* link : links_) {
    for (size_t i = link->requests.size(); i-- > 0;) {
      const PieceIndex piece = link->requests[i].piece;
      if (link->requests[i].deadline > now) continue;
      EndRequest(*link, piece);
      ++host_.stats.request_timeouts;
      ++host_.stats.cancels_sent;
      link->snubbed_until = now + ToNanos(host_.config.snub_time);
      host_.env.network->SendCancel(link->id, piece);
    }
  }
}

void TorrentSession::FillRequests() {
  if (is_complete() || stopped_ || paused_until_ > host_.Now()) return;
  const bool holds_back = !IsRead() && host_.IsForegroundBusy();
  if (holds_back) host_.HoldBack(*this);
  while (requests_ < (holds_back ? host_.config.background_requests : RequestTarget())) {
    const absl::optional<Choice> choice = Choose();
    if (!choice.has_value()) return;
    if (!host_.TakeRequest(*this, layout_.LengthOf(choice->piece))) return;
    SendRequest(*choice->link, choice->piece);
  }
}

// Enough that the line never waits for a request to reach its peer: what arrives during the least
// delay from request to payload, and some more.
int TorrentSession::RequestTarget() const {
  const SwarmConfig& config = host_.config;
  if (start_nanos_ == 0) return config.min_requests;
  const double bytes_per_delay =
      download_rate_.Rate(host_.Now()) * static_cast<double>(start_nanos_) / kNanosPerSecond;
  const double pieces = bytes_per_delay / static_cast<double>(layout_.piece_length().value());
  return std::min(config.min_requests + static_cast<int>(pieces), config.max_requests);
}

absl::optional<TorrentSession::Choice> TorrentSession::Choose() {
  if (const absl::optional<Choice> choice = ChooseForReaders()) return choice;
  // First, so that the zone's uplink is never idle.
  if (const absl::optional<Choice> choice = ChooseFar()) return choice;
  if (const absl::optional<Choice> choice = ChooseRarest(Sources::kAll)) {
    if (host_.self.origin || !choice->link->peer.origin || !AgentsHave(choice->piece)) {
      return choice;
    }
    // Origins serve the whole cluster: they are the last to be asked for what others have.
    const absl::optional<Choice> other = ChooseRarest(Sources::kAgents);
    return other.has_value() ? other : choice;
  }
  return ChooseEndgame();
}

absl::optional<TorrentSession::Choice> TorrentSession::ChooseRarest(Sources sources) {
  PeerLink* link = BestLink(absl::nullopt, sources);
  if (link == nullptr) return absl::nullopt;
  const absl::optional<PieceIndex> piece = picker_.PickRarest(link->have);
  if (!piece.has_value()) return absl::nullopt;
  return Choice{link, *piece};
}

bool TorrentSession::AgentsHave(PieceIndex piece) const {
  const auto origins = std::count_if(links_.begin(), links_.end(), [piece](const PeerLink* link) {
    return link->is_open() && link->peer.origin && link->have.Has(piece);
  });
  return picker_.Availability(piece) > origins;
}

absl::optional<TorrentSession::Choice> TorrentSession::ChooseForReaders() {
  if (readers_.empty()) return absl::nullopt;
  const auto under_way =
      std::count_if(picker_.requested().begin(), picker_.requested().end(),
                    [this](PieceIndex piece) { return IsInReaderWindow(piece); });
  if (under_way >= host_.config.max_window_requests) return absl::nullopt;
  for (ReaderId id : readers_) {
    const Reader* reader = host_.readers.Find(id);
    if (reader == nullptr || reader->suspended) continue;
    const PieceIndex end(std::min(reader->cursor.value() + host_.config.reader_window_pieces,
                                  layout_.piece_count().value()));
    for (PieceIndex piece = picker_.free().FirstAtOrAfter(reader->cursor); piece < end;
         piece = picker_.free().FirstAtOrAfter(piece + PieceCount(1))) {
      if (PeerLink* link = BestLink(piece)) return Choice{link, piece};
    }
  }
  return absl::nullopt;
}

bool TorrentSession::IsInReaderWindow(PieceIndex piece) const {
  return std::any_of(readers_.begin(), readers_.end(), [&](ReaderId id) {
    const Reader* reader = host_.readers.Find(id);
    return reader != nullptr && !reader->suspended && piece >= reader->cursor &&
           (piece - reader->cursor).value() < host_.config.reader_window_pieces;
  });
}

// When every missing piece is under way, asks a second peer that is free for one of them.
absl::optional<TorrentSession::Choice> TorrentSession::ChooseEndgame() {
  if (!picker_.free().IsEmpty()) return absl::nullopt;
  for (PeerLink* link : links_) {
    if (!MayAsk(*link) || link->on_parole || link->is_far) continue;
    if (link->BacklogNanos(host_.Now()) > PieceNanos(*link)) continue;
    const absl::optional<PieceIndex> piece =
        picker_.PickEndgame(link->have, host_.config.endgame_copies);
    if (piece.has_value() && link->FindRequest(*piece) == nullptr) return Choice{link, *piece};
  }
  return absl::nullopt;
}

// The link over which a piece would probably be here first, of those that have `piece` or, without
// one, are of our zone and have any piece we want. Ties fall by chance, so that not all hosts run
// to the same peer.
PeerLink* TorrentSession::BestLink(absl::optional<PieceIndex> piece, Sources sources) {
  PeerLink* best = nullptr;
  int64_t best_score = std::numeric_limits<int64_t>::max();
  for (PeerLink* link : links_) {
    if (sources == Sources::kAgents && link->peer.origin) continue;
    if (!MayAsk(*link)) continue;
    if (piece.has_value()) {
      if (!link->have.Has(*piece)) continue;
      if (link->is_far && !MayFetchFar(*link, *piece)) continue;
    } else if (link->is_far || !picker_.IsInteresting(link->have)) {
      continue;
    }
    const int64_t score = Score(*link);
    if (score >= best_score) continue;
    best = link;
    best_score = score;
  }
  return best;
}

// What the limit says, and what the peer could send while a request is on its way to it: with two
// of its slots ours, two pieces in the time that one takes.
int TorrentSession::RequestLimit(const PeerLink& link) const {
  const int64_t under_way = 2 * link.least_start_nanos / PieceNanos(link);
  return host_.config.max_requests_per_link +
         static_cast<int>(std::min<int64_t>(under_way, host_.config.max_requests));
}

bool TorrentSession::MayAsk(const PeerLink& link) const {
  if (!link.is_open() || static_cast<int>(link.requests.size()) >= RequestLimit(link)) return false;
  if (link.on_parole && !link.requests.empty()) return false;
  const Instant now = host_.Now();
  if (link.snubbed_until > now) return false;
  // What we asked for ourselves is part of what the peer has to send.
  const double pieces =
      static_cast<double>(link.BacklogNanos(now)) / static_cast<double>(PieceNanos(link));
  return pieces - static_cast<double>(link.requests.size()) <= host_.config.max_backlog_pieces;
}

// Nanoseconds until a piece asked for now would be here, roughly; less is better.
int64_t TorrentSession::Score(const PeerLink& link) const {
  constexpr int64_t kParolePenaltyNanos = 1'000 * kNanosPerSecond;
  const int64_t piece_nanos = PieceNanos(link);
  const int64_t queued = static_cast<int64_t>(link.requests.size()) + 1;
  int64_t score =
      link.BacklogNanos(host_.Now()) + queued * piece_nanos +
      static_cast<int64_t>(host_.env.random->Uniform(static_cast<uint64_t>(piece_nanos / 4 + 1)));
  if (link.IsSending()) score -= kPairingBonusPieces * piece_nanos_;
  if (link.on_parole) score += kParolePenaltyNanos;
  return score;
}

int64_t TorrentSession::PieceNanos(const PeerLink& link) const {
  if (link.piece_nanos != 0) return link.piece_nanos;
  if (piece_nanos_ != 0) return piece_nanos_;
  return layout_.piece_length().value() * kInitialNanosPerByte;
}

void TorrentSession::SendRequest(PeerLink& link, PieceIndex piece) {
  const Instant now = host_.Now();
  const int64_t expected =
      link.BacklogNanos(now) + (static_cast<int64_t>(link.requests.size()) + 1) * PieceNanos(link);
  const int64_t timeout = std::max(
      static_cast<int64_t>(static_cast<double>(expected) * host_.config.request_timeout_factor),
      ToNanos(host_.config.min_request_timeout));
  link.requests.push_back({.piece = piece, .sent = now, .deadline = now + timeout});
  picker_.AddRequest(piece);
  ++requests_;
  far_requests_ += link.is_far;
  ++host_.stats.requests_sent;
  host_.env.network->SendRequest(link.id, piece);
}

}  // namespace kraken::swarm
