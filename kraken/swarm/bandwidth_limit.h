#ifndef KRAKEN_SWARM_BANDWIDTH_LIMIT_H_
#define KRAKEN_SWARM_BANDWIDTH_LIMIT_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/token_bucket.h"
#include "kraken/swarm/instant.h"

namespace kraken::swarm {

// How much payload may go in one direction: within any time t at most rate * t, and besides what
// `burst` of time brings or one piece, whichever is more. Not thread safe.
class BandwidthLimit {
 public:
  // `bytes_per_second` 0: no limit.
  BandwidthLimit(int64_t bytes_per_second, absl::Duration burst, Instant now)
      : rate_(static_cast<double>(bytes_per_second)),
        bucket_(rate_, rate_ * absl::ToDoubleSeconds(burst), Time(now)) {}

  bool unlimited() const { return bucket_.unlimited(); }

  bool TryTake(ByteCount bytes, Instant now) {
    return bucket_.TryTake(static_cast<double>(bytes.value()), Time(now));
  }
  // When TryTake will succeed if nobody else takes. REQUIRES: there is a limit.
  Instant FreeAt(ByteCount bytes, Instant now) const {
    // One nanosecond more than the quotient, so that rounding wakes nobody too early.
    return now + ToNanos(bucket_.TimeUntil(static_cast<double>(bytes.value()), Time(now))) + 1;
  }
  // What was taken will not be used.
  void Return(ByteCount bytes) { bucket_.Return(static_cast<double>(bytes.value())); }

  // How long until so many bytes have been let through; 0 without a limit.
  int64_t NanosFor(ByteCount bytes, Instant now) const {
    if (unlimited()) return 0;
    const double missing = static_cast<double>(bytes.value()) - bucket_.Available(Time(now));
    return static_cast<int64_t>(std::max(missing, 0.0) / rate_ * kNanosPerSecond);
  }

 private:
  static MonotonicTime Time(Instant at) {
    return MonotonicTime::FromOrigin(absl::Nanoseconds(at.nanos()));
  }

  double rate_;
  TokenBucket bucket_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_BANDWIDTH_LIMIT_H_
