// What happens to a swarm while it works: scripts for FlashCrowdOptions. All that differs between
// runs is drawn from the scene's seed.
#ifndef KRAKEN_SIM_SCRIPTS_H_
#define KRAKEN_SIM_SCRIPTS_H_

#include "kraken/sim/scene.h"

namespace kraken::sim {

// For four minutes a tenth of the agents leaves each minute, one in three of them dead or cut off,
// and comes back as a new host after up to 20 s.
void LeaveAndCome(Scene& scene);

// Between a third and two thirds of the agents are cut off one by one in an order of chance, and
// come back in the reverse order (the swizzle-clogging of FoundationDB's simulation).
void Swizzle(Scene& scene);

// Zone 2 is parted from all others, and from the tracker, for 1 to 40 s.
void PartZone(Scene& scene);

// No tracker is there when the agents come; then there is one for long enough, and none again.
void NoTracker(Scene& scene);

// All origins die, one by one: the last one when the agents have every piece between them.
void KillOrigins(Scene& scene);

// The disks of a tenth of the agents are full for 2 to 15 s.
void FillDisks(Scene& scene);

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SCRIPTS_H_
