#ifndef KRAKEN_DAEMON_MIRRORED_COUNTER_H_
#define KRAKEN_DAEMON_MIRRORED_COUNTER_H_

#include <cstdint>

#include "kraken/telemetry/metrics.h"

namespace kraken::daemon {

// A Prometheus counter that follows a count which somebody else keeps. Not thread safe.
class MirroredCounter {
 public:
  explicit MirroredCounter(telemetry::Counter& counter) : counter_(&counter) {}

  // REQUIRES: never less than before.
  void Set(uint64_t value) {
    counter_->Increment(static_cast<double>(value - last_));
    last_ = value;
  }

 private:
  telemetry::Counter* counter_;
  uint64_t last_ = 0;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_MIRRORED_COUNTER_H_
