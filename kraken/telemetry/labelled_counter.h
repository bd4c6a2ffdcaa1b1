#ifndef KRAKEN_TELEMETRY_LABELLED_COUNTER_H_
#define KRAKEN_TELEMETRY_LABELLED_COUNTER_H_

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::telemetry {

// A counter whose label values come from outside (status codes, hosts, error kinds) and so cannot
// be known beforehand. Beyond `max_series` different ones, new ones are counted together, with
// "other" for every label: what a client sends never fills our memory. Thread safe.
class LabelledCounter {
 public:
  // `metrics` outlives this object. REQUIRES: 0 < max_series < kMaxSeriesPerName.
  LabelledCounter(Metrics* metrics, absl::string_view name, absl::string_view help,
                  std::initializer_list<absl::string_view> label_names, size_t max_series = 50);

  // The counter for these values, one per label name in their order. May be kept.
  Counter& With(std::initializer_list<absl::string_view> values) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Metrics* const metrics_;
  const std::string name_;
  const std::string help_;
  const std::vector<std::string> label_names_;
  const size_t max_series_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Counter*> counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_LABELLED_COUNTER_H_
