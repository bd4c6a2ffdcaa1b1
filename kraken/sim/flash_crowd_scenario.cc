#include "kraken/sim/flash_crowd_scenario.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/random.h"
#include "kraken/sim/world.h"

namespace kraken::sim {
namespace {

struct Blob {
  Digest digest;
  storage::PieceLayout layout;
  std::vector<uint32_t> holders;
};

// One run: builds the scene, lets it play, adds up.
class FlashCrowd {
 public:
  explicit FlashCrowd(const FlashCrowdOptions& options)
      : options_(options), world_(options.sim), random_(options.sim.seed ^ 0xf1a5) {}

  FlashCrowdResult Run() {
    AddOrigins();
    for (int i = 0; i < options_.agents; ++i) AddAgentLater(i);
    ScheduleFaults();
    ScheduleChecks();
    ScheduleSample();
    world_.RunUntil([this] { return IsDone(); }, options_.limit_nanos);
    for (uint32_t i = 0; i < world_.host_count(); ++i) world_.host(i).Check();
    return Report();
  }

 private:
  void AddOrigins() {
    for (int i = 0; i < options_.origins; ++i) {
      world_.AddHost({.up_rate = options_.rate, .down_rate = options_.rate, .origin = true});
    }
    for (int i = 0; i < options_.blobs; ++i) {
      Digest::Bytes bytes{};
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_.Next());
      absl::StatusOr<storage::PieceLayout> layout = storage::PieceLayout::Create(
          ByteCount(options_.size_bytes / options_.blobs), ByteCount(options_.piece_length));
      KH_CHECK(layout.ok());
      Blob blob{.digest = Digest::FromBytes(bytes), .layout = *layout};
      const bool alone = options_.cold && !options_.copied;
      const int holders = alone ? 1 : std::min(options_.holders, options_.origins);
      for (int k = 0; k < holders; ++k) {
        blob.holders.push_back(static_cast<uint32_t>((i + k) % options_.origins));
        world_.host(blob.holders.back()).Join(blob.digest, blob.layout, !options_.cold);
      }
      blobs_.push_back(std::move(blob));
    }
    if (options_.cold) FillFromBackend(0, PieceIndex(0));
  }

  // The next piece of a blob arrives at its origin.
  void FillFromBackend(size_t number, PieceIndex piece) {
    if (number == blobs_.size()) return;
    const Blob& blob = blobs_[number];
    const double takes =
        1e9 * static_cast<double>(blob.layout.LengthOf(piece).value()) / options_.rate;
    world_.At(world_.now() + static_cast<int64_t>(takes), [this, number, piece] {
      const Blob& blob = blobs_[number];
      world_.host(blob.holders[0]).AddLocalPiece({blob.digest, blob.layout.piece_length()}, piece);
      if (piece == blob.layout.last_piece()) {
        FillFromBackend(number + 1, PieceIndex(0));
      } else {
        FillFromBackend(number, piece + PieceCount(1));
      }
    });
  }

