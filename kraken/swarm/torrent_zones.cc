// What a torrent fetches from other zones.
//
// Peers of one zone share its uplink, so each piece should cross it once, and then spread within
// the zone. Nobody coordinates that; three rules do:
// - A piece that a linked peer of our zone has is not asked for elsewhere, and if an origin is in
//   our zone, none is: it names its pieces one by one.
// - Of a peer and those of its zone that it is linked to, only one fetches a piece from afar: the
//   one that a hash of peer and piece says. An exception is a piece that a far origin has named
//   to us, and that nobody else has whom we know: origins name a piece to one peer.
// - The peers of a zone share the requests that one alone would have under way.
// Who gets nothing for a while, because those others are slow or gone, asks for anything.
#include <algorithm>
#include <bit>

#include "kraken/swarm/host.h"
#include "kraken/swarm/torrent_session.h"

namespace kraken::swarm {
namespace {

// Pieces that are considered before giving up for now.
constexpr int kMostLookedAt = 64;

// The same on every host. The finalizer of MurmurHash3.
uint64_t Rank(uint64_t peer_hash, PieceIndex piece) {
  uint64_t hash = peer_hash ^ static_cast<uint64_t>(piece.value());
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

}  // namespace

// FNV-1a.
uint64_t TorrentSession::ZoneHash(const PeerId& peer) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : peer.bytes()) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

bool TorrentSession::IsFar(const PeerInfo& peer) const {
  return peer.zone != 0 && host_.self.zone != 0 && peer.zone != host_.self.zone;
}

bool TorrentSession::MayFetchFar(const PeerLink& link, PieceIndex piece) const {
  if (!near_->missing().Has(piece)) return false;
  if (link.peer.origin && !link.have.IsFull() && picker_.Availability(piece) == 1) return true;
  return IsOurTask(piece);
}

bool TorrentSession::IsOurTask(PieceIndex piece) const {
  const uint64_t ours = Rank(zone_hash_, piece);
  for (const PeerLink* link : links_) {
    if (!link->is_open() || link->is_far) continue;
    if (link->peer.origin || Rank(link->zone_hash, piece) < ours) return false;
  }
  return true;
}

bool TorrentSession::GetsNothingNear() const {
  return requests_ == 0 && host_.Now() - near_news_ >= ToNanos(host_.config.far_patience);
}

int TorrentSession::FarRequestTarget() const {
  const auto near = std::count_if(links_.begin(), links_.end(), [](const PeerLink* link) {
    return link->is_open() && !link->is_far;
  });
  return std::max(RequestTarget() / static_cast<int>(1 + near), 1);
}

absl::optional<TorrentSession::Choice> TorrentSession::ChooseFar() {
  if (far_links_ == 0 || far_requests_ >= FarRequestTarget()) return absl::nullopt;
  const bool any = GetsNothingNear();
  absl::optional<Choice> best;
  int64_t best_score = 0;
  for (PeerLink* link : links_) {
    if (!link->is_far || !MayAsk(*link)) continue;
    const int64_t score = Score(*link);
    if (best.has_value() && score >= best_score) continue;
    if (const absl::optional<PieceIndex> piece = PickFar(*link, any)) {
      best = Choice{link, *piece};
      best_score = score;
    }
  }
  return best;
}

// From a random piece on, so that a zone's peers bring different ones.
absl::optional<PieceIndex> TorrentSession::PickFar(const PeerLink& link, bool any) const {
  constexpr uint64_t kBits = 64;
  const absl::Span<const uint64_t> free = picker_.free().words();
  const absl::Span<const uint64_t> theirs = link.have.words();
  const absl::Span<const uint64_t> missing = near_->missing().words();
  const uint64_t start = host_.env.random->Uniform(free.size() * kBits);
  const int turn = static_cast<int>(start % kBits);
  int looked_at = 0;
  for (size_t i = 0; i < free.size(); ++i) {
    const size_t word = (start / kBits + i) % free.size();
    const uint64_t wanted = free[word] & theirs[word] & (any ? ~uint64_t{0} : missing[word]);
    for (uint64_t bits = std::rotr(wanted, turn); bits != 0; bits &= bits - 1) {
      const uint64_t bit = static_cast<uint64_t>(std::countr_zero(bits) + turn) % kBits;
      const PieceIndex piece(static_cast<int32_t>(word * kBits + bit));
      if (any || MayFetchFar(link, piece)) return piece;
      if (++looked_at == kMostLookedAt) return absl::nullopt;
    }
  }
  return absl::nullopt;
}

}  // namespace kraken::swarm
