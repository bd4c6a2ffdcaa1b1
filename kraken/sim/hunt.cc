// Runs scenarios, seed after seed, until one does not hold or all are done. The last line says what
// that took, and a number that stands for all that happened: a change of the engine that is not to
// change what it does leaves it as it was.
#include <sys/resource.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/sim/scenarios.h"

ABSL_FLAG(std::string, scenario, "", "only this one; empty: all in turn");
ABSL_FLAG(uint64_t, first_seed, 1, "the first seed");
ABSL_FLAG(uint64_t, seeds, 100, "how many seeds");
ABSL_FLAG(bool, full, false, "full size: hundreds of agents");
ABSL_FLAG(bool, keep_going, false, "go on after a failure");

namespace kraken::sim {
namespace {

double PeakMemoryMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int Hunt(const std::vector<Scenario>& scenarios) {
  const ScenarioSize size = absl::GetFlag(FLAGS_full) ? ScenarioSize::kFull : ScenarioSize::kScaled;
  const uint64_t first = absl::GetFlag(FLAGS_first_seed);
  const absl::Time begin = absl::Now();
  int runs = 0;
  int failures = 0;
  uint64_t events = 0;
  uint64_t trace = 0;
  for (uint64_t seed = first; seed < first + absl::GetFlag(FLAGS_seeds); ++seed) {
    for (const Scenario& scenario : scenarios) {
      // Before it runs: a checker that aborts must not leave us guessing.
      std::printf("\r%d runs, %d failed, %.0f s; seed %" PRIu64 " %s%*s", runs, failures,
                  absl::ToDoubleSeconds(absl::Now() - begin), seed, scenario.name, 12, "");
      std::fflush(stdout);
      const FlashCrowdOptions options = OptionsFor(scenario, size, seed);
      const FlashCrowdResult result = RunFlashCrowd(options);
      const std::vector<std::string> wrong = Judge(scenario, size, options, result);
      ++runs;
      events += result.events;
      constexpr uint64_t kPrime = 0x100000001b3;
      trace = trace * kPrime ^ result.trace_hash;
      if (wrong.empty()) continue;
      ++failures;
      std::printf("\n%s\nreplay: %s\n", absl::StrJoin(wrong, "\n").c_str(),
                  ReplayCommand(scenario, size, seed).c_str());
      if (!absl::GetFlag(FLAGS_keep_going)) return 1;
    }
  }
  std::printf("\n%d runs, %d failed, %.0f s, %" PRIu64 " events, %.0f MiB, trace %016" PRIx64 "\n",
              runs, failures, absl::ToDoubleSeconds(absl::Now() - begin), events, PeakMemoryMiB(),
              trace);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kraken::sim

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Looks for a seed with which a scenario of the simulated swarm does not hold.");
  absl::ParseCommandLine(argc, argv);
  const std::string name = absl::GetFlag(FLAGS_scenario);
  if (name.empty()) return kraken::sim::Hunt(kraken::sim::AllScenarios());
  const kraken::sim::Scenario* const scenario = kraken::sim::FindScenario(name);
  if (scenario == nullptr) {
    std::fprintf(stderr, "no scenario \"%s\"; there are:\n", name.c_str());
    for (const auto& known : kraken::sim::AllScenarios()) {
      std::fprintf(stderr, "  %-14s %s\n", known.name, known.description);
    }
    return 2;
  }
  return kraken::sim::Hunt({*scenario});
}
