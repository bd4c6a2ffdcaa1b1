#ifndef HARBOR_BRIDGE_WORK_QUARANTINE_H_
#define HARBOR_BRIDGE_WORK_QUARANTINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace harbor_bridge {

struct QuarantineOptions {
  // The database's file; its directory must exist. One process at a time.
  std::string path;
  // With more, the oldest go.
  int64_t max_entries = 1000;
  const kraken::Clock* clock = nullptr;  // null: the system's
};

// Something that came with a right credential and could not be used.
struct QuarantinedBody {
  int64_t sequence = 0;  // grows, never used twice; set by Put()
  std::string harbor;
  std::string source;       // "registry", "webhook" or "preheat"
  std::string reason;       // for a person
  absl::Time received_at;   // set by Put()
  uint64_t body_bytes = 0;  // of all of it
  std::string body;         // its beginning, at most kMaxQuarantinedBytes
};

// Of each body.
inline constexpr size_t kMaxQuarantinedBytes = 16 << 10;

// Bodies that were taken, since a registry would repeat them for ever, and led to nothing: kept on
// disk, so many of them, for a person to look at. Thread-safe.
class Quarantine {
 public:
  static absl::StatusOr<std::unique_ptr<Quarantine>> Open(QuarantineOptions options);
  // Commits what waits, then closes.
  virtual ~Quarantine() = default;

  // `done` runs on the quarantine's thread once the body is durable, and must be quick. A longer
  // body is cut.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;
  virtual void Put(QuarantinedBody body, Done done) = 0;

  // The newest first. `done` as above.
  using Listed = absl::AnyInvocable<void(absl::StatusOr<std::vector<QuarantinedBody>>)>;
  virtual void List(int limit, Listed done) = 0;
  virtual absl::StatusOr<std::vector<QuarantinedBody>> ListAndWait(int limit) = 0;

  // Since Open().
  virtual uint64_t put_count() const = 0;
};

// A list as JSON: [{"sequence","harbor","source","reason","received_at","body_bytes","body"}].
std::string ToJson(const std::vector<QuarantinedBody>& bodies);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_QUARANTINE_H_
