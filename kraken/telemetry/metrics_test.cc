#include "kraken/telemetry/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/telemetry/labelled_counter.h"

namespace kraken::telemetry {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricsTest : public ::testing::Test {
 protected:
  Metrics metrics_{"kraken-agent", "1.0"};
};

TEST_F(MetricsTest, BuildInfoIsThereFromTheStart) {
  EXPECT_THAT(metrics_.Expose(),
              HasSubstr("# HELP kraken_build_info Always 1; the labels tell what runs.\n"
                        "# TYPE kraken_build_info gauge\n"
                        "kraken_build_info{component=\"kraken-agent\",version=\"1.0\"} 1\n"));
}

TEST_F(MetricsTest, EachTypeHasItsText) {
  metrics_.AddCounter("kraken_pieces_received_total", "Pieces.").Increment(3);
  metrics_.AddGauge("kraken_queue_length", "Waiting.", {{"queue", "disk"}}).Set(7.5);
  Histogram& histogram = metrics_.AddHistogram("kraken_pull_duration_seconds", "Pulls.", {0.5, 2});
  histogram.Observe(1);
  histogram.Observe(9);
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, HasSubstr("# TYPE kraken_pieces_received_total counter\n"
                              "kraken_pieces_received_total 3\n"));
  EXPECT_THAT(text, HasSubstr("kraken_queue_length{queue=\"disk\"} 7.5\n"));
  EXPECT_THAT(text, HasSubstr("kraken_pull_duration_seconds_count 2\n"
                              "kraken_pull_duration_seconds_sum 10\n"
                              "kraken_pull_duration_seconds_bucket{le=\"0.5\"} 0\n"
                              "kraken_pull_duration_seconds_bucket{le=\"2\"} 1\n"
                              "kraken_pull_duration_seconds_bucket{le=\"+Inf\"} 2\n"));
}

TEST_F(MetricsTest, SameNameAndLabelsAreTheSameMetric) {
  Counter& a = metrics_.AddCounter("kraken_x_total", "X.", {{"k", "1"}});
  Counter& b = metrics_.AddCounter("kraken_x_total", "X.", {{"k", "2"}});
  EXPECT_NE(&a, &b);
  EXPECT_EQ(&a, &metrics_.AddCounter("kraken_x_total", "X.", {{"k", "1"}}));
}

TEST_F(MetricsTest, OutputIsSorted) {
  metrics_.AddCounter("kraken_b_total", "B.", {{"k", "2"}});
  metrics_.AddCounter("kraken_b_total", "B.", {{"k", "1"}});
  metrics_.AddGauge("kraken_a", "A.");
  const std::string text = metrics_.Expose();
  EXPECT_LT(text.find("kraken_a 0"), text.find("kraken_b_total{k=\"1\"}"));
  EXPECT_LT(text.find("kraken_b_total{k=\"1\"}"), text.find("kraken_b_total{k=\"2\"}"));
  EXPECT_EQ(text.find("# TYPE kraken_b_total"), text.rfind("# TYPE kraken_b_total"));
}

TEST_F(MetricsTest, LabelValuesAreEscaped) {
  metrics_.AddGauge("kraken_a", "A.", {{"k", "a\"b\\c\nd"}});
  EXPECT_THAT(metrics_.Expose(), HasSubstr("kraken_a{k=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST_F(MetricsTest, ProcessMetricsAreReadAtExpose) {
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, ContainsRegex("\nprocess_resident_memory_bytes [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_cpu_seconds_total [0-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_open_fds [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_max_fds [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_start_time_seconds [1-9]"));
}

TEST_F(MetricsTest, CollectorsRunBeforeEachExpose) {
  Gauge& gauge = metrics_.AddGauge("kraken_queue_length", "Waiting.");
  int calls = 0;
  metrics_.AddCollector([&] { gauge.Set(++calls); });
  EXPECT_THAT(metrics_.Expose(), HasSubstr("kraken_queue_length 1\n"));
  EXPECT_THAT(metrics_.Expose(), HasSubstr("kraken_queue_length 2\n"));
}

TEST_F(MetricsTest, ThreadsMayCountAndExposeTogether) {
  Counter& counter = metrics_.AddCounter("kraken_x_total", "X.");
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) counter.Increment();
      for (int i = 0; i < 10; ++i) {
        metrics_.AddCounter("kraken_y_total", "Y.", {{"k", absl::StrCat(i)}}).Increment();
        metrics_.Expose();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics_.Expose(), HasSubstr("kraken_x_total 4000\n"));
}

using MetricsDeathTest = MetricsTest;

TEST_F(MetricsDeathTest, WrongNamesAbort) {
  EXPECT_DEATH(metrics_.AddCounter("x_total", ""), "check failed");
  EXPECT_DEATH(metrics_.AddCounter("kraken_x", ""), "check failed");
  EXPECT_DEATH(metrics_.AddGauge("kraken_x_total", ""), "check failed");
  EXPECT_DEATH(metrics_.AddGauge("kraken_X", ""), "check failed");
  EXPECT_DEATH(metrics_.AddGauge("kraken_x", "", {{"Bad-Label", ""}}), "check failed");
}

TEST_F(MetricsDeathTest, OneNameForTwoTypesAborts) {
  metrics_.AddGauge("kraken_x", "");
  EXPECT_DEATH(metrics_.AddHistogram("kraken_x", "", {1}), "check failed");
}

TEST_F(MetricsDeathTest, TooManySeriesAbort) {
  for (size_t i = 0; i < kMaxSeriesPerName; ++i) {
    metrics_.AddGauge("kraken_x", "", {{"digest", absl::StrCat(i)}});
  }
  EXPECT_DEATH(metrics_.AddGauge("kraken_x", "", {{"digest", "one more"}}), "check failed");
}

TEST_F(MetricsTest, LabelledCounterBoundsWhatComesFromOutside) {
  LabelledCounter requests(&metrics_, "kraken_requests_total", "Requests.", {"method", "code"}, 10);
  for (int i = 0; i < 10000; ++i) requests.With({"GET", absl::StrCat(i)}).Increment();
  requests.With({"GET", "3"}).Increment();
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, HasSubstr("kraken_requests_total{code=\"3\",method=\"GET\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kraken_requests_total{code=\"other\",method=\"other\"} 9990\n"));
  EXPECT_THAT(text, Not(HasSubstr("code=\"10\"")));
}

TEST_F(MetricsTest, LabelledCounterKeepsValuesApart) {
  LabelledCounter requests(&metrics_, "kraken_requests_total", "Requests.", {"a", "b"});
  EXPECT_NE(&requests.With({"x", "y1:z"}), &requests.With({"x1:y", "z"}));
  EXPECT_EQ(&requests.With({"x", "y"}), &requests.With({"x", "y"}));
}

TEST(BucketsTest, AreAscending) {
  for (const auto* buckets : {&LatencyBucketsSeconds(), &SizeBucketsBytes()}) {
    for (size_t i = 1; i < buckets->size(); ++i) EXPECT_LT((*buckets)[i - 1], (*buckets)[i]);
  }
  EXPECT_EQ(SizeBucketsBytes().back(), 16.0 * 1024 * 1024 * 1024);
}

}  // namespace
}  // namespace kraken::telemetry
