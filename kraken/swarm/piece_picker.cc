#include "kraken/swarm/piece_picker.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "kraken/base/check.h"
#include "kraken/base/prefetch.h"

namespace kraken::swarm {
namespace {

constexpr uint32_t kNoPosition = std::numeric_limits<uint32_t>::max();

// A peer with at most so many wanted pieces is scanned piece by piece; one with more is found in
// the buckets within a few steps.
constexpr int kDirectScanPieces = 48;

}  // namespace

PiecePicker::PiecePicker(PieceMap have, PieceMap verifiable, BitGen* random)
    : random_(random),
      have_(std::move(have)),
      verifiable_(std::move(verifiable)),
      free_(have_.size()),
      copies_(static_cast<size_t>(have_.size().value())),
      availability_(copies_.size()),
      position_(copies_.size(), kNoPosition) {
  KH_CHECK(have_.size() == verifiable_.size());
  for (PieceIndex piece(0); piece.value() < have_.size().value(); ++piece) {
    if (have_.Has(piece)) continue;
    order_.push_back(static_cast<uint32_t>(piece.value()));
    UpdateFree(piece);
  }
  random_->Shuffle(order_);
  for (uint32_t i = 0; i < order_.size(); ++i) position_[order_[i]] = i;
  bucket_end_.push_back(static_cast<uint32_t>(order_.size()));
}

void PiecePicker::UpdateFree(PieceIndex piece) {
  if (verifiable_.Has(piece) && !have_.Has(piece) && copies_[Slot(piece)] == 0) {
    free_.Add(piece);
  } else {
    free_.Remove(piece);
  }
}

void PiecePicker::SwapOrder(uint32_t a, uint32_t b) {
  if (a == b) return;
  std::swap(order_[a], order_[b]);
  position_[order_[a]] = a;
  position_[order_[b]] = b;
}

void PiecePicker::IncreaseAvailability(size_t piece) {
  const size_t from = availability_[piece]++;
  if (position_[piece] == kNoPosition) return;
  if (from + 1 == bucket_end_.size()) bucket_end_.push_back(bucket_end_.back());
  SwapOrder(position_[piece], --bucket_end_[from]);
}

void PiecePicker::DecreaseAvailability(size_t piece) {
  KH_DCHECK(availability_[piece] > 0);
  const size_t to = --availability_[piece];
  if (position_[piece] == kNoPosition) return;
  SwapOrder(position_[piece], bucket_end_[to]++);
}

void PiecePicker::RemoveFromOrder(size_t piece) {
  // The gap moves up through the last element of each bucket until it is at the very end.
  for (size_t bucket = availability_[piece]; bucket < bucket_end_.size(); ++bucket) {
    SwapOrder(position_[piece], --bucket_end_[bucket]);
  }
  KH_DCHECK(position_[piece] + 1 == order_.size());
  order_.pop_back();
  position_[piece] = kNoPosition;
}

void PiecePicker::AddPeerPiece(PieceIndex piece) { IncreaseAvailability(Slot(piece)); }

void PiecePicker::PrefetchAvailability(PieceIndex piece) const {
  Prefetch(&availability_[Slot(piece)]);
  Prefetch(&position_[Slot(piece)]);
  Prefetch(bucket_end_.data());
  Prefetch(free_.words().data());
}

void PiecePicker::PrefetchOrder(PieceIndex piece) const {
  const uint32_t position = position_[Slot(piece)];
  if (position == kNoPosition) return;
  Prefetch(&order_[position]);
  const uint32_t end = bucket_end_[availability_[Slot(piece)]];
  if (end > 0) Prefetch(&order_[end - 1]);
}

void PiecePicker::AddPeerPieces(const PieceMap& pieces) {
  pieces.ForEach([this](PieceIndex piece) { IncreaseAvailability(Slot(piece)); });
}

void PiecePicker::RemovePeerPieces(const PieceMap& pieces) {
  pieces.ForEach([this](PieceIndex piece) { DecreaseAvailability(Slot(piece)); });
}

void PiecePicker::RemoveSeed() {
  KH_CHECK(seeds_ > 0);
  --seeds_;
}

void PiecePicker::MarkVerifiable(PieceIndex piece) {
  if (verifiable_.Add(piece)) UpdateFree(piece);
}

bool PiecePicker::MarkHave(PieceIndex piece) {
  if (!have_.Add(piece)) return false;
  UpdateFree(piece);
  RemoveFromOrder(Slot(piece));
  return true;
}

void PiecePicker::AddRequest(PieceIndex piece) {
  uint8_t& copies = copies_[Slot(piece)];
  KH_CHECK(copies < std::numeric_limits<uint8_t>::max());
  if (copies++ == 0) {
    requested_.push_back(piece);
    UpdateFree(piece);
  }
}

void PiecePicker::RemoveRequest(PieceIndex piece) {
  uint8_t& copies = copies_[Slot(piece)];
  KH_CHECK(copies > 0);
  if (--copies > 0) return;
  auto it = std::find(requested_.begin(), requested_.end(), piece);
  *it = requested_.back();
  requested_.pop_back();
  UpdateFree(piece);
}

absl::optional<PieceIndex> PiecePicker::PickRarest(const PieceMap& remote) {
  KH_DCHECK(remote.size() == have_.size());
  const absl::Span<const uint64_t> wanted = free_.words();
  const absl::Span<const uint64_t> theirs = remote.words();
  int seen = 0;
  uint64_t ties = 0;
  int32_t best = -1;
  for (size_t word = 0; word < wanted.size(); ++word) {
    for (uint64_t bits = wanted[word] & theirs[word]; bits != 0; bits &= bits - 1) {
      if (++seen > kDirectScanPieces) return PickFromBuckets(remote);
      const int32_t piece = static_cast<int32_t>(word * 64) + std::countr_zero(bits);
      if (best < 0 || availability_[piece] < availability_[best]) {
        best = piece;
        ties = 1;
      } else if (availability_[piece] == availability_[best] && random_->Uniform(++ties) == 0) {
        best = piece;
      }
    }
  }
  if (best < 0) return absl::nullopt;
  return PieceIndex(best);
}

absl::optional<PieceIndex> PiecePicker::PickFromBuckets(const PieceMap& remote) {
  for (size_t bucket = 0; bucket < bucket_end_.size(); ++bucket) {
    const uint32_t begin = BucketBegin(bucket);
    const uint32_t size = bucket_end_[bucket] - begin;
    if (size == 0) continue;
    const uint32_t start = static_cast<uint32_t>(random_->Uniform(size));
    for (uint32_t i = 0; i < size; ++i) {
      const uint32_t at = start + i < size ? start + i : start + i - size;
      const PieceIndex piece(static_cast<int32_t>(order_[begin + at]));
      if (free_.Has(piece) && remote.Has(piece)) return piece;
    }
  }
  return absl::nullopt;
}

absl::optional<PieceIndex> PiecePicker::PickFirst(const PieceMap& remote, PieceIndex first,
                                                  PieceIndex end) const {
  for (PieceIndex piece = free_.FirstAtOrAfter(first); piece < end;
       piece = free_.FirstAtOrAfter(piece + PieceCount(1))) {
    if (remote.Has(piece)) return piece;
  }
  return absl::nullopt;
}

absl::optional<PieceIndex> PiecePicker::PickEndgame(const PieceMap& remote, int max_copies) {
  absl::optional<PieceIndex> best;
  int best_copies = max_copies;
  uint64_t ties = 0;
  for (PieceIndex piece : requested_) {
    const int copies = copies_[Slot(piece)];
    if (copies > best_copies || copies >= max_copies || have_.Has(piece) || !remote.Has(piece)) {
      continue;
    }
    if (copies < best_copies) ties = 0;
    best_copies = copies;
    if (random_->Uniform(++ties) == 0) best = piece;
  }
  return best;
}

void PiecePicker::CheckInvariants() const {
  size_t missing = 0;
  size_t requested = 0;
  for (PieceIndex piece(0); piece.value() < have_.size().value(); ++piece) {
    const size_t slot = Slot(piece);
    const bool is_free = verifiable_.Has(piece) && !have_.Has(piece) && copies_[slot] == 0;
    KH_CHECK(free_.Has(piece) == is_free);
    requested += copies_[slot] > 0;
    if (have_.Has(piece)) {
      KH_CHECK(position_[slot] == kNoPosition);
      continue;
    }
    ++missing;
    KH_CHECK(order_[position_[slot]] == slot);
    KH_CHECK(position_[slot] >= BucketBegin(availability_[slot]));
    KH_CHECK(position_[slot] < bucket_end_[availability_[slot]]);
  }
  KH_CHECK(missing == order_.size() && requested == requested_.size());
  KH_CHECK(bucket_end_.back() == order_.size());
}

}  // namespace kraken::swarm
