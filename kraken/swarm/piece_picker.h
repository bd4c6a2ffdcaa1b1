// Facts that the picker tracks of one torrent:
//   have         pieces that are here
//   verifiable   pieces whose bytes could be checked if they came (chaining values known)
//   copies       per piece, how many requests for it are under way
//   free         verifiable, not here, no request under way: what may be asked for
//   availability per piece, how many linked peers have it; peers that were complete from the start
//                are counted once for all pieces
//   order        the pieces that are not here, sorted by availability, each availability's in no
//                particular order
#ifndef KRAKEN_SWARM_PIECE_PICKER_H_
#define KRAKEN_SWARM_PIECE_PICKER_H_

#include <cstdint>
#include <vector>

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::swarm {

// Decides which piece to ask a peer for: rarest first, ties by chance. A change of one availability
// costs O(1); a pick a few steps unless the peer has very little that is wanted.
// Not thread safe. REQUIRES for all: valid indexes, maps of the torrent's size.
class PiecePicker {
 public:
  // `random` outlives it.
  PiecePicker(PieceMap have, PieceMap verifiable, BitGen* random);

  PieceCount piece_count() const { return have_.size(); }
  const PieceMap& have() const { return have_; }
  const PieceMap& verifiable() const { return verifiable_; }
  const PieceMap& free() const { return free_; }
  // Pieces with a request under way; each once, in no order.
  absl::Span<const PieceIndex> requested() const { return requested_; }
  int Copies(PieceIndex piece) const { return copies_[Slot(piece)]; }
  // Linked peers that have it.
  int Availability(PieceIndex piece) const { return availability_[Slot(piece)] + seeds_; }

  // ---- Peers ----
  void AddPeerPiece(PieceIndex piece);
  void AddPeerPieces(const PieceMap& pieces);
  void RemovePeerPieces(const PieceMap& pieces);
  // A peer that has everything, instead of the above.
  void AddSeed() { ++seeds_; }
  void RemoveSeed();

  // Fetch what AddPeerPiece is about to read: first the one, a while later the other.
  void PrefetchAvailability(PieceIndex piece) const;
  void PrefetchOrder(PieceIndex piece) const;

  // ---- Our side ----
  void MarkVerifiable(PieceIndex piece);
  // False if it was here.
  bool MarkHave(PieceIndex piece);
  void AddRequest(PieceIndex piece);
  void RemoveRequest(PieceIndex piece);

  // ---- Picks ----
  // True if the peer has a piece that may be asked for.
  bool IsInteresting(const PieceMap& remote) const { return free_.Intersects(remote); }

  // The rarest free piece that the peer has.
  absl::optional<PieceIndex> PickRarest(const PieceMap& remote);

  // The first free piece in [first, end) that the peer has.
  absl::optional<PieceIndex> PickFirst(const PieceMap& remote, PieceIndex first,
                                       PieceIndex end) const;

  // A piece under way with fewer than `max_copies` requests that the peer has; the fewest copies.
  absl::optional<PieceIndex> PickEndgame(const PieceMap& remote, int max_copies);

  // Aborts if an invariant does not hold. Slow.
  void CheckInvariants() const;

 private:
  static size_t Slot(PieceIndex piece) { return static_cast<size_t>(piece.value()); }
  void UpdateFree(PieceIndex piece);
  void SwapOrder(uint32_t a, uint32_t b);
  void IncreaseAvailability(size_t piece);
  void DecreaseAvailability(size_t piece);
  void RemoveFromOrder(size_t piece);
  uint32_t BucketBegin(size_t availability) const {
    return availability == 0 ? 0 : bucket_end_[availability - 1];
  }
  absl::optional<PieceIndex> PickFromBuckets(const PieceMap& remote);

  BitGen* random_;
  PieceMap have_;
  PieceMap verifiable_;
  PieceMap free_;
  std::vector<uint8_t> copies_;
  std::vector<uint16_t> availability_;
  int seeds_ = 0;
  std::vector<PieceIndex> requested_;
  // order_[position_[p]] == p for each piece p that is not here.
  std::vector<uint32_t> order_;
  std::vector<uint32_t> position_;
  // Pieces of availability a are order_[BucketBegin(a) .. bucket_end_[a]).
  std::vector<uint32_t> bucket_end_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_PIECE_PICKER_H_
