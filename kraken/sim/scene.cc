#include "kraken/sim/scene.h"

#include <algorithm>
#include <cmath>

#include "kraken/base/check.h"

namespace kraken::sim {

Scene::Scene(const FlashCrowdOptions& options)
    : options_(options),
      world_(options.sim),
      random_(options.sim.seed ^ 0xf1a5),
      checkers_(&world_) {}

void Scene::Play() {
  AddOrigins();
  for (int i = 0; i < options_.agents; ++i) AddAgentLater(i);
  ScheduleFaults();
  if (options_.script != nullptr) options_.script(*this);
  ScheduleChecks();
  ScheduleSample();
  world_.RunUntil([this] { return IsDone(); }, options_.limit_nanos);
  if (world_.reports().empty()) checkers_.Run();
}

void Scene::AddOrigins() {
  for (int i = 0; i < options_.origins; ++i) {
    world_.AddHost({.up_rate = options_.rate,
                    .down_rate = options_.rate,
                    .origin = true,
                    .zone = static_cast<uint16_t>(options_.zones > 0 ? 1 : 0)});
  }
  // Each image is the shared blobs and as many of its own.
  const ByteCount size(options_.size_bytes / options_.blobs);
  const int own = options_.blobs - options_.shared_blobs;
  const int all = options_.shared_blobs + own * options_.images;
  for (int i = 0; i < all; ++i) AddBlob(i, size);
  blob_bytes_ = size.value() * all;
  if (options_.cold) FillFromBackend(0, PieceIndex(0));
}

void Scene::AddBlob(int number, ByteCount size) {
  Digest::Bytes bytes{};
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_.Next());
  absl::StatusOr<storage::PieceLayout> layout =
      storage::PieceLayout::Create(size, ByteCount(options_.piece_length));
  KH_CHECK(layout.ok());
  SceneBlob blob{
      .digest = Digest::FromBytes(bytes), .layout = *layout, .is_bad = number < options_.bad_blobs};
  const bool alone = options_.cold && !options_.copied;
  const int holders = alone ? 1 : std::min(options_.holders, options_.origins);
  for (int k = 0; k < holders; ++k) {
    blob.holders.push_back(static_cast<uint32_t>((number + k) % options_.origins));
    world_.host(blob.holders.back()).Join(blob.digest, blob.layout, !options_.cold);
  }
  blobs_.push_back(std::move(blob));
}

// The next piece of a blob arrives at its origin.
void Scene::FillFromBackend(size_t number, PieceIndex piece) {
  if (number == blobs_.size()) return;
  const SceneBlob& blob = blobs_[number];
  const double takes =
      1e9 * static_cast<double>(blob.layout.LengthOf(piece).value()) / options_.rate;
  world_.At(world_.now() + static_cast<int64_t>(takes), [this, number, piece] {
    const SceneBlob& blob = blobs_[number];
    const bool is_last = piece == blob.layout.last_piece();
    if (is_last && blob.is_bad) {
      world_.Revoke(blob.key());
    } else {
      world_.host(blob.holders[0]).AddLocalPiece(blob.key(), piece);
    }
    if (is_last) {
      FillFromBackend(number + 1, PieceIndex(0));
    } else {
      FillFromBackend(number, piece + PieceCount(1));
    }
  });
}

void Scene::AddAgentLater(int number) {
  const int64_t at = Draw(std::max<int64_t>(options_.join_window_nanos, 1));
  const double slow = std::ceil(options_.slow_share * options_.agents);
  const double corrupt = std::ceil(options_.corrupt_share * options_.agents);
  const double mute = std::ceil(options_.mute_share * options_.agents);
  HostSpec spec{
      .up_rate = options_.rate, .down_rate = options_.rate, .disk_rate = options_.disk_rate};
  if (number < slow) {
    spec.up_rate = spec.down_rate = options_.rate / 10;
  } else if (number < slow + corrupt) {
    spec.corruption = 1;
  } else if (number < slow + corrupt + mute) {
    spec.mute = true;
  }
  if (options_.zones > 0) spec.zone = static_cast<uint16_t>(1 + number % options_.zones);
  ++wanted_;
  world_.At(at, [this, spec] { AddAgent(spec); });
}

