#include "kraken/telemetry/labelled_counter.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken::telemetry {
namespace {

constexpr char kOther[] = "other";
// A label's value is a word, not a text.
constexpr size_t kMaxValueBytes = 128;

}  // namespace

LabelledCounter::LabelledCounter(Metrics* metrics, absl::string_view name, absl::string_view help,
                                 std::initializer_list<absl::string_view> label_names,
                                 size_t max_series)
    : metrics_(metrics),
      name_(name),
      help_(help),
      label_names_(label_names.begin(), label_names.end()),
      max_series_(max_series) {
  KH_CHECK(max_series > 0 && max_series < kMaxSeriesPerName);
}

Counter& LabelledCounter::With(std::initializer_list<absl::string_view> values) {
  KH_CHECK(values.size() == label_names_.size());
  std::string key;
  for (const absl::string_view value : values) {
    absl::StrAppend(&key, value.size(), ":", value);
  }
  absl::MutexLock lock(&mutex_);
  if (const auto it = counters_.find(key); it != counters_.end()) return *it->second;
  const bool is_known = counters_.size() < max_series_;
  Labels labels;
  auto value = values.begin();
  for (const std::string& label_name : label_names_) {
    labels[label_name] = is_known ? std::string(value->substr(0, kMaxValueBytes)) : kOther;
    ++value;
  }
  Counter& counter = metrics_->AddCounter(name_, help_, labels);
  if (is_known) counters_.emplace(std::move(key), &counter);
  return counter;
}

}  // namespace kraken::telemetry
