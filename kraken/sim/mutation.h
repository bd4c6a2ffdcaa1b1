#ifndef KRAKEN_SIM_MUTATION_H_
#define KRAKEN_SIM_MUTATION_H_

#include <cstdint>

namespace kraken::sim {

// A defect put into the engine on purpose, where it meets the simulated world, to see whether a
// checker finds it. The engine itself is the real one.
enum class MutationKind : uint8_t {
  kNone,
  kDropHave,          // a peer is not told of a piece
  kLoseWakeUp,        // a timer does not go off, and with it time-outs
  kForgetTimeouts,    // a request that is not answered is never given up
  kNeverAnswer,       // an upload is not begun, and holds its slot
  kAcceptUnverified,  // a piece that does not check is taken for good
  kNoticeNoLoss,      // a link that broke is taken for open, its requests for under way
  kLeakLink,          // a link is forgotten, and not closed
  kNeverCancel,       // what came from elsewhere is not taken back
  kStopAnnouncing,    // the tracker hears of a torrent once
  kAskTwice,          // a request goes out twice
};

struct Mutation {
  MutationKind kind = MutationKind::kNone;
  // How often it strikes.
  double share = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_MUTATION_H_
