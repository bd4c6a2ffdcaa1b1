// What bridges have Redis do with the lease: scripts, each of which Redis runs as a whole.
//
// Of lease `name` there are, in Redis (docs/formats.md):
//   kraken-harbor:lease:{name}:holder      who holds it; ends with its time
//   kraken-harbor:lease:{name}:epoch       the epoch of the last term
//   kraken-harbor:lease:{name}:watermarks  a hash: Harbor -> milliseconds since 1970
#ifndef HARBOR_BRIDGE_LEASE_LEASE_SCRIPT_H_
#define HARBOR_BRIDGE_LEASE_LEASE_SCRIPT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/redis/redis_value.h"

namespace harbor_bridge {

// Who asks, and for what.
struct LeaseClaim {
  std::string name;
  // Another in each life of each process.
  std::string owner;
  absl::Duration ttl;
};

// Commands, as words.
using LeaseCommand = std::vector<std::string>;

// Takes the lease if nobody holds it, or the owner does, with a new epoch above `above`. That is
// the last one and one more; where there is none (Redis is new, or has lost its memory) it begins
// with Redis's clock in seconds, which is more than any that was counted up from there.
LeaseCommand TakeLease(const LeaseClaim& claim, uint64_t above);
// Makes it end `ttl` from now, if the owner holds it under this epoch.
LeaseCommand RenewLease(const LeaseClaim& claim, uint64_t epoch);
// Lets it go, under the same condition.
LeaseCommand ReleaseLease(const LeaseClaim& claim, uint64_t epoch);

// How far each Harbor is done, by name.
using Watermarks = std::map<std::string, absl::Time>;
// Writes them down, under the same condition; none goes back.
LeaseCommand PutWatermarks(const LeaseClaim& claim, uint64_t epoch, const Watermarks& watermarks);
LeaseCommand GetWatermarks(const LeaseClaim& claim);

// The answers. INVALID_ARGUMENT: that is none.
struct TakeAnswer {
  bool taken = false;
  uint64_t epoch = 0;  // of the term that there is now
  // If another holds it.
  std::string holder;
  absl::Duration left;  // negative: it does not end
};
absl::StatusOr<TakeAnswer> ReadTakeAnswer(const kraken::redis::RedisValue& answer);
// Whether the condition held: of RenewLease, ReleaseLease and PutWatermarks.
absl::StatusOr<bool> ReadConditionAnswer(const kraken::redis::RedisValue& answer);
absl::StatusOr<Watermarks> ReadWatermarks(const kraken::redis::RedisValue& answer);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_LEASE_SCRIPT_H_
