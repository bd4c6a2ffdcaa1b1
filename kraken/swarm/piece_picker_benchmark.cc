#include <vector>

#include "benchmark/benchmark.h"
#include "kraken/base/random.h"
#include "kraken/swarm/piece_picker.h"

namespace kraken::swarm {
namespace {

constexpr int kPeers = 20;

// Half of a torrent is here; twenty peers have half of it each.
struct Scene {
  explicit Scene(int pieces)
      : random(1), picker(Half(pieces), PieceMap::Full(PieceCount(pieces)), &random) {
    for (int i = 0; i < kPeers; ++i) {
      peers.push_back(Half(pieces));
      picker.AddPeerPieces(peers.back());
    }
  }

  PieceMap Half(int pieces) {
    PieceMap map((PieceCount(pieces)));
    for (int i = 0; i < pieces; ++i) {
      if (random.Next() & 1) map.Add(PieceIndex(i));
    }
    return map;
  }

  SeededBitGen random;
  std::vector<PieceMap> peers;
  PiecePicker picker;
};

void BM_PickRarest(benchmark::State& state) {
  Scene scene(static_cast<int>(state.range(0)));
  size_t peer = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(scene.picker.PickRarest(scene.peers[peer++ % kPeers]));
  }
}
BENCHMARK(BM_PickRarest)->Arg(100)->Arg(716)->Arg(12'800)->Arg(400'000);

void BM_Have(benchmark::State& state) {
  const int pieces = static_cast<int>(state.range(0));
  Scene scene(pieces);
  PieceMap one(scene.picker.have().size());
  for (auto _ : state) {
    const PieceIndex piece(
        static_cast<int32_t>(scene.random.Uniform(static_cast<uint64_t>(pieces))));
    scene.picker.AddPeerPiece(piece);
    one.Add(piece);
    scene.picker.RemovePeerPieces(one);
    one.Remove(piece);
  }
}
BENCHMARK(BM_Have)->Arg(716)->Arg(12'800);

}  // namespace
}  // namespace kraken::swarm
