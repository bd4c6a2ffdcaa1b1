#include "kraken/sim/scenarios.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kraken::sim {
namespace {

constexpr int64_t kDownloadLimit = 20'000'000;
constexpr int64_t kUploadLimit = 40'000'000;

// One line for `what` if it is more than `limit`.
void CheckAtMost(absl::string_view what, double value, double limit,
                 std::vector<std::string>& wrong) {
  if (limit > 0 && value > limit) {
    wrong.push_back(absl::StrCat(what, " is ", value, "; at most ", limit));
  }
}

}  // namespace

const std::vector<Scenario>& AllScenarios() {
  // Small swarms of small blobs are far from the limit that the floor describes.
  static const auto* const scenarios = new std::vector<Scenario>{
      {.name = "warm",
       .description = "everybody wants what origins have",
       .change = [](FlashCrowdOptions&) {},
       .max_p99 = 1.9,
       .max_amplification = 3.0,
       .max_redundant_share = 0.05},
      {.name = "cold",
       .description = "everybody wants what still arrives at an origin",
       .change = [](FlashCrowdOptions& o) { o.cold = true; },
       .max_p99 = 2.5},
      {.name = "copied",
       .description = "meanwhile the other origins copy it from that one",
       .change =
           [](FlashCrowdOptions& o) {
             o.cold = true;
             o.copied = true;
             LetOriginsCopy(o.sim.origin);
           },
       .max_p99 = 2.5},
      {.name = "staggered",
       .description = "agents come one by one, over three times the floor",
       .change =
           [](FlashCrowdOptions& o) {
             o.join_window_nanos = static_cast<int64_t>(3e9 * FloorSeconds(o));
           },
       .max_p99 = 1.9},
      {.name = "readers",
       .description = "two layers, each read in order by a client",
       .change =
           [](FlashCrowdOptions& o) {
             o.blobs = 2;
             o.readers = true;
           }},
      {.name = "layers",
       .description = "an image of many small layers",
       .change = [](FlashCrowdOptions& o) { o.blobs = 30; }},
      {.name = "corrupt",
       .description = "a tenth of the agents send corrupt pieces",
       .change = [](FlashCrowdOptions& o) { o.corrupt_share = 0.1; }},
      {.name = "slow",
       .description = "one agent in twenty has a tenth of the rate",
       .change = [](FlashCrowdOptions& o) { o.slow_share = 0.05; },
       // A piece whose only copy went to a slow peer takes a fifth of these short runs.
       .max_p50 = 3.5},
      {.name = "churn",
       .description = "three agents in ten die and are replaced",
       .change = [](FlashCrowdOptions& o) { o.churn_share = 0.3; }},
      {.name = "origin-dies",
       .description = "an origin dies at a quarter of the floor",
       .change = [](FlashCrowdOptions& o) { o.kill_origin = true; }},
      {.name = "tracker-dies",
       .description = "the tracker dies once all have joined",
       .change = [](FlashCrowdOptions& o) { o.kill_tracker = true; }},
      {.name = "limits",
       .description = "agents are told to take and to send less than their lines can",
       .change =
           [](FlashCrowdOptions& o) {
             o.sim.agent.upload_limit = kUploadLimit;
             o.sim.agent.download_limit = kDownloadLimit;
           }},
      {.name = "everything",
       .description = "nearly all of this at once, over a network that loses one message in 100",
       .change =
           [](FlashCrowdOptions& o) {
             o.sim.loss = 0.01;
             o.corrupt_share = 0.05;
             o.slow_share = 0.05;
             o.churn_share = 0.2;
             o.kill_origin = true;
             o.readers = true;
           }},
  };
  return *scenarios;
}

const Scenario* FindScenario(absl::string_view name) {
  for (const Scenario& scenario : AllScenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

FlashCrowdOptions OptionsFor(const Scenario& scenario, ScenarioSize size, uint64_t seed) {
  FlashCrowdOptions options;
  options.sim.seed = seed;
  options.piece_length = 1 << 20;
  options.rate = 100e6;
  if (size == ScenarioSize::kScaled) {
    options.agents = 16 + static_cast<int>(seed * 7 % 49);
    options.size_bytes = (32 + static_cast<int64_t>(seed * 13 % 97)) * options.piece_length;
    options.join_window_nanos = 100 * swarm::kNanosPerMilli;
    options.check_interval_nanos = 200 * swarm::kNanosPerMilli;
  } else {
    options.agents = 200 + static_cast<int>(seed * 97 % 601);
    options.size_bytes = (200 + static_cast<int64_t>(seed * 131 % 801)) * options.piece_length;
    options.join_window_nanos = swarm::kNanosPerSecond;
    options.check_interval_nanos = swarm::kNanosPerSecond;
  }
  // So that the last piece is a short one.
  options.size_bytes -= 12'345;
  scenario.change(options);
  return options;
}

std::vector<std::string> Judge(const Scenario& scenario, ScenarioSize size,
                               const FlashCrowdOptions& options, const FlashCrowdResult& result) {
  std::vector<std::string> wrong;
  if (!result.everybody_completed) {
    wrong.push_back(
        absl::StrCat(result.completed, " of ", result.wanted, " agents complete:\n", result.stuck));
  }
  CheckAtMost("number of honest agents banned", static_cast<double>(result.honest_banned), 0.5,
              wrong);
  CheckAtMost("number of protocol errors", static_cast<double>(result.protocol_errors), 0.5, wrong);
  if (options.corrupt_share > 0 && options.corrupt_share * options.agents > 1 &&
      result.corrupt_pieces == 0) {
    wrong.push_back("nobody found a corrupt piece");
  }
  if (options.sim.agent.download_limit > 0 && !result.seconds.empty()) {
    const double limit = static_cast<double>(options.sim.agent.download_limit);
    const double burst = limit * absl::ToDoubleSeconds(options.sim.agent.limit_burst);
    const double least = (static_cast<double>(options.size_bytes) - burst) / limit;
    // The rates are doubles: a thousandth for their rounding.
    CheckAtMost("time that the limit would take, of what the fastest agent took",
                least / result.seconds.front(), 1.001, wrong);
    CheckAtMost("p99, of the time that the limit would take", result.Percentile(99) / least, 1.5,
                wrong);
  }
  if (size != ScenarioSize::kScaled || result.seconds.empty()) return wrong;
  CheckAtMost("p50 / floor", result.Percentile(50) / result.floor_seconds, scenario.max_p50, wrong);
  CheckAtMost("p99 / floor", result.Percentile(99) / result.floor_seconds, scenario.max_p99, wrong);
  CheckAtMost("origin amplification", result.origin_amplification, scenario.max_amplification,
              wrong);
  CheckAtMost("share of redundant pieces", result.redundant_share, scenario.max_redundant_share,
              wrong);
  return wrong;
}

std::string ReplayCommand(const Scenario& scenario, ScenarioSize size, uint64_t seed) {
  return absl::StrCat("bazel run //kraken/sim:hunt -- --scenario=", scenario.name,
                      size == ScenarioSize::kFull ? " --full" : "", " --first_seed=", seed,
                      " --seeds=1");
}

}  // namespace kraken::sim