  void AddAgentLater(int number) {
    const int64_t window = std::max<int64_t>(options_.join_window_nanos, 1);
    const int64_t at = static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(window)));
    const double slow = options_.slow_share * options_.agents;
    const double corrupt = options_.corrupt_share * options_.agents;
    HostSpec spec{.up_rate = options_.rate, .down_rate = options_.rate};
    if (number < slow) spec.up_rate = spec.down_rate = options_.rate / 10;
    if (number >= slow && number < slow + corrupt) spec.corruption = 1;
    ++wanted_;
    world_.At(at, [this, spec] { AddAgent(spec); });
  }

  uint32_t AddAgent(const HostSpec& spec) {
    const uint32_t host = world_.AddHost(spec);
    agents_.push_back(host);
    for (const Blob& blob : blobs_) world_.host(host).Join(blob.digest, blob.layout, false);
    if (options_.readers) ReadLater(host);
    return host;
  }

  // A client reads what has come in order, and looks again soon.
  void ReadLater(uint32_t host) {
    SimHost& agent = world_.host(host);
    std::vector<swarm::ReaderId> readers;
    for (const SimHost::Torrent& torrent : agent.torrents()) {
      readers.push_back(*agent.engine()->AddReader(torrent.id, ByteOffset(0)));
    }
    ReadOn(host, std::move(readers));
  }

  void ReadOn(uint32_t host, std::vector<swarm::ReaderId> readers) {
    constexpr int64_t kLookAgainNanos = 20 * swarm::kNanosPerMilli;
    world_.At(world_.now() + kLookAgainNanos, [this, host, readers = std::move(readers)] {
      SimHost& agent = world_.host(host);
      if (!agent.alive() || agent.HasAll()) return;
      for (size_t i = 0; i < readers.size(); ++i) {
        const SimHost::Torrent& torrent = agent.torrents()[i];
        const PieceIndex next = torrent.truth.FirstMissingAtOrAfter(PieceIndex(0));
        const ByteOffset offset = next.value() == torrent.truth.size().value()
                                      ? ByteOffset(torrent.layout.size().value())
                                      : torrent.layout.OffsetOf(next);
        agent.engine()->AdvanceReader(readers[i], offset);
      }
      ReadOn(host, readers);
    });
  }

  void ScheduleFaults() {
    const int64_t floor = static_cast<int64_t>(FloorSeconds(options_) * 1e9);
    if (options_.kill_origin) {
      world_.At(floor / 4, [this] { world_.Kill(blobs_[0].holders[0], /*silent=*/false); });
    }
    if (options_.kill_tracker) {
      world_.At(options_.join_window_nanos + swarm::kNanosPerSecond / 10,
                [this] { world_.KillTracker(); });
    }
    const int deaths = static_cast<int>(options_.churn_share * options_.agents);
    for (int i = 0; i < deaths; ++i) {
      const int64_t at = static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(floor / 2)));
      world_.At(at, [this, i] { Replace(/*silent=*/i % 2 == 1); });
    }
  }

  void Replace(bool silent) {
    if (agents_.empty()) return;
    const size_t at = static_cast<size_t>(random_.Uniform(agents_.size()));
    const uint32_t host = agents_[at];
    if (!world_.host(host).HasAll()) {
      world_.Kill(host, silent);
      const HostSpec spec = world_.host(host).spec();
      agents_.erase(agents_.begin() + static_cast<int64_t>(at));
      AddAgent(spec);
    }
  }

  void ScheduleChecks() {
    if (options_.check_interval_nanos == 0) return;
    world_.At(world_.now() + options_.check_interval_nanos, [this] {
      for (uint32_t i = 0; i < world_.host_count(); ++i) world_.host(i).Check();
      ScheduleChecks();
    });
  }

  void ScheduleSample() {
    if (options_.timeline_interval_nanos == 0) return;
    world_.At(world_.now() + options_.timeline_interval_nanos, [this] {
      Sample();
      ScheduleSample();
    });
  }

  void Sample() {
    TimelineSample sample;
    sample.seconds = static_cast<double>(world_.now()) / 1e9;
    uint64_t agents = 0;
    uint64_t origins = 0;
    for (uint32_t number = 0; number < world_.host_count(); ++number) {
      const SimHost& host = world_.host(number);
      (host.spec().origin ? origins : agents) += world_.payload().bytes_out(number);
      if (host.spec().origin) continue;
      ++sample.joined;
      sample.completed += host.HasAll();
    }
    const double line = options_.rate * static_cast<double>(options_.timeline_interval_nanos) / 1e9;
    sample.agents_busy =
        static_cast<double>(agents - sampled_agents_) / (line * std::max(sample.joined, 1));
    sample.origins_busy =
        static_cast<double>(origins - sampled_origins_) / (line * std::max(options_.origins, 1));
    sampled_agents_ = agents;
    sampled_origins_ = origins;
    timeline_.push_back(sample);
  }

  // Agents complete one after the other; look only at those that were not before.
  bool IsDone() {
    if (static_cast<int>(agents_.size()) < wanted_) return false;
    while (first_incomplete_ < agents_.size() && world_.host(agents_[first_incomplete_]).HasAll()) {
      ++first_incomplete_;
    }
    return first_incomplete_ == agents_.size() && AllCopied();
  }

  // Every origin that lives has what it is to hold.
  bool AllCopied() {
    for (const Blob& blob : blobs_) {
      for (uint32_t holder : blob.holders) {
        if (world_.host(holder).alive() && !world_.host(holder).HasAll()) return false;
      }
    }
    return true;
  }

  FlashCrowdResult Report() {
    FlashCrowdResult result;
    result.wanted = wanted_;
    result.floor_seconds = FloorSeconds(options_);
    double busy = 0;
    for (uint32_t number : agents_) {
      SimHost& agent = world_.host(number);
      if (!agent.HasAll()) {
        Describe(agent, result);
        continue;
      }
      ++result.completed;
      const double took = static_cast<double>(agent.CompletedAt() - agent.JoinedAt());
      result.seconds.push_back(took / 1e9);
      busy += static_cast<double>(world_.payload().up_busy_nanos(number)) / took;
    }
    std::sort(result.seconds.begin(), result.seconds.end());
    result.everybody_completed = result.completed == wanted_ && AllCopied();
    result.up_utilisation = busy / std::max(result.completed, 1);
    AddUp(result);
    return result;
  }

  void AddUp(FlashCrowdResult& result) {
    uint64_t origin_bytes = 0, pieces = 0, haves = 0, requests = 0, redundant = 0;
    for (uint32_t number = 0; number < world_.host_count(); ++number) {
      SimHost& host = world_.host(number);
      if (host.spec().origin) origin_bytes += world_.payload().bytes_out(number);
      const swarm::SwarmStats stats = host.stats();
      pieces += stats.pieces_received - stats.pieces_redundant;
      redundant += stats.pieces_redundant;
      haves += stats.haves_sent;
      requests += stats.requests_sent;
      result.timeouts += stats.request_timeouts;
      result.cancels += stats.cancels_sent;
      result.rejects += stats.rejects_sent;
      result.corrupt_pieces += stats.pieces_corrupt;
      result.dials += stats.dials;
      result.refused += stats.incoming_refused;
      result.protocol_errors += stats.protocol_errors;
    }
    for (const auto& [by, banned] : world_.bans()) {
      result.honest_banned += world_.host(banned).spec().corruption == 0;
    }
    const double counted = static_cast<double>(std::max<uint64_t>(pieces, 1));
    result.origin_amplification =
        static_cast<double>(origin_bytes) / static_cast<double>(options_.size_bytes);
    result.messages_per_piece = static_cast<double>(world_.messages()) / counted;
    result.haves_per_piece = static_cast<double>(haves) / counted;
    result.requests_per_piece = static_cast<double>(requests) / counted;
    result.redundant_share = static_cast<double>(redundant) / counted;
    result.announces_per_agent = static_cast<double>(world_.announces()) / wanted_;
    result.timeline = std::move(timeline_);
    result.trace_hash = world_.trace_hash();
    result.events = world_.event_count();
  }

  void Describe(SimHost& agent, FlashCrowdResult& result) {
    if (result.stuck.size() > 1'000 || !agent.alive()) return;
    for (const SimHost::Torrent& torrent : agent.torrents()) {
      const swarm::TorrentStats stats = agent.engine()->StatsOf(torrent.id);
      absl::StrAppend(&result.stuck, "agent ", agent.number(), ": ", stats.have.value(), " of ",
                      torrent.layout.piece_count().value(), " pieces, ", stats.links, " links, ",
                      stats.requests, " requests, ", stats.candidates, " candidates\n");
    }
  }

  const FlashCrowdOptions options_;
  World world_;
  SeededBitGen random_;
  std::vector<Blob> blobs_;
  std::vector<uint32_t> agents_;
  size_t first_incomplete_ = 0;
  std::vector<TimelineSample> timeline_;
  uint64_t sampled_agents_ = 0;
  uint64_t sampled_origins_ = 0;
  int wanted_ = 0;
};

}  // namespace

