// Durations as Go writes them, for Kraken's configuration files and flags.
#ifndef KRAKEN_BASE_GO_DURATION_H_
#define KRAKEN_BASE_GO_DURATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kraken {

// Reads what Go's time.ParseDuration reads ("5m", "1h30m", "1.5s", "-100ms"; units ns, us, µs, ms,
// s, m, h), and a bare integer, which is nanoseconds as in Go's YAML. INVALID_ARGUMENT if `text` is
// anything else; OUT_OF_RANGE beyond ±2^63 ns (292 years), Go's own limit.
absl::StatusOr<absl::Duration> ParseGoDuration(absl::string_view text);

// What Go's Duration.String() prints: "1h30m0s", "100ms", "1.5s", "0s". Parts below a nanosecond
// are cut off, durations beyond Go's limit saturate.
std::string FormatGoDuration(absl::Duration duration);

}  // namespace kraken

#endif  // KRAKEN_BASE_GO_DURATION_H_
