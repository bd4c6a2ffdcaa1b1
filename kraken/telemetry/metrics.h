#ifndef KRAKEN_TELEMETRY_METRICS_H_
#define KRAKEN_TELEMETRY_METRICS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace prometheus {
class Registry;
}  // namespace prometheus

namespace kraken::telemetry {

// Each can be updated by any thread at any time.
using Counter = prometheus::Counter;      // Increment(), Increment(double), Value()
using Gauge = prometheus::Gauge;          // Set(double), Increment(), Decrement(), Value()
using Histogram = prometheus::Histogram;  // Observe(double)

// Label names and values.
using Labels = std::map<std::string, std::string>;

// Time series of one name. A name that needs more is wrong: digests, peers and repositories are no
// labels.
inline constexpr size_t kMaxSeriesPerName = 200;

// What /metrics answers with.
inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// Bucket bounds for durations in seconds, 1 ms to 5 min.
const std::vector<double>& LatencyBucketsSeconds();
// Bucket bounds for sizes in bytes, 4 KiB to 16 GiB.
const std::vector<double>& SizeBucketsBytes();

// All metrics of one process (or of one daemon in a test), and their Prometheus text.
//
// Names are lower snake case, begin with "kraken_" and end with their unit; counters end with
// "_total", and only they do. A wrong name, one name for two types, or too many series is a
// programming error and aborts. The references returned live as long as this object. Thread safe.
class Metrics {
 public:
  // Sets kraken_build_info{component, version} to 1.
  Metrics(absl::string_view component, absl::string_view version);
  ~Metrics();

  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same object. `help` is the first call's.
  Counter& AddCounter(absl::string_view name, absl::string_view help, const Labels& labels = {});
  Gauge& AddGauge(absl::string_view name, absl::string_view help, const Labels& labels = {});
  // `buckets`: ascending upper bounds.
  Histogram& AddHistogram(absl::string_view name, absl::string_view help,
                          const std::vector<double>& buckets, const Labels& labels = {});

  // `update` runs at the start of each Expose(), on its thread, to set gauges that are cheaper to
  // ask than to keep. It may be called from several threads, one at a time, and must not add
  // metrics.
  void AddCollector(absl::AnyInvocable<void()> update) ABSL_LOCKS_EXCLUDED(mutex_);

  // The text format, sorted by name and labels, with the process's own metrics under their usual
  // names (process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds,
  // process_max_fds, process_start_time_seconds).
  std::string Expose() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class Type { kCounter, kGauge, kHistogram };

  struct Family {
    Type type;
    size_t series = 0;
    void* family = nullptr;  // prometheus::Family of the type.
  };

  template <typename T>
  prometheus::Family<T>& FamilyFor(Type type, absl::string_view name, absl::string_view help,
                                   const Labels& labels) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::unique_ptr<prometheus::Registry> registry_;
  absl::flat_hash_map<std::string, Family> families_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::AnyInvocable<void()>> collectors_ ABSL_GUARDED_BY(mutex_);
  double start_time_seconds_;
};

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_METRICS_H_
