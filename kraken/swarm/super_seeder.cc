#include "kraken/swarm/super_seeder.h"

#include <algorithm>

namespace kraken::swarm {

SuperSeeder::SuperSeeder(const PieceMap& have, BitGen* random) : random_(random) {
  have.ForEach([this](PieceIndex piece) { fresh_.push_back(piece); });
}

void SuperSeeder::AddPiece(PieceIndex piece) { fresh_.push_back(piece); }

void SuperSeeder::MarkOut(PieceIndex piece) {
  const auto it = std::find(fresh_.begin(), fresh_.end(), piece);
  if (it == fresh_.end()) return;
  *it = fresh_.back();
  fresh_.pop_back();
}

absl::optional<PieceIndex> SuperSeeder::TakeFresh(const PiecePicker& picker) {
  while (!fresh_.empty()) {
    PieceIndex& chosen = fresh_[static_cast<size_t>(random_->Uniform(fresh_.size()))];
    const PieceIndex piece = chosen;
    chosen = fresh_.back();
    fresh_.pop_back();
    if (picker.Availability(piece) == 0) return piece;
  }
  return absl::nullopt;
}

void SuperSeeder::AddReveal(LinkId link, PieceIndex piece, Instant now) {
  reveals_.push_back({.link = link, .piece = piece, .at = now});
}

bool SuperSeeder::RemoveReveal(LinkId link, PieceIndex piece) {
  auto it = std::find_if(reveals_.begin(), reveals_.end(), [&](const Reveal& reveal) {
    return reveal.link == link && reveal.piece == piece;
  });
  if (it == reveals_.end()) return false;
  reveals_.erase(it);
  return true;
}

std::vector<SuperSeeder::Reveal> SuperSeeder::ExpireReveals(Instant before) {
  std::vector<Reveal> expired;
  auto keep = reveals_.begin();
  for (Reveal& reveal : reveals_) {
    if (reveal.at < before) {
      fresh_.push_back(reveal.piece);
      expired.push_back(reveal);
    } else {
      *keep++ = reveal;
    }
  }
  reveals_.erase(keep, reveals_.end());
  return expired;
}

void SuperSeeder::DropLink(LinkId link) {
  auto keep = reveals_.begin();
  for (Reveal& reveal : reveals_) {
    if (reveal.link == link) {
      fresh_.push_back(reveal.piece);
    } else {
      *keep++ = reveal;
    }
  }
  reveals_.erase(keep, reveals_.end());
}

}  // namespace kraken::swarm
