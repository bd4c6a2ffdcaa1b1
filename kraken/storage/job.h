#ifndef KRAKEN_STORAGE_JOB_H_
#define KRAKEN_STORAGE_JOB_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace kraken::storage {

enum class JobState {
  kPending = 0,  // waits for its time and a worker
  kRunning = 1,  // claimed
  kDone = 2,     // kept for a while to be seen
  kDead = 3,     // failed for good; an operator may retry it
};

std::string_view JobStateName(JobState state);

// What is put into a queue.
struct NewJob {
  // Jobs with the same key are one job: the newest payload counts, the higher priority, the earlier
  // time. At most kMaxJobKeyBytes.
  std::string key;
  std::string kind;
  // Opaque; at most kMaxJobPayloadBytes.
  std::string payload;
  // Higher goes first.
  int priority = 0;
  // Not before this time (by the queue's clock).
  absl::Time not_before = absl::InfinitePast();
};

struct Job {
  std::string key;
  std::string kind;
  std::string payload;
  int priority = 0;
  JobState state = JobState::kPending;
  // Claims so far since the payload was last replaced, the present one included.
  int attempts = 0;
  absl::Time next_attempt;
  absl::Time enqueued_at;
  absl::Time updated_at;
  // Of a job that is done: empty.
  std::string last_error;
  // What Complete() said of a job that is done; else empty.
  std::string result;
  // Names this claim to Complete and Fail.
  int64_t claim_id = 0;
  // Enqueued again while running: it will be pending again when this run ends.
  bool superseded = false;
};

inline constexpr size_t kMaxJobKeyBytes = 4 << 10;
inline constexpr size_t kMaxJobKindBytes = 256;
inline constexpr size_t kMaxJobPayloadBytes = 4 << 20;
inline constexpr size_t kMaxJobErrorBytes = 4 << 10;  // of a result, too

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOB_H_
