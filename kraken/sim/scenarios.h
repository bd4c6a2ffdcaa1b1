#ifndef KRAKEN_SIM_SCENARIOS_H_
#define KRAKEN_SIM_SCENARIOS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "kraken/sim/flash_crowd_scenario.h"

namespace kraken::sim {

// kScaled: at most 64 agents and 128 pieces, a fraction of a second each, for every test run.
// kFull: hundreds of agents and pieces, for a hunt.
enum class ScenarioSize { kScaled, kFull };

// Something that happens to a swarm. What must hold in all of them: everybody completes, nobody
// honest is banned, nobody breaks the protocol, and no checker reports anything.
struct Scenario {
  const char* name;
  const char* description;
  // Makes of a plain warm flash crowd what the scenario is about.
  void (*change)(FlashCrowdOptions& options);
  // Beyond that, of the scaled runs; 0: not limited. Times are ratios to the floor.
  double max_p50 = 0;
  double max_p99 = 0;
  double max_amplification = 0;
  double max_redundant_share = 0;
  // Into each zone but the origins'.
  double max_copies_into_zone = 0;
};

const std::vector<Scenario>& AllScenarios();
// Null if there is none.
const Scenario* FindScenario(absl::string_view name);

// Everything else that differs between seeds is drawn from the seed.
FlashCrowdOptions OptionsFor(const Scenario& scenario, ScenarioSize size, uint64_t seed);

// What does not hold, one line each; empty if all is well.
std::vector<std::string> Judge(const Scenario& scenario, ScenarioSize size,
                               const FlashCrowdOptions& options, const FlashCrowdResult& result);

// The command that runs the same again.
std::string ReplayCommand(const Scenario& scenario, ScenarioSize size, uint64_t seed);

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SCENARIOS_H_
