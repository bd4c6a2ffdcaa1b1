#include <vector>

#include "benchmark/benchmark.h"
#include "kraken/base/random.h"
#include "kraken/swarm/hand_out.h"

namespace kraken::swarm {
namespace {

constexpr int kPeersPerSwarm = 1'000;

std::vector<PeerInfo> Peers(BitGen& random) {
  std::vector<PeerInfo> peers(kPeersPerSwarm);
  for (PeerInfo& peer : peers) {
    peer.id = PeerId::Random(random);
    peer.ip = "10.11.12.13";
    peer.port = 16001;
  }
  return peers;
}

AnnounceRecord Record(int swarm, int want) {
  AnnounceRecord record;
  Digest::Bytes bytes{};
  bytes[0] = static_cast<uint8_t>(swarm);
  bytes[1] = static_cast<uint8_t>(swarm >> 8);
  record.key = {Digest::FromBytes(bytes), ByteCount(4 << 20)};
  record.event = AnnounceEvent::kProgress;
  record.have = PieceCount(1);
  record.piece_count = PieceCount(700);
  record.want_peers = want;
  return record;
}

// Announces into swarms of a thousand peers; the argument is the number of peers wanted.
void BM_Announce(benchmark::State& state) {
  constexpr int kSwarms = 100;
  SeededBitGen random(1);
  HandOut hand_out(HandOutConfig(), &random);
  const std::vector<PeerInfo> peers = Peers(random);
  for (int swarm = 0; swarm < kSwarms; ++swarm) {
    for (const PeerInfo& peer : peers) hand_out.Announce(Instant(), peer, Record(swarm, 0));
  }
  const AnnounceRecord record = Record(7, static_cast<int>(state.range(0)));
  for (auto _ : state) {
    AnnounceRecord one = record;
    one.key = Record(static_cast<int>(random.Uniform(kSwarms)), 0).key;
    benchmark::DoNotOptimize(
        hand_out.Announce(Instant(), peers[random.Uniform(kPeersPerSwarm)], one));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Announce)->Arg(0)->Arg(20);

}  // namespace
}  // namespace kraken::swarm
