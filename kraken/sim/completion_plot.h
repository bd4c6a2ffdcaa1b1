#ifndef KRAKEN_SIM_COMPLETION_PLOT_H_
#define KRAKEN_SIM_COMPLETION_PLOT_H_

#include <string>

#include "kraken/sim/flash_crowd_scenario.h"

namespace kraken::sim {

// A picture, as SVG: which share of the agents was complete so many seconds after their own start,
// and the floor.
std::string PlotCompletion(const FlashCrowdResult& result);

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_COMPLETION_PLOT_H_
