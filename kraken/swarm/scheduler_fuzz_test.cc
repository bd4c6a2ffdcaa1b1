// Peers that send anything in any order: the engine stays whole, whatever comes. Each four bytes
// are one input: what, from which of eight peers, and two numbers.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "kraken/swarm/fake_environment.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::swarm {
namespace {

constexpr int kPieces = 16;
constexpr int kPeers = 8;

class Play {
 public:
  explicit Play(bool super_seed) : fake_(Config(super_seed), super_seed) {
    torrent_ = fake_.Add(kPieces);
    links_.resize(kPeers);
  }

  void Step(uint8_t what, uint8_t who, uint8_t a, uint8_t b) {
    Scheduler& engine = fake_.engine();
    LinkId& link = links_[who % kPeers];
    const PieceIndex piece(static_cast<int8_t>(a));
    switch (what % 13) {
      case 0: {
        std::vector<int> have;
        for (int i = 0; i < kPieces; ++i) {
          if (((a | b << 8) >> i & 1) != 0) have.push_back(i);
        }
        const LinkId connected = fake_.Connect(who % kPeers, have);
        if (connected.is_valid()) link = connected;
        break;
      }
      case 1:
        engine.OnHave(link, {piece}, {b});
        break;
      case 2:
        engine.OnRequest(link, piece);
        break;
      case 3:
        engine.OnCancel(link, piece);
        break;
      case 4:
        engine.OnPieceProgress(link, piece, ByteCount(1));
        break;
      case 5:
        engine.OnPieceReceived(link, piece, static_cast<Scheduler::PieceOutcome>(b % 4),
                               ByteCount(1 << 16));
        break;
      case 6:
        engine.OnUploadDone(link, piece);
        break;
      case 7:
        engine.OnLinkClosed(link, absl::UnavailableError("gone"));
        break;
      case 8:
        engine.OnLocalPiece(torrent_, piece).IgnoreError();
        break;
      case 9:
        fake_.Advance(int64_t{b} * kNanosPerSecond / 10);
        break;
      case 10:
        engine.OnTrackerPeers(torrent_, {FakeEnvironment::Peer(who)});
        break;
      case 11:
        link = fake_.dialed();
        engine.OnDialed(link);
        engine.OnHandshake(link, fake_.HandshakeOf(who, {a % kPieces, b % kPieces}));
        break;
      case 12:
        engine.OnReject(link, piece);
        break;
    }
  }

  void Check() { fake_.engine().CheckInvariants(); }

 private:
  static SwarmConfig Config(bool super_seed) {
    SwarmConfig config;
    config.super_seed = super_seed;
    config.min_links = 4;
    config.max_links = 6;
    return config;
  }

  FakeEnvironment fake_;
  TorrentId torrent_;
  std::vector<LinkId> links_;
};

}  // namespace
}  // namespace kraken::swarm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostSteps = 1'000;
  constexpr size_t kStepsPerCheck = 16;
  if (size == 0) return 0;
  kraken::swarm::Play play((data[0] & 0x80) != 0);
  for (size_t i = 0; i + 4 <= size && i < 4 * kMostSteps; i += 4) {
    play.Step(data[i], data[i + 1], data[i + 2], data[i + 3]);
    if (i / 4 % kStepsPerCheck == 0) play.Check();
  }
  play.Check();
  return 0;
}
