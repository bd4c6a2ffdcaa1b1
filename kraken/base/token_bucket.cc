#include "kraken/base/token_bucket.h"

#include <algorithm>

namespace kraken {

TokenBucket::TokenBucket(double rate_per_second, double burst, MonotonicTime now)
    : rate_(rate_per_second), burst_(std::max(burst, 1.0)), tokens_(burst_), updated_(now) {}

void TokenBucket::Refill(MonotonicTime now) {
  tokens_ = Available(now);
  updated_ = std::max(updated_, now);
}

double TokenBucket::Available(MonotonicTime now) const {
  if (unlimited() || now <= updated_) return tokens_;
  return std::min(burst_, tokens_ + rate_ * absl::ToDoubleSeconds(now - updated_));
}

bool TokenBucket::TryTake(double tokens, MonotonicTime now) {
  if (unlimited()) return true;
  Refill(now);
  if (tokens_ < std::min(tokens, burst_)) return false;
  tokens_ -= tokens;
  return true;
}

absl::Duration TokenBucket::Take(double tokens, MonotonicTime now) {
  if (unlimited()) return absl::ZeroDuration();
  const absl::Duration wait = TimeUntil(tokens, now);
  Refill(now);
  tokens_ -= tokens;
  return wait;
}

absl::Duration TokenBucket::TimeUntil(double tokens, MonotonicTime now) const {
  if (unlimited()) return absl::ZeroDuration();
  const double missing = std::min(tokens, burst_) - Available(now);
  if (missing <= 0) return absl::ZeroDuration();
  // Rounded up, so that after the wait the tokens are there.
  return absl::Ceil(absl::Seconds(missing / rate_), absl::Nanoseconds(1)) + absl::Nanoseconds(1);
}

void TokenBucket::Return(double tokens) { tokens_ = std::min(burst_, tokens_ + tokens); }

void TokenBucket::SetRate(double rate_per_second, double burst, MonotonicTime now) {
  Refill(now);
  rate_ = rate_per_second;
  burst_ = std::max(burst, 1.0);
  tokens_ = std::min(tokens_, burst_);
}

}  // namespace kraken
