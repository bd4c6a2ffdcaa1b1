#ifndef KRAKEN_SWARM_SUPER_SEEDER_H_
#define KRAKEN_SWARM_SUPER_SEEDER_H_

#include <cstdint>
#include <vector>

#include "absl/types/optional.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/piece_map.h"
#include "kraken/swarm/piece_picker.h"

namespace kraken::swarm {

// Which piece an origin names next, so that each leaves it once before any leaves it twice, and
// none that the swarm already has: origins serve thousands of peers with little more than one copy.
//
// A piece is *fresh* if the origin has it and has neither named nor sent it; *named* if one peer
// was told of it and has not asked; else *out*. A fresh piece that a linked peer already has
// (another origin sent it) counts as out. A piece that is out and that no linked peer has any more
// is fresh again. Not thread safe.
class SuperSeeder {
 public:
  struct Reveal {
    LinkId link;
    PieceIndex piece;
    Instant at;
  };

  SuperSeeder(const PieceMap& have, BitGen* random);

  void AddPiece(PieceIndex piece);

  // Somebody asked for it without being told: no other need be told.
  void MarkOut(PieceIndex piece);

  // Takes a fresh piece at random that no linked peer has.
  absl::optional<PieceIndex> TakeFresh(const PiecePicker& picker);
  // None of the peers could be told: it is fresh again.
  void PutBack(PieceIndex piece) { fresh_.push_back(piece); }

  void AddReveal(LinkId link, PieceIndex piece, Instant now);
  // The peer asked for it, or has it. False if it was not named to this peer.
  bool RemoveReveal(LinkId link, PieceIndex piece);

  // Takes back what was named before `before`, or to `link`. The caller corrects its counts.
  std::vector<Reveal> ExpireReveals(Instant before);
  void DropLink(LinkId link);

  // Pieces that are out and have vanished from the linked peers are fresh again. O(pieces).
  // `is_busy(piece)` tells whether the piece is being sent or waits to be.
  template <typename IsBusy>
  void Refresh(const PiecePicker& picker, IsBusy&& is_busy) {
    const PieceMap& have = picker.have();
    PieceMap pending(have.size());
    for (PieceIndex piece : fresh_) pending.Add(piece);
    for (const Reveal& reveal : reveals_) pending.Add(reveal.piece);
    have.ForEach([&](PieceIndex piece) {
      if (!pending.Has(piece) && picker.Availability(piece) == 0 && !is_busy(piece)) {
        fresh_.push_back(piece);
      }
    });
  }

  size_t reveal_count() const { return reveals_.size(); }
  size_t fresh_count() const { return fresh_.size(); }

 private:
  BitGen* random_;
  std::vector<PieceIndex> fresh_;
  std::vector<Reveal> reveals_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_SUPER_SEEDER_H_
