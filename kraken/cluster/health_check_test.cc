#include "kraken/cluster/health_check.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/clock.h"
#include "kraken/config/cluster_config.h"

namespace kraken::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const MonotonicTime kStart = MonotonicTime::FromOrigin(absl::Hours(1));

class ActiveHealthFilterTest : public ::testing::Test {
 protected:
  void RecordTimes(const std::string& host, bool passed, int times) {
    for (int i = 0; i < times; ++i) filter_.Record(host, passed);
  }

  ActiveHealthFilter filter_{config::ActiveHealthCheckConfig{.filter = {.fails = 3, .passes = 2}}};
};

TEST_F(ActiveHealthFilterTest, NewHostsAreHealthy) {
  filter_.SetMembers({"b", "a"});
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a", "b"));
}

TEST_F(ActiveHealthFilterTest, TurnsUnhealthyAfterFailsInARow) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("a", false, 2);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a", "b"));
  filter_.Record("a", false);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("b"));
}

TEST_F(ActiveHealthFilterTest, OneSuccessBreaksARowOfFailures) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("a", false, 2);
  filter_.Record("a", true);
  RecordTimes("a", false, 2);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a", "b"));
}

TEST_F(ActiveHealthFilterTest, RecoversAfterPassesInARow) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("a", false, 10);
  filter_.Record("a", true);
  filter_.Record("a", false);
  filter_.Record("a", true);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("b"));
  filter_.Record("a", true);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a", "b"));
}

TEST_F(ActiveHealthFilterTest, SingleHostIsAlwaysHealthy) {
  filter_.SetMembers({"a"});
  RecordTimes("a", false, 10);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a"));
}

TEST_F(ActiveHealthFilterTest, AllUnhealthyIsEmpty) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("a", false, 3);
  RecordTimes("b", false, 3);
  EXPECT_THAT(filter_.Healthy(), IsEmpty());
}

TEST_F(ActiveHealthFilterTest, HostThatLeftAndCameBackStartsHealthy) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("a", false, 3);
  filter_.SetMembers({"b"});
  filter_.SetMembers({"a", "b"});
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a", "b"));
}

TEST_F(ActiveHealthFilterTest, KeepsTheRecordOfHostsThatStay) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("a", false, 3);
  filter_.SetMembers({"a", "b", "c"});
  EXPECT_THAT(filter_.Healthy(), ElementsAre("b", "c"));
}

TEST_F(ActiveHealthFilterTest, IgnoresStrangers) {
  filter_.SetMembers({"a", "b"});
  RecordTimes("x", false, 3);
  EXPECT_THAT(filter_.Healthy(), ElementsAre("a", "b"));
}

TEST(ActiveHealthFilterDisabledTest, EverybodyIsHealthy) {
  ActiveHealthFilter filter(
      config::ActiveHealthCheckConfig{.disabled = true, .filter = {.fails = 1}});
  filter.SetMembers({"a", "b"});
  filter.Record("a", false);
  EXPECT_THAT(filter.Healthy(), ElementsAre("a", "b"));
}

class PassiveHealthFilterTest : public ::testing::Test {
 protected:
  const std::vector<std::string> hosts_ = {"b", "a"};
  PassiveHealthFilter filter_{
      config::PassiveHealthCheckConfig{.fails = 3, .fail_timeout = absl::Minutes(5)}};
};

TEST_F(PassiveHealthFilterTest, KeepsTheGivenOrder) {
  EXPECT_THAT(filter_.Healthy(hosts_, kStart), ElementsAre("b", "a"));
}

TEST_F(PassiveHealthFilterTest, FailsWithinTheWindowTakeAHostOut) {
  for (int minute : {0, 1, 2}) filter_.RecordFailure("b", kStart + absl::Minutes(minute));
  EXPECT_THAT(filter_.Healthy(hosts_, kStart + absl::Minutes(2)), ElementsAre("a"));
}

TEST_F(PassiveHealthFilterTest, FailuresSpreadOverMoreThanTheWindowDoNot) {
  for (int minute : {0, 3, 6, 9, 12}) filter_.RecordFailure("b", kStart + absl::Minutes(minute));
  EXPECT_THAT(filter_.Healthy(hosts_, kStart + absl::Minutes(12)), ElementsAre("b", "a"));
}

TEST_F(PassiveHealthFilterTest, ComesBackAfterTheWindow) {
  for (int i = 0; i < 3; ++i) filter_.RecordFailure("b", kStart);
  const absl::Duration window = absl::Minutes(5);
  EXPECT_THAT(filter_.Healthy(hosts_, kStart + window - absl::Seconds(1)), ElementsAre("a"));
  EXPECT_THAT(filter_.Healthy(hosts_, kStart + window), ElementsAre("b", "a"));
}

TEST_F(PassiveHealthFilterTest, StragglersDoNotExtendTheTimeOut) {
  for (int i = 0; i < 3; ++i) filter_.RecordFailure("b", kStart);
  for (int i = 0; i < 3; ++i) filter_.RecordFailure("b", kStart + absl::Minutes(4));
  EXPECT_THAT(filter_.Healthy(hosts_, kStart + absl::Minutes(5)), ElementsAre("b", "a"));
}

TEST_F(PassiveHealthFilterTest, AllUnhealthyMeansAllAreUsed) {
  for (const std::string& host : hosts_) {
    for (int i = 0; i < 3; ++i) filter_.RecordFailure(host, kStart);
  }
  EXPECT_THAT(filter_.Healthy(hosts_, kStart), ElementsAre("b", "a"));
}

}  // namespace
}  // namespace kraken::cluster
