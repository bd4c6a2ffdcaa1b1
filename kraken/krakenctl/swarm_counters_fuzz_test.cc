// Any bytes: what is read from an agent's metrics is a number that can be shown.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/krakenctl/swarm_counters.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto counters = kraken::krakenctl::ParseSwarmCounters(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!counters.ok()) return 0;
  for (const double value : {counters->from_origins, counters->from_agents}) {
    KH_CHECK(std::isfinite(value) && value >= 0);
  }
  return 0;
}
