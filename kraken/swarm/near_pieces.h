#ifndef KRAKEN_SWARM_NEAR_PIECES_H_
#define KRAKEN_SWARM_NEAR_PIECES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kraken/base/check.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::swarm {

// Which pieces of a torrent no linked peer of our zone has: only those are worth the way from
// another zone. Not thread safe. REQUIRES for all: valid indexes, maps of the torrent's size.
class NearPieces {
 public:
  explicit NearPieces(PieceCount pieces)
      : copies_(static_cast<size_t>(pieces.value())), missing_(PieceMap::Full(pieces)) {}

  void AddPiece(PieceIndex piece) {
    if (copies_[static_cast<size_t>(piece.value())]++ == 0) missing_.Remove(piece);
  }
  void AddPeer(const PieceMap& pieces) {
    pieces.ForEach([this](PieceIndex piece) { AddPiece(piece); });
  }
  void RemovePeer(const PieceMap& pieces) {
    pieces.ForEach([this](PieceIndex piece) {
      uint16_t& copies = copies_[static_cast<size_t>(piece.value())];
      KH_DCHECK(copies > 0);
      if (--copies == 0) missing_.Add(piece);
    });
  }

  const PieceMap& missing() const { return missing_; }

 private:
  std::vector<uint16_t> copies_;
  PieceMap missing_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_NEAR_PIECES_H_
