#ifndef KRAKEN_BASE_TOKEN_BUCKET_H_
#define KRAKEN_BASE_TOKEN_BUCKET_H_

#include <cstdint>

#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace kraken {

// A token bucket: `rate` tokens per second flow in, at most `burst` are kept, it starts full.
//
// Pure: time is passed in (a clock that steps backwards adds nothing). Not thread-safe. A token is
// whatever the owner counts: a byte, a request. One request may be larger than the burst: it takes
// the bucket into debt, so that the long-term rate holds for requests of any size.
class TokenBucket {
 public:
  // rate <= 0 means no limit: everything is granted at once. burst is raised to at least 1.
  TokenBucket(double rate_per_second, double burst, MonotonicTime now);

  bool unlimited() const { return rate_ <= 0; }
  // Takes `tokens` if the bucket holds min(tokens, burst); takes nothing otherwise.
  bool TryTake(double tokens, MonotonicTime now);
  // Takes `tokens` whatever the level, and returns how long the caller must wait before it acts.
  absl::Duration Take(double tokens, MonotonicTime now);
  // How long until TryTake(tokens) would succeed, if nobody else takes.
  absl::Duration TimeUntil(double tokens, MonotonicTime now) const;
  // Puts back what was taken and not used.
  void Return(double tokens);
  // Keeps the level, clipped to the new burst.
  void SetRate(double rate_per_second, double burst, MonotonicTime now);
  // The level; negative in debt.
  double Available(MonotonicTime now) const;

 private:
  void Refill(MonotonicTime now);

  double rate_;
  double burst_;
  double tokens_;
  MonotonicTime updated_;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_TOKEN_BUCKET_H_
