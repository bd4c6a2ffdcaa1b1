#include "kraken/sim/scripts.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace kraken::sim {
namespace {

using swarm::kNanosPerMilli;
using swarm::kNanosPerSecond;

// A part of the agents to come, as places in the order of their joining.
std::vector<size_t> DrawPlaces(Scene& scene, size_t count) {
  std::vector<size_t> places(static_cast<size_t>(scene.options().agents));
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  scene.random().Shuffle(places);
  places.resize(std::min(count, places.size()));
  return places;
}

void KillNextOrigin(Scene& scene, int origin) {
  scene.world().At(scene.world().now() + scene.floor_nanos() / 8, [&scene, origin] {
    if (origin == scene.options().origins - 1 && !scene.AgentsHaveAll()) {
      return KillNextOrigin(scene, origin);
    }
    scene.world().Kill(static_cast<uint32_t>(origin), /*silent=*/origin % 2 == 1);
    if (origin + 1 < scene.options().origins) KillNextOrigin(scene, origin + 1);
  });
}

}  // namespace

void LeaveAndCome(Scene& scene) {
  constexpr int kMinutes = 4;
  constexpr int64_t kMinute = 60 * kNanosPerSecond;
  constexpr int64_t kLongestPause = 20 * kNanosPerSecond;
  const int times = std::max(1, kMinutes * scene.options().agents / 10);
  for (int i = 0; i < times; ++i) {
    scene.world().At(scene.Draw(kMinutes * kMinute), [&scene, i] {
      if (scene.agents().empty()) return;
      const size_t agent =
          static_cast<size_t>(scene.Draw(static_cast<int64_t>(scene.agents().size())));
      scene.Replace(agent, /*dies=*/i % 3 == 0, /*silent=*/i % 2 == 0,
                    1 + scene.Draw(kLongestPause));
    });
  }
  scene.HoldUntil(kMinutes * kMinute);
}

void Swizzle(Scene& scene) {
  const size_t all = static_cast<size_t>(scene.options().agents);
  const size_t count = all / 3 + static_cast<size_t>(scene.Draw(static_cast<int64_t>(all / 3 + 1)));
  const std::vector<size_t> places = DrawPlaces(scene, count);
  const int64_t step = 10 * kNanosPerMilli + scene.Draw(kNanosPerSecond);
  const int64_t begin = scene.options().join_window_nanos + scene.Draw(scene.floor_nanos());
  for (size_t i = 0; i < places.size(); ++i) {
    const int64_t down = begin + static_cast<int64_t>(i) * step;
    const int64_t up = begin + static_cast<int64_t>(2 * places.size() - i) * step;
    scene.world().At(down, [&scene, place = places[i], nanos = up - down] {
      if (place < scene.agents().size()) scene.world().CutHost(scene.agents()[place], nanos);
    });
  }
}

void PartZone(Scene& scene) {
  const int64_t nanos = kNanosPerSecond + scene.Draw(40 * kNanosPerSecond);
  scene.world().At(scene.Draw(scene.floor_nanos()), [&scene, nanos] {
    constexpr uint16_t kParted = 2;
    for (int zone = 0; zone <= scene.options().zones; ++zone) {
      if (zone != kParted) scene.world().CutZones(kParted, static_cast<uint16_t>(zone), nanos);
    }
  });
}

void NoTracker(Scene& scene) {
  scene.world().KillTracker();
  const int64_t back = scene.options().join_window_nanos + scene.Draw(20 * kNanosPerSecond);
  scene.world().At(back, [&scene] { scene.world().ReviveTracker(); });
  // Everybody announces at least every five seconds. Who was there before the origins gets to know
  // them with its next announce, as its peers have nothing.
  const int64_t gone_again = back + 12 * kNanosPerSecond;
  scene.world().At(gone_again, [&scene] { scene.world().KillTracker(); });
}

void KillOrigins(Scene& scene) { KillNextOrigin(scene, 0); }

void FillDisks(Scene& scene) {
  const size_t count = std::max<size_t>(1, static_cast<size_t>(scene.options().agents) / 10);
  for (size_t place : DrawPlaces(scene, count)) {
    const int64_t nanos = 2 * kNanosPerSecond + scene.Draw(13 * kNanosPerSecond);
    scene.world().At(scene.options().join_window_nanos + scene.Draw(scene.floor_nanos()),
                     [&scene, place, nanos] {
                       const uint32_t host = scene.agents()[place];
                       scene.world().host(host).SetDiskFull(true);
                       scene.world().At(scene.world().now() + nanos, [&scene, host] {
                         scene.world().host(host).SetDiskFull(false);
                       });
                     });
  }
}

}  // namespace kraken::sim