double FlashCrowdResult::Percentile(double percent) const {
  const double rank = percent / 100 * static_cast<double>(seconds.size());
  const size_t index = static_cast<size_t>(std::max(std::ceil(rank) - 1, 0.0));
  return seconds[std::min(index, seconds.size() - 1)];
}

void LetOriginsCopy(swarm::SwarmConfig& origin) {
  constexpr int kSources = 2;
  origin.min_links = kSources;
  origin.max_dialed_links = kSources;
}

double FloorSeconds(const FlashCrowdOptions& options) {
  const double pieces = std::ceil(static_cast<double>(options.size_bytes) /
                                  static_cast<double>(options.piece_length));
  const double rounds = std::floor(std::log2(std::max(options.agents, 1)));
  return static_cast<double>(options.size_bytes) / options.rate * (1 + rounds / pieces);
}

FlashCrowdResult RunFlashCrowd(const FlashCrowdOptions& options) {
  return FlashCrowd(options).Run();
}

std::string ReplayCommand(const FlashCrowdOptions& options) {
  return absl::StrCat(
      "bazel run //kraken/sim:flash_crowd -- --agents=", options.agents,
      " --origins=", options.origins, " --holders=", options.holders,
      " --size=", options.size_bytes, " --blobs=", options.blobs, " --rate=", options.rate,
      " --piece_length=", options.piece_length, " --seed=", options.sim.seed,
      options.cold ? " --cold" : "", options.copied ? " --copied" : "",
      options.readers ? " --readers" : "", " --corrupt_share=", options.corrupt_share,
      " --slow_share=", options.slow_share, " --churn_share=", options.churn_share,
      options.kill_origin ? " --kill_origin" : "", options.kill_tracker ? " --kill_tracker" : "",
      " --loss=", options.sim.loss, " --upload_limit=", options.sim.agent.upload_limit,
      " --download_limit=", options.sim.agent.download_limit);
}

}  // namespace kraken::sim
