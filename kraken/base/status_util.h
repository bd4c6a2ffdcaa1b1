// Making statuses that name the thing and the place.
#ifndef KRAKEN_BASE_STATUS_UTIL_H_
#define KRAKEN_BASE_STATUS_UTIL_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kraken {

// `status` with "context: " before its message; code and payloads stay. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// The status for errno value `error_number` (not 0), e.g. ErrnoToStatus(errno, "open /x") is
// NOT_FOUND "open /x: No such file or directory". Codes are Abseil's mapping, except that what is
// worth trying elsewhere or again (ECONNRESET, EPIPE, ECONNREFUSED, ...) is UNAVAILABLE,
// ETIMEDOUT is DEADLINE_EXCEEDED, EIO is DATA_LOSS and a full disk, quota or table is
// RESOURCE_EXHAUSTED.
absl::Status ErrnoToStatus(int error_number, absl::string_view context);

// True for errors that another attempt, or another host, may cure: UNAVAILABLE, DEADLINE_EXCEEDED,
// RESOURCE_EXHAUSTED, ABORTED.
bool IsRetryable(const absl::Status& status);

// True for errors that say nothing of what was asked, as who was asked is down, broken or busy:
// those that are retryable, CANCELLED, INTERNAL and UNKNOWN.
bool IsSilence(const absl::Status& status);

}  // namespace kraken

#endif  // KRAKEN_BASE_STATUS_UTIL_H_
