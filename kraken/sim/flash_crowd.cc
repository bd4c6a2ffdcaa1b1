// Runs one flash crowd and prints how close it came to the floor.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/sim/completion_plot.h"
#include "kraken/sim/flash_crowd_scenario.h"

ABSL_FLAG(int, agents, 2600, "hosts that download");
ABSL_FLAG(int, origins, 5, "origins");
ABSL_FLAG(int, holders, 3, "origins that hold each blob");
ABSL_FLAG(int64_t, size, 3'000'000'000, "bytes of all blobs");
ABSL_FLAG(int, blobs, 1, "blobs that the size is divided into");
ABSL_FLAG(double, rate, 300e6, "bytes per second, each way, of each host");
ABSL_FLAG(int64_t, piece_length, 4 << 20, "bytes of a piece");
ABSL_FLAG(uint64_t, seed, 1, "decides everything that chance decides");
ABSL_FLAG(double, rtt_ms, 1.0, "round trip between any two hosts");
ABSL_FLAG(double, jitter_ms, 0.2, "added to each one-way delay: uniform up to this");
ABSL_FLAG(double, loss, 0, "share of messages and chunks that come 200 ms late");
ABSL_FLAG(double, join_window_s, 1.0, "agents join within this time");
ABSL_FLAG(bool, cold, false, "the blobs arrive at one origin, at the rate, from time 0");
ABSL_FLAG(bool, copied, false, "with --cold: the other holders copy the blobs meanwhile");
ABSL_FLAG(bool, readers, false, "each agent has a client that reads in order");
ABSL_FLAG(double, corrupt_share, 0, "share of agents that send corrupt pieces");
ABSL_FLAG(double, slow_share, 0, "share of agents with a tenth of the rate");
ABSL_FLAG(double, churn_share, 0, "share of agents that die and are replaced");
ABSL_FLAG(bool, kill_origin, false, "an origin dies at a quarter of the floor");
ABSL_FLAG(bool, kill_tracker, false, "the tracker dies when all have joined");
ABSL_FLAG(int64_t, upload_limit, 0, "bytes per second that an agent is told to send at most");
ABSL_FLAG(int64_t, download_limit, 0, "bytes per second that an agent is told to take at most");
ABSL_FLAG(double, timeline_ms, 0, "print the state of the swarm this often");

ABSL_FLAG(std::string, plot, "", "write a picture of completion over time, as SVG, to this file");

// The engine's tuning.
ABSL_FLAG(int, min_requests, 0, "SwarmConfig::min_requests; 0: its default");
ABSL_FLAG(double, max_backlog, 0, "SwarmConfig::max_backlog_pieces; 0: its default");
ABSL_FLAG(int, min_links, 0, "SwarmConfig::min_links; 0: its default");
ABSL_FLAG(int, max_links, 0, "SwarmConfig::max_links; 0: its default");
ABSL_FLAG(int, upload_slots, 0, "SwarmConfig::upload_slots; 0: its default");
ABSL_FLAG(int, per_link, 0, "SwarmConfig::max_requests_per_link; 0: its default");
ABSL_FLAG(int, super_seed_window, 0, "SwarmConfig::super_seed_window; 0: its default");
ABSL_FLAG(int, super_seed_arriving_window, 0,
          "SwarmConfig::super_seed_arriving_window; 0: its default");
ABSL_FLAG(int, origin_slots, 0, "SwarmConfig::upload_slots of origins; 0: its default");
ABSL_FLAG(int, super_seed_open_peers, -1, "SwarmConfig::super_seed_open_peers; -1: its default");
ABSL_FLAG(double, super_seed_patience_ms, 0, "SwarmConfig::super_seed_patience; 0: its default");
ABSL_FLAG(int, origin_links, 0, "SwarmConfig::max_links of origins; 0: its default");

namespace kraken::sim {
namespace {

FlashCrowdOptions OptionsFromFlags() {
  constexpr double kMilli = swarm::kNanosPerMilli;
  FlashCrowdOptions options;
  options.agents = absl::GetFlag(FLAGS_agents);
  options.origins = absl::GetFlag(FLAGS_origins);
  options.holders = absl::GetFlag(FLAGS_holders);
  options.size_bytes = absl::GetFlag(FLAGS_size);
  options.blobs = absl::GetFlag(FLAGS_blobs);
  options.rate = absl::GetFlag(FLAGS_rate);
  options.piece_length = absl::GetFlag(FLAGS_piece_length);
  options.cold = absl::GetFlag(FLAGS_cold);
  options.copied = absl::GetFlag(FLAGS_copied);
  if (options.copied) LetOriginsCopy(options.sim.origin);
  options.readers = absl::GetFlag(FLAGS_readers);
  options.corrupt_share = absl::GetFlag(FLAGS_corrupt_share);
  options.slow_share = absl::GetFlag(FLAGS_slow_share);
  options.churn_share = absl::GetFlag(FLAGS_churn_share);
  options.kill_origin = absl::GetFlag(FLAGS_kill_origin);
  options.kill_tracker = absl::GetFlag(FLAGS_kill_tracker);
  options.join_window_nanos = static_cast<int64_t>(absl::GetFlag(FLAGS_join_window_s) * 1e9);
  options.timeline_interval_nanos = static_cast<int64_t>(absl::GetFlag(FLAGS_timeline_ms) * kMilli);
  SimConfig& sim = options.sim;
  sim.seed = absl::GetFlag(FLAGS_seed);
  sim.rtt_nanos = static_cast<int64_t>(absl::GetFlag(FLAGS_rtt_ms) * kMilli);
  sim.jitter_nanos = static_cast<int64_t>(absl::GetFlag(FLAGS_jitter_ms) * kMilli);
  // As TCP's autotuning does: twice what fits on the line.
  const double on_the_line = options.rate * static_cast<double>(sim.rtt_nanos) / 1e9;
  sim.window_chunks = std::max(
      sim.window_chunks, static_cast<int>(2 * on_the_line / static_cast<double>(sim.chunk_bytes)));
  sim.loss = absl::GetFlag(FLAGS_loss);
  sim.agent.upload_limit = absl::GetFlag(FLAGS_upload_limit);
  sim.agent.download_limit = absl::GetFlag(FLAGS_download_limit);
  const auto set = [](auto value, auto& field) {
    if (value != 0) field = value;
  };
  set(absl::GetFlag(FLAGS_min_requests), sim.agent.min_requests);
  set(absl::GetFlag(FLAGS_max_backlog), sim.agent.max_backlog_pieces);
  set(absl::GetFlag(FLAGS_min_links), sim.agent.min_links);
  set(absl::GetFlag(FLAGS_max_links), sim.agent.max_links);
  set(absl::GetFlag(FLAGS_upload_slots), sim.agent.upload_slots);
  set(absl::GetFlag(FLAGS_per_link), sim.agent.max_requests_per_link);
  set(absl::GetFlag(FLAGS_super_seed_window), sim.origin.super_seed_window);
  set(absl::GetFlag(FLAGS_super_seed_arriving_window), sim.origin.super_seed_arriving_window);
  set(absl::GetFlag(FLAGS_origin_slots), sim.origin.upload_slots);
  set(absl::GetFlag(FLAGS_origin_links), sim.origin.max_links);
  const double patience = absl::GetFlag(FLAGS_super_seed_patience_ms);
  if (patience != 0) sim.origin.super_seed_patience = absl::Milliseconds(patience);
  const int open_peers = absl::GetFlag(FLAGS_super_seed_open_peers);
  if (open_peers >= 0) sim.origin.super_seed_open_peers = open_peers;
  return options;
}

double PeakMemoryMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void Print(const FlashCrowdOptions& options, const FlashCrowdResult& result, double wall_seconds) {
  std::printf("%d of %d agents complete; floor %.3f s\n", result.completed, result.wanted,
              result.floor_seconds);
  if (!result.seconds.empty()) {
    const std::pair<const char*, double> rows[] = {
        {"p50", 50}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}};
    for (const auto& [name, percent] : rows) {
      const double seconds = result.Percentile(percent);
      std::printf("%-6s %8.3f s  %6.3f x floor\n", name, seconds, seconds / result.floor_seconds);
    }
  }
  std::printf("origin amplification   %.3f\n", result.origin_amplification);
  std::printf("messages per piece     %.1f  (have %.1f, request %.2f)\n", result.messages_per_piece,
              result.haves_per_piece, result.requests_per_piece);
  std::printf("redundant pieces       %.4f of all\n", result.redundant_share);
  std::printf("line up busy           %.3f of the time\n", result.up_utilisation);
  std::printf("announces per agent    %.1f\n", result.announces_per_agent);
  std::printf("dials %llu, refused %llu, timeouts %llu, cancels %llu, rejects %llu, corrupt %llu\n",
              static_cast<unsigned long long>(result.dials),
              static_cast<unsigned long long>(result.refused),
              static_cast<unsigned long long>(result.timeouts),
              static_cast<unsigned long long>(result.cancels),
              static_cast<unsigned long long>(result.rejects),
              static_cast<unsigned long long>(result.corrupt_pieces));
  std::printf("trace %016llx, %llu events, wall %.1f s, peak memory %.0f MiB\n",
              static_cast<unsigned long long>(result.trace_hash),
              static_cast<unsigned long long>(result.events), wall_seconds, PeakMemoryMiB());
  for (const TimelineSample& sample : result.timeline) {
    std::printf("%7.3f s  joined %5d  completed %5d  agents' lines %.3f  origins' %.3f\n",
                sample.seconds, sample.joined, sample.completed, sample.agents_busy,
                sample.origins_busy);
  }
  if (!result.everybody_completed) {
    std::printf("%sreplay: %s\n", result.stuck.c_str(), ReplayCommand(options).c_str());
  }
}

// `bazel run` starts programs elsewhere, and says where its user stands.
std::string UserPath(const std::string& path) {
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  return path[0] == '/' || directory == nullptr ? path : std::string(directory) + "/" + path;
}

// False, and a message, if it can't be written.
bool WritePlot(const FlashCrowdResult& result, const std::string& path) {
  std::ofstream file(path);
  file << PlotCompletion(result);
  file.close();
  if (!file) {
    std::fprintf(stderr, "can't write %s\n", path.c_str());
    return false;
  }
  std::printf("picture: %s\n", path.c_str());
  return true;
}

}  // namespace
}  // namespace kraken::sim

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Simulates a flash crowd with the real engine and the tracker's real hand-out.");
  absl::ParseCommandLine(argc, argv);
  const kraken::sim::FlashCrowdOptions options = kraken::sim::OptionsFromFlags();
  const absl::Time start = absl::Now();
  const kraken::sim::FlashCrowdResult result = kraken::sim::RunFlashCrowd(options);
  kraken::sim::Print(options, result, absl::ToDoubleSeconds(absl::Now() - start));
  const std::string plot = absl::GetFlag(FLAGS_plot);
  if (!plot.empty() && !kraken::sim::WritePlot(result, kraken::sim::UserPath(plot))) return 2;
  return result.everybody_completed ? 0 : 1;
}
