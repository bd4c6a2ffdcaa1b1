#ifndef KRAKEN_SIM_OUTAGES_H_
#define KRAKEN_SIM_OUTAGES_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace kraken::sim {

// Who does not reach whom, and until when: hosts whose cable is out, and zones that are parted.
// Times are virtual nanoseconds; ends that have passed stay known, so that a checker can tell what
// was cut lately. Not thread safe.
class Outages {
 public:
  // A place in the network.
  struct Place {
    uint32_t host = 0;
    uint16_t zone = 0;
  };

  // Nothing goes to or from the host before `until`; of two cuts the later end counts.
  void CutHost(uint32_t host, int64_t until) { Raise(hosts_[host], until); }
  // Nothing goes from one zone to the other before `until`.
  void CutZones(uint16_t a, uint16_t b, int64_t until) { Raise(zones_[Pair(a, b)], until); }

  // There was never a cut.
  bool empty() const { return hosts_.empty() && zones_.empty(); }

  // When the last cut between the two ended or will end; 0: there was none.
  int64_t EndOfLast(Place a, Place b) const {
    if (empty()) return 0;
    const int64_t cables = std::max(Find(hosts_, a.host), Find(hosts_, b.host));
    return std::max(cables, Find(zones_, Pair(a.zone, b.zone)));
  }

 private:
  static std::pair<uint16_t, uint16_t> Pair(uint16_t a, uint16_t b) { return std::minmax(a, b); }
  static void Raise(int64_t& end, int64_t until) { end = std::max(end, until); }
  template <typename Map, typename Key>
  static int64_t Find(const Map& map, const Key& key) {
    const auto it = map.find(key);
    return it == map.end() ? 0 : it->second;
  }

  absl::flat_hash_map<uint32_t, int64_t> hosts_;
  absl::flat_hash_map<std::pair<uint16_t, uint16_t>, int64_t> zones_;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_OUTAGES_H_
