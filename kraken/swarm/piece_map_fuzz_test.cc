// A stranger's bitfield: parses or not, and what parses is what it says.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/swarm/piece_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kSizeBytes = 4;
  if (size < kSizeBytes) return 0;
  const int32_t pieces =
      (data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3]) & (kraken::swarm::kMaxPieces - 1);
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + kSizeBytes,
                                size - kSizeBytes);
  const auto map = kraken::swarm::PieceMap::FromWireBytes(bytes, kraken::PieceCount(pieces));
  if (!map.ok()) return 0;
  KH_CHECK(map->ToWireBytes() == bytes);
  int32_t count = 0;
  for (kraken::PieceIndex piece = map->FirstAtOrAfter(kraken::PieceIndex(0));
       piece.value() < pieces; piece = map->FirstAtOrAfter(piece + kraken::PieceCount(1))) {
    KH_CHECK(map->Has(piece));
    ++count;
  }
  KH_CHECK(count == map->count().value());
  return 0;
}