uint32_t Scene::AddAgent(const HostSpec& spec) {
  const uint32_t host = world_.AddHost(spec);
  agents_.push_back(host);
  ++joined_;
  const int own = options_.blobs - options_.shared_blobs;
  const int image = options_.images == 1 ? 0 : static_cast<int>(Draw(options_.images));
  for (int i = 0; i < options_.blobs; ++i) {
    const int number = i < options_.shared_blobs ? i : i + image * own;
    const SceneBlob& blob = blobs_[static_cast<size_t>(number)];
    world_.host(host).Join(blob.digest, blob.layout, false);
  }
  if (options_.readers) world_.host(host).StartClients();
  return host;
}

void Scene::ScheduleFaults() {
  const int64_t floor = floor_nanos();
  if (options_.kill_origin) {
    world_.At(floor / 4, [this] { world_.Kill(blobs_[0].holders[0], /*silent=*/false); });
  }
  if (options_.kill_tracker) {
    world_.At(options_.join_window_nanos + swarm::kNanosPerSecond / 10,
              [this] { world_.KillTracker(); });
  }
  const int deaths = static_cast<int>(options_.churn_share * options_.agents);
  for (int i = 0; i < deaths; ++i) {
    world_.At(Draw(floor / 2), [this, i] {
      if (agents_.empty()) return;
      const size_t agent = static_cast<size_t>(Draw(static_cast<int64_t>(agents_.size())));
      if (world_.host(agents_[agent]).HasAll()) return;
      Replace(agent, /*dies=*/true, /*silent=*/i % 2 == 1, /*pause_nanos=*/0);
    });
  }
}

void Scene::Replace(size_t agent, bool dies, bool silent, int64_t pause_nanos) {
  const uint32_t host = agents_[agent];
  const HostSpec spec = world_.host(host).spec();
  agents_.erase(agents_.begin() + static_cast<int64_t>(agent));
  first_incomplete_ = 0;
  --joined_;
  if (dies) {
    world_.Kill(host, silent);
  } else {
    world_.Leave(host);
  }
  if (pause_nanos == 0) {
    AddAgent(spec);
  } else {
    world_.At(world_.now() + pause_nanos, [this, spec] { AddAgent(spec); });
  }
}

bool Scene::AgentsHaveAll() {
  for (const SceneBlob& blob : blobs_) {
    swarm::PieceMap all(blob.layout.piece_count());
    for (uint32_t number : agents_) {
      const SimHost::Torrent* torrent = world_.host(number).FindTorrent(blob.key());
      if (torrent == nullptr || !world_.host(number).alive()) continue;
      torrent->truth.ForEach([&all](PieceIndex piece) { all.Add(piece); });
      if (all.IsFull()) break;
    }
    if (!all.IsFull()) return false;
  }
  return true;
}

void Scene::ScheduleChecks() {
  if (options_.check_interval_nanos == 0) return;
  world_.At(world_.now() + options_.check_interval_nanos, [this] {
    checkers_.Run();
    ScheduleChecks();
  });
}

void Scene::ScheduleSample() {
  if (options_.timeline_interval_nanos == 0) return;
  world_.At(world_.now() + options_.timeline_interval_nanos, [this] {
    Sample();
    ScheduleSample();
  });
}

void Scene::Sample() {
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
bool Scene::IsDone() {
  if (world_.now() < hold_until_ || joined_ < wanted_) return false;
  while (first_incomplete_ < agents_.size() && world_.host(agents_[first_incomplete_]).HasAll()) {
    ++first_incomplete_;
  }
  return first_incomplete_ == agents_.size() && AllCopied();
}

// Every origin that lives has what it is to hold.
bool Scene::AllCopied() {
  for (const SceneBlob& blob : blobs_) {
    for (uint32_t holder : blob.holders) {
      if (world_.host(holder).alive() && !world_.host(holder).HasAll()) return false;
    }
  }
  return true;
}

}  // namespace kraken::sim
