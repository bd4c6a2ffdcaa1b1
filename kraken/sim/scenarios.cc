#include "kraken/sim/scenarios.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/sim/scripts.h"

namespace kraken::sim {
namespace {

constexpr int64_t kDownloadLimit = 20'000'000;
constexpr int64_t kUploadLimit = 40'000'000;

constexpr int64_t kLongestPiece = 8 << 20;
constexpr int kMostScaledAgents = 64;

bool IsScaled(const FlashCrowdOptions& options) { return options.agents <= kMostScaledAgents; }

// One line for `what` if it is more than `limit`.
void CheckAtMost(absl::string_view what, double value, double limit,
                 std::vector<std::string>& wrong) {
  if (limit > 0 && value > limit) {
    wrong.push_back(absl::StrCat(what, " is ", value, "; at most ", limit));
  }
}

}  // namespace

// A table.
const std::vector<Scenario>& AllScenarios() {  // NOLINT(readability-function-size)
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
       .description = "an image of a hundred layers",
       .change =
           [](FlashCrowdOptions& o) {
             o.blobs = 100;
             o.agents /= 4;
           }},
      {.name = "images",
       .description = "eight images at once that share two of their five layers",
       .change =
           [](FlashCrowdOptions& o) {
             o.images = 8;
             o.blobs = 5;
             o.shared_blobs = 2;
           }},
      {.name = "huge",
       .description = "a blob of 100 GB",
       .change =
           [](FlashCrowdOptions& o) {
             o.size_bytes = IsScaled(o) ? 128 * kLongestPiece : 100'000'000'000;
             o.piece_length = kLongestPiece;
             o.rate = 300e6;
             o.agents = IsScaled(o) ? o.agents / 2 : o.agents / 10;
           },
       .max_p99 = 2.2},
      {.name = "tiny",
       .description = "100,000 blobs of 1 KiB: five images of a fifth of them",
       .change =
           [](FlashCrowdOptions& o) {
             o.images = 5;
             o.blobs = IsScaled(o) ? 25 : 20'000;
             o.size_bytes = o.blobs * int64_t{1 << 10};
             o.piece_length = 64 << 10;
             o.agents = IsScaled(o) ? o.agents / 2 : o.agents / 20;
           }},
      {.name = "disks",
       .description = "disks take two thirds of what the lines bring",
       .change = [](FlashCrowdOptions& o) { o.disk_rate = o.rate * 2 / 3; }},
      {.name = "full-disks",
       .description = "a tenth of the disks are full for a while",
       .change =
           [](FlashCrowdOptions& o) {
             o.readers = true;
             o.script = FillDisks;
           }},
      {.name = "zones",
       .description = "four zones, each with the uplink of one host",
       .change =
           [](FlashCrowdOptions& o) {
             o.zones = 4;
             o.sim.zones.assign(4, {.up_rate = o.rate, .down_rate = o.rate});
           },
       .max_p99 = 6.0,
       .max_copies_into_zone = 2.5},
      {.name = "parted",
       .description = "one of three zones is parted from the others for a while",
       .change =
           [](FlashCrowdOptions& o) {
             o.zones = 3;
             o.sim.zones.assign(3, {.up_rate = 4 * o.rate, .down_rate = 4 * o.rate});
             o.sim.tracker_zone = 1;
             o.script = PartZone;
           }},
      {.name = "swizzle",
       .description = "agents are cut off one by one, and come back in the reverse order",
       .change =
           [](FlashCrowdOptions& o) {
             o.readers = true;
             o.script = Swizzle;
           }},
      {.name = "revoked",
       .description = "the first of two blobs turns out wrong with its last bytes",
       .change =
           [](FlashCrowdOptions& o) {
             o.blobs = 2;
             o.cold = true;
             o.bad_blobs = 1;
             o.readers = true;
           }},
      {.name = "corrupt",
       .description = "a tenth of the agents send corrupt pieces",
       .change = [](FlashCrowdOptions& o) { o.corrupt_share = 0.1; }},
      {.name = "slow",
       .description = "one agent in twenty has a tenth of the rate",
       .change = [](FlashCrowdOptions& o) { o.slow_share = 0.05; },
       // A piece whose only copy went to a slow peer takes a fifth of these short runs.
       .max_p50 = 3.5},
      {.name = "mute",
       .description = "one agent in twenty takes requests and never answers",
       .change = [](FlashCrowdOptions& o) { o.mute_share = 0.05; }},
      {.name = "corrupt-slow",
       .description = "one agent in a hundred corrupts, one in twenty has a tenth of the rate",
       .change =
           [](FlashCrowdOptions& o) {
             o.corrupt_share = 0.01;
             o.slow_share = 0.05;
           }},
      {.name = "come-and-go",
       .description = "agents come over three minutes, a tenth leaves and comes each minute",
       .change =
           [](FlashCrowdOptions& o) {
             o.join_window_nanos = 180 * swarm::kNanosPerSecond;
             o.check_interval_nanos *= 5;
             o.script = LeaveAndCome;
           }},
      {.name = "churn",
       .description = "three agents in ten die and are replaced",
       .change = [](FlashCrowdOptions& o) { o.churn_share = 0.3; }},
      {.name = "origin-dies",
       .description = "an origin dies at a quarter of the floor",
       .change = [](FlashCrowdOptions& o) { o.kill_origin = true; }},
      {.name = "tracker-dies",
       .description = "the tracker dies once all have joined",
       .change = [](FlashCrowdOptions& o) { o.kill_tracker = true; }},
      {.name = "no-tracker",
       .description = "no tracker at first, then one for a while, then none again",
       .change = [](FlashCrowdOptions& o) { o.script = NoTracker; }},
      {.name = "origins-die",
       .description = "all origins die one by one",
       .change =
           [](FlashCrowdOptions& o) {
             o.holders = o.origins;
             o.script = KillOrigins;
           }},
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
  std::vector<std::string> wrong = result.reports;
  if (wrong.empty() && !result.everybody_completed) {
    wrong.push_back(
        absl::StrCat(result.completed, " of ", result.wanted, " agents complete:\n", result.stuck));
  }
  CheckAtMost("number of honest agents banned", static_cast<double>(result.honest_banned), 0.5,
              wrong);
  CheckAtMost("number of protocol errors", static_cast<double>(result.protocol_errors), 0.5, wrong);
  if (options.corrupt_share * options.agents > 1 && result.corrupt_pieces == 0) {
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
  for (size_t zone = 1; zone < result.copies_into_zones.size(); ++zone) {
    CheckAtMost("copies into a zone", result.copies_into_zones[zone], scenario.max_copies_into_zone,
                wrong);
  }
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
