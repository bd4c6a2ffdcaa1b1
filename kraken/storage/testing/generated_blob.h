// For benchmarks: a blob that is larger than a test should hold in memory.
#ifndef KRAKEN_STORAGE_TESTING_GENERATED_BLOB_H_
#define KRAKEN_STORAGE_TESTING_GENERATED_BLOB_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {

// Made from a seed, a piece at a time, in pieces of the usual length.
class GeneratedBlob {
 public:
  GeneratedBlob(ByteCount size, uint64_t seed);

  const PieceLayout& layout() const { return layout_; }
  const Digest& digest() const { return digest_; }
  // After each piece but the last.
  const std::vector<Sha256State>& states() const { return states_; }

  // All pieces in order, made anew.
  void ForEachPiece(absl::FunctionRef<void(absl::Span<const uint8_t>)> take) const;

 private:
  PieceLayout layout_;
  uint64_t seed_;
  std::vector<Sha256State> states_;
  Digest digest_;
};

// Puts it into a store, in pieces of its own. Aborts if that fails.
void StoreBlob(BlobStore& store, const GeneratedBlob& blob);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_TESTING_GENERATED_BLOB_H_
