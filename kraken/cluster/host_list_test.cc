#include "kraken/cluster/host_list.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/clock.h"
#include "kraken/base/test_util.h"

namespace kraken::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Addresses = absl::StatusOr<std::vector<std::string>>;

const MonotonicTime kStart = MonotonicTime::FromOrigin(absl::Hours(1));

HostList Dns(absl::Duration ttl = absl::Seconds(5)) {
  return *HostList::Create({.dns = "origins.example:80", .ttl = ttl});
}

TEST(HostListTest, StaticListKeepsLabelsAsConfigured) {
  const auto list = HostList::Create({.static_hosts = {"b:2", "a:1", "b:2"}});
  ASSERT_OK(list);
  EXPECT_THAT(list->hosts(), ElementsAre("a:1", "b:2"));
}

TEST(HostListTest, StaticListIsNeverLookedUp) {
  const auto list = HostList::Create({.static_hosts = {"a:1"}});
  EXPECT_FALSE(list->RefreshDue(MonotonicTime::InfiniteFuture()));
}

TEST(HostListTest, NeedsExactlyOneSource) {
  EXPECT_THAT(HostList::Create({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(HostList::Create({.dns = "a:1", .static_hosts = {"b:1"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(HostListTest, RefusesHostsWithoutAPort) {
  for (const char* host : {"a", "a:", ":1", "a:x", "a:0", "a:65536", "[::1]", ""}) {
    EXPECT_THAT(HostList::Create({.static_hosts = {"ok:1", host}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(host)));
  }
  EXPECT_FALSE(HostList::Create({.dns = "no-port"}).ok());
}

TEST(HostListTest, DnsAddressesGetThePort) {
  HostList list = Dns();
  EXPECT_EQ(list.dns_name(), "origins.example");
  EXPECT_THAT(list.hosts(), IsEmpty());
  EXPECT_TRUE(list.OnResolved(Addresses({"10.0.0.2", "10.0.0.1", "fd00::1"}), kStart));
  EXPECT_THAT(list.hosts(), ElementsAre("10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"));
}

TEST(HostListTest, LooksUpAgainAfterTheTtl) {
  HostList list = Dns(absl::Seconds(5));
  EXPECT_TRUE(list.RefreshDue(kStart));
  list.OnResolved(Addresses({"10.0.0.1"}), kStart);
  EXPECT_FALSE(list.RefreshDue(kStart + absl::Seconds(4)));
  EXPECT_TRUE(list.RefreshDue(kStart + absl::Seconds(5)));
}

TEST(HostListTest, FailuresKeepTheLastList) {
  HostList list = Dns();
  list.OnResolved(Addresses({"10.0.0.1"}), kStart);
  EXPECT_FALSE(list.OnResolved(absl::UnavailableError("SERVFAIL"), kStart));
  EXPECT_FALSE(list.OnResolved(Addresses(std::vector<std::string>()), kStart));
  EXPECT_THAT(list.hosts(), ElementsAre("10.0.0.1:80"));
}

TEST(HostListTest, TellsWhetherMembersChanged) {
  HostList list = Dns();
  EXPECT_TRUE(list.OnResolved(Addresses({"10.0.0.1", "10.0.0.2"}), kStart));
  EXPECT_FALSE(list.OnResolved(Addresses({"10.0.0.2", "10.0.0.1"}), kStart));
  EXPECT_TRUE(list.OnResolved(Addresses({"10.0.0.2"}), kStart));
}

}  // namespace
}  // namespace kraken::cluster
