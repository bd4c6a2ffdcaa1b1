#include "kraken/telemetry/metrics.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/telemetry/process_metrics.h"
#include "prometheus/family.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace kraken::telemetry {
namespace {

bool IsSnakeCase(absl::string_view name) {
  return !name.empty() && absl::ascii_islower(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

void SortForReading(std::vector<prometheus::MetricFamily>& families) {
  std::sort(families.begin(), families.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (prometheus::MetricFamily& family : families) {
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
  }
}

}  // namespace

const std::vector<double>& LatencyBucketsSeconds() {
  static const auto* const buckets = new std::vector<double>{
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
  return *buckets;
}

const std::vector<double>& SizeBucketsBytes() {
  static const auto* const buckets = [] {
    auto* bounds = new std::vector<double>;
    for (double bound = 4096; bound <= 16.0 * 1024 * 1024 * 1024; bound *= 4) {
      bounds->push_back(bound);
    }
    return bounds;
  }();
  return *buckets;
}

Metrics::Metrics(absl::string_view component, absl::string_view version)
    : registry_(std::make_unique<prometheus::Registry>()),
      start_time_seconds_(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch())) {
  AddGauge("kraken_build_info", "Always 1; the labels tell what runs.",
           {{"component", std::string(component)}, {"version", std::string(version)}})
      .Set(1);
}

Metrics::~Metrics() = default;

template <typename T>
prometheus::Family<T>& Metrics::FamilyFor(Type type, absl::string_view name, absl::string_view help,
                                          const Labels& labels) {
  KH_CHECK(IsSnakeCase(name) && absl::StartsWith(name, "kraken_"));
  KH_CHECK(absl::EndsWith(name, "_total") == (type == Type::kCounter));
  for (const auto& [label, value] : labels) {
    KH_CHECK(IsSnakeCase(label) && label != "le" && !absl::StartsWith(label, "__"));
  }
  const auto [it, is_new] = families_.try_emplace(std::string(name), Family{type});
  KH_CHECK(it->second.type == type);
  if (is_new) {
    it->second.family = &prometheus::detail::Builder<T>()
                             .Name(std::string(name))
                             .Help(std::string(help))
                             .Register(*registry_);
  }
  auto& family = *static_cast<prometheus::Family<T>*>(it->second.family);
  if (!family.Has(labels)) {
    ++it->second.series;
    KH_CHECK(it->second.series <= kMaxSeriesPerName);
  }
  return family;
}

Counter& Metrics::AddCounter(absl::string_view name, absl::string_view help, const Labels& labels) {
  absl::MutexLock lock(&mutex_);
  return FamilyFor<Counter>(Type::kCounter, name, help, labels).Add(labels);
}

Gauge& Metrics::AddGauge(absl::string_view name, absl::string_view help, const Labels& labels) {
  absl::MutexLock lock(&mutex_);
  return FamilyFor<Gauge>(Type::kGauge, name, help, labels).Add(labels);
}

Histogram& Metrics::AddHistogram(absl::string_view name, absl::string_view help,
                                 const std::vector<double>& buckets, const Labels& labels) {
  KH_CHECK(std::is_sorted(buckets.begin(), buckets.end()));
  absl::MutexLock lock(&mutex_);
  return FamilyFor<Histogram>(Type::kHistogram, name, help, labels).Add(labels, buckets);
}

void Metrics::AddCollector(absl::AnyInvocable<void()> update) {
  absl::MutexLock lock(&mutex_);
  collectors_.push_back(std::move(update));
}

std::string Metrics::Expose() {
  {
    absl::MutexLock lock(&mutex_);
    for (absl::AnyInvocable<void()>& update : collectors_) update();
  }
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  AppendProcessMetrics(start_time_seconds_, families);
  SortForReading(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace kraken::telemetry
