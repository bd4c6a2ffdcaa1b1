#ifndef KRAKEN_BASE_BACKOFF_H_
#define KRAKEN_BASE_BACKOFF_H_

#include <optional>

#include "absl/time/time.h"
#include "kraken/base/random.h"

namespace kraken {

// How long to wait between tries. Field names as in Kraken's `…_backoff` sections.
struct BackoffOptions {
  absl::Duration initial_interval = absl::Milliseconds(500);
  double multiplier = 2.0;  // >= 1
  absl::Duration max_interval = absl::Seconds(30);
  // Each wait is drawn uniformly from interval * [1 - factor, 1 + factor]. In [0, 1].
  double randomization_factor = 0.2;
  // Retries after the first try; negative: no limit.
  int max_retries = -1;
};

// Exponential backoff with jitter: the waits before each further try of one piece of work. Pure:
// it neither sleeps nor reads a clock. Not thread safe.
class Backoff {
 public:
  // `bits` outlives this object. Options out of range are clamped into it.
  Backoff(const BackoffOptions& options, BitGen* bits);

  // The wait before the next try, or nothing if the retries are used up.
  std::optional<absl::Duration> NextDelay();

  // After a success: the next delay is the initial one again.
  void Reset();

  // Delays given out since construction or Reset().
  int retries() const { return retries_; }

 private:
  BackoffOptions options_;
  BitGen* bits_;
  absl::Duration interval_;
  int retries_ = 0;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_BACKOFF_H_
