#ifndef HARBOR_BRIDGE_RECONCILE_PACER_H_
#define HARBOR_BRIDGE_RECONCILE_PACER_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/token_bucket.h"

namespace harbor_bridge {

// Bounds how many requests a second go to one Harbor. Used by one thread; requests() by any.
class Pacer {
 public:
  // Waits; an error ends the walk.
  using Wait = std::function<absl::Status(absl::Duration)>;

  // `clock` outlives it.
  Pacer(double requests_per_second, const kraken::Clock* clock, Wait wait)
      : clock_(clock),
        wait_(std::move(wait)),
        bucket_(requests_per_second, requests_per_second, clock->MonotonicNow()) {}

  // Returns when the next request may leave.
  absl::Status Next() {
    requests_.fetch_add(1, std::memory_order_relaxed);
    return wait_(bucket_.Take(1, clock_->MonotonicNow()));
  }
  uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }

 private:
  const kraken::Clock* const clock_;
  const Wait wait_;
  kraken::TokenBucket bucket_;
  std::atomic<uint64_t> requests_{0};
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_PACER_H_
