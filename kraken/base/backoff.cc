#include "kraken/base/backoff.h"

#include <algorithm>

namespace kraken {
namespace {

BackoffOptions Clamped(BackoffOptions options) {
  options.initial_interval = std::max(options.initial_interval, absl::ZeroDuration());
  options.max_interval = std::max(options.max_interval, options.initial_interval);
  options.multiplier = std::max(options.multiplier, 1.0);
  options.randomization_factor = std::clamp(options.randomization_factor, 0.0, 1.0);
  return options;
}

}  // namespace

Backoff::Backoff(const BackoffOptions& options, BitGen* bits)
    : options_(Clamped(options)), bits_(bits), interval_(options_.initial_interval) {}

std::optional<absl::Duration> Backoff::NextDelay() {
  if (options_.max_retries >= 0 && retries_ >= options_.max_retries) return std::nullopt;
  ++retries_;
  const double jitter = options_.randomization_factor * (2 * bits_->UniformDouble() - 1);
  const absl::Duration delay = interval_ * (1 + jitter);
  interval_ = std::min(interval_ * options_.multiplier, options_.max_interval);
  return delay;
}

void Backoff::Reset() {
  interval_ = options_.initial_interval;
  retries_ = 0;
}

}  // namespace kraken
