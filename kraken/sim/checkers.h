#ifndef KRAKEN_SIM_CHECKERS_H_
#define KRAKEN_SIM_CHECKERS_H_

#include <cstdint>

#include "kraken/sim/sim_host.h"
#include "kraken/sim/world.h"

namespace kraken::sim {

// What must hold of the whole cluster at any time, beyond what each host checks of itself while it
// runs (SimHost). Reports to the world:
// - a host whose books do not agree with its engine's;
// - a link that one side has closed and the other has not, long after it must have heard;
// - a piece that a host has had for long and a peer of it does not know of;
// - a revoked list that is still somewhere though its holder could know;
// - a torrent that gets nothing for long though somebody whom it could reach has what it lacks;
// - a tracker that knows too few or too many.
class Checkers {
 public:
  // `world` outlives it.
  explicit Checkers(World* world) : world_(*world) {}

  // Walks everything. Call some times a second of virtual time.
  void Run();

 private:
  void CheckLink(uint32_t dialer);
  void CheckKnowledge(uint32_t from, uint32_t to);
  void CheckTorrents(SimHost& host);
  void CheckRevoked(const SimHost& host, const SimHost::Torrent& torrent, int64_t revoked_at);
  bool CouldProgress(const SimHost& host, const SimHost::Torrent& torrent);
  void CheckTracker();
  // After so long a word that was sent has arrived and been acted upon.
  int64_t SettleNanos() const;

  World& world_;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_CHECKERS_H_
