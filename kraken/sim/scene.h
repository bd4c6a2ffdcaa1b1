#ifndef KRAKEN_SIM_SCENE_H_
#define KRAKEN_SIM_SCENE_H_

#include <cstdint>
#include <vector>

#include "kraken/base/digest.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/sim/checkers.h"
#include "kraken/sim/flash_crowd_scenario.h"
#include "kraken/sim/world.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::sim {

// What agents want.
struct SceneBlob {
  Digest digest;
  storage::PieceLayout layout;
  // Origins that have it or are to have it.
  std::vector<uint32_t> holders;
  // Its last bytes will not be right.
  bool is_bad = false;

  swarm::TorrentKey key() const { return {digest, layout.piece_length()}; }
};

// One run of a scenario: builds the cluster, lets the agents come, and says when all is done. A
// script (FlashCrowdOptions::script) does the rest: it is called when the origins are there, and
// puts into the world what is to happen.
class Scene {
 public:
  explicit Scene(const FlashCrowdOptions& options);

  void Play();
  FlashCrowdResult Report();

  // ---- For scripts ----

  const FlashCrowdOptions& options() const { return options_; }
  World& world() { return world_; }
  BitGen& random() { return random_; }
  const std::vector<SceneBlob>& blobs() const { return blobs_; }
  // Agents that take part now.
  const std::vector<uint32_t>& agents() const { return agents_; }
  // The theoretical least time, in nanoseconds.
  int64_t floor_nanos() const { return static_cast<int64_t>(FloorSeconds(options_) * 1e9); }
  // Uniform in [0, bound). REQUIRES: bound > 0.
  int64_t Draw(int64_t bound) {
    return static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(bound)));
  }

  // An agent joins now. Returns its host.
  uint32_t AddAgent(const HostSpec& spec);
  // The agent goes, dead or with a good-bye, and another takes its place after `pause_nanos`.
  void Replace(size_t agent, bool dies, bool silent, int64_t pause_nanos);
  // The scene is not over before `at`, nor before `at` + a check.
  void HoldUntil(int64_t at) { hold_until_ = std::max(hold_until_, at); }
  // Every piece of every blob is with some agent that lives.
  bool AgentsHaveAll();

 private:
  void AddOrigins();
  void AddBlob(int number, ByteCount size);
  void FillFromBackend(size_t number, PieceIndex piece);
  void AddAgentLater(int number);
  void ScheduleFaults();
  void ScheduleChecks();
  void ScheduleSample();
  void Sample();
  bool IsDone();
  bool AllCopied();
  void AddUp(FlashCrowdResult& result);
  void Describe(SimHost& agent, FlashCrowdResult& result);

  const FlashCrowdOptions options_;
  World world_;
  SeededBitGen random_;
  Checkers checkers_;
  std::vector<SceneBlob> blobs_;
  int64_t blob_bytes_ = 0;
  std::vector<uint32_t> agents_;
  int joined_ = 0;
  size_t first_incomplete_ = 0;
  int64_t hold_until_ = 0;
  std::vector<TimelineSample> timeline_;
  uint64_t sampled_agents_ = 0;
  uint64_t sampled_origins_ = 0;
  int wanted_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SCENE_H_
