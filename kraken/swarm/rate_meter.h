#ifndef KRAKEN_SWARM_RATE_METER_H_
#define KRAKEN_SWARM_RATE_METER_H_

#include <cmath>
#include <cstdint>

#include "kraken/swarm/instant.h"

namespace kraken::swarm {

// Bytes per second over about the last second, older ones fading exponentially.
class RateMeter {
 public:
  void Add(int64_t bytes, Instant now) {
    Fade(now);
    bytes_ += static_cast<double>(bytes);
  }
  // Bytes per second.
  double Rate(Instant now) const {
    return bytes_ * std::exp(-static_cast<double>(now - faded_at_) / kWindowNanos) /
           (kWindowNanos / kNanosPerSecond);
  }

 private:
  static constexpr double kWindowNanos = 0.5 * kNanosPerSecond;
  void Fade(Instant now) {
    bytes_ *= std::exp(-static_cast<double>(now - faded_at_) / kWindowNanos);
    faded_at_ = now;
  }

  double bytes_ = 0;
  Instant faded_at_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_RATE_METER_H_
