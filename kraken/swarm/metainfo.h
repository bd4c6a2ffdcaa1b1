#ifndef KRAKEN_SWARM_METAINFO_H_
#define KRAKEN_SWARM_METAINFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/piece_verifier.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::swarm {

// A part of a piece list, as an origin signs it and everybody else relays it. `states[k]` is
// SHA-256's chaining value after the last byte of piece `first + k`. The last piece has no state in
// the list: padding it must give the digest. Encoding, signing and verifying:
// piece_list_signature.h.
struct SignedPieceRange {
  Digest digest;
  ByteCount size;
  ByteCount piece_length;
  // Grows each time an origin starts a new list for the blob; a revocation names it.
  uint64_t sequence = 0;
  PieceIndex first;
  std::vector<Sha256State> states;

  // Of the encoded range; empty where TLS is off.
  std::string signature;
  // Leaf first, each certificate in DER after its length as 4 bytes big endian; empty where TLS is
  // off.
  std::string certificate_chain;
};

// What is known of a blob's piece list: which bytes each piece must be.
//
// While the blob still arrives at its origin, states come in ranges, and only pieces whose states
// on both sides are known can be checked. Holds no I/O and believes what it is given: the caller
// has verified the signature of a range before it merges it. Not thread safe; copy for another
// thread.
class Metainfo {
 public:
  // INVALID_ARGUMENT as PieceLayout::Create, or more than kMaxPieces pieces.
  static absl::StatusOr<Metainfo> Create(const Digest& digest, ByteCount size,
                                         ByteCount piece_length, uint64_t sequence = 0);

  const Digest& digest() const { return digest_; }
  TorrentKey key() const { return {digest_, layout_.piece_length()}; }
  const storage::PieceLayout& layout() const { return layout_; }
  uint64_t sequence() const { return sequence_; }

  // Adds states. INVALID_ARGUMENT if the range is of another blob, layout or sequence or does not
  // fit; DATA_LOSS if a state differs from one known. Nothing is added on error.
  absl::Status Merge(const SignedPieceRange& range);
  absl::Status Merge(PieceIndex first, absl::Span<const Sha256State> states);

  // All pieces - 1 states are known.
  bool is_complete() const { return known_.IsFull(); }
  // The pieces after which the state is known; of size max(1, piece_count) - 1.
  const PieceMap& known_states() const { return known_; }

  // True if the piece can be checked: its start state, and its end state or (for the last) the
  // digest, are known. REQUIRES: a valid index.
  bool IsVerifiable(PieceIndex piece) const;

  // The state before the piece's first byte, and after its last; none if unknown, or for StateAfter
  // if `piece` is the last. REQUIRES: a valid index.
  absl::optional<Sha256State> StateBefore(PieceIndex piece) const;
  absl::optional<Sha256State> StateAfter(PieceIndex piece) const;

  // Checks the piece's bytes as they come, for an I/O loop: holds copies of all it needs.
  // FAILED_PRECONDITION if the piece is not verifiable yet; INVALID_ARGUMENT for a bad index.
  absl::StatusOr<storage::PieceVerifier> VerifierOf(PieceIndex piece) const;

  // The known states of [first, first + count), for relaying.
  // REQUIRES: all of them known.
  absl::Span<const Sha256State> States(PieceIndex first, PieceCount count) const;

 private:
  Metainfo(const Digest& digest, const storage::PieceLayout& layout, uint64_t sequence);

  Digest digest_;
  storage::PieceLayout layout_;
  uint64_t sequence_;
  PieceMap known_;
  std::vector<Sha256State> states_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_METAINFO_H_
