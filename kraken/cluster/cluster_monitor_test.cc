#include "kraken/cluster/cluster_monitor.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/cluster_config.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"

namespace kraken::cluster {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(20);

// A host whose health the test sets.
class FakeHost {
 public:
  explicit FakeHost(net::LoopThread& loop)
      : http_({&loop.loop()}, net::HttpServerOptions(), [this](auto exchange) {
          ++asked;
          exchange->Respond(healthy ? 200 : 503, {}, "");
        }) {
    auto bound = http_.Listen("127.0.0.1:0");
    EXPECT_OK(bound);
    address = bound->ToString();
  }

  std::atomic<bool> healthy{true};
  std::atomic<int> asked{0};
  std::string address;

 private:
  net::HttpServer http_;
};

class ClusterMonitorTest : public ::testing::Test {
 protected:
  void Create(config::HostListConfig hosts, const std::string& self = "") {
    loop_.RunAndWait([&] {
      ClusterMonitorOptions options;
      options.hosts = std::move(hosts);
      options.health.monitor_interval = absl::Milliseconds(5);
      options.health.filter.fails = 2;
      options.self = self;
      options.passive_health = passive_;
      auto monitor = ClusterMonitor::Create(&loop_.loop(), options);
      ASSERT_OK(monitor);
      monitor_ = *std::move(monitor);
      monitor_->OnChange([this] { Publish(); });
      Publish();
    });
  }
  void TearDown() override {
    loop_.RunAndWait([this] { monitor_.reset(); });
  }
  void Publish() {
    absl::MutexLock lock(&mu_);
    healthy_ = monitor_->healthy();
  }
  bool WaitForHealthy(std::vector<std::string> expected) {
    std::sort(expected.begin(), expected.end());
    absl::MutexLock lock(&mu_);
    const auto reached = [&] { return healthy_ == expected; };
    return mu_.AwaitWithTimeout(absl::Condition(&reached), kLimit);
  }

  net::LoopThread server_loop_{"servers"};
  net::LoopThread loop_{"monitor"};
  std::optional<config::PassiveHealthCheckConfig> passive_;
  std::unique_ptr<ClusterMonitor> monitor_;
  absl::Mutex mu_;
  std::vector<std::string> healthy_;
};

TEST_F(ClusterMonitorTest, LeavesOutAHostThatFailsAndTakesItBack) {
  FakeHost a(server_loop_);
  FakeHost b(server_loop_);
  Create({.dns = "", .static_hosts = {a.address, b.address}});
  EXPECT_TRUE(WaitForHealthy({a.address, b.address}));
  b.healthy = false;
  EXPECT_TRUE(WaitForHealthy({a.address}));
  b.healthy = true;
  EXPECT_TRUE(WaitForHealthy({a.address, b.address}));
}

TEST_F(ClusterMonitorTest, NeverProbesItself) {
  FakeHost a(server_loop_);
  FakeHost self(server_loop_);
  FakeHost b(server_loop_);
  self.healthy = false;
  Create({.dns = "", .static_hosts = {a.address, b.address, self.address}}, self.address);
  b.healthy = false;
  EXPECT_TRUE(WaitForHealthy({a.address, self.address}));
}

TEST_F(ClusterMonitorTest, BelievesFailedRequestsToo) {
  FakeHost a(server_loop_);
  Create({.dns = "", .static_hosts = {a.address, "127.0.0.1:1"}});
  loop_.RunAndWait([this] {
    monitor_->ReportFailure("127.0.0.1:1");
    monitor_->ReportFailure("127.0.0.1:1");
  });
  EXPECT_TRUE(WaitForHealthy({a.address}));
}

TEST_F(ClusterMonitorTest, WithPassiveHealthNobodyIsProbedAndWhoFailedComesBack) {
  FakeHost a(server_loop_);
  FakeHost b(server_loop_);
  a.healthy = false;
  b.healthy = false;
  passive_ = {.fails = 2, .fail_timeout = absl::Milliseconds(200)};
  Create({.dns = "", .static_hosts = {a.address, b.address}});
  loop_.RunAndWait([&] { monitor_->ReportFailure(b.address); });
  EXPECT_TRUE(WaitForHealthy({a.address, b.address}));
  loop_.RunAndWait([&] {
    monitor_->ReportFailure(b.address);
    EXPECT_EQ(monitor_->healthy(), std::vector<std::string>{a.address});
  });
  EXPECT_TRUE(WaitForHealthy({a.address, b.address}));
  EXPECT_EQ(a.asked + b.asked, 0);
}

TEST_F(ClusterMonitorTest, LooksItsMembersUp) {
  FakeHost a(server_loop_);
  const std::string port = a.address.substr(a.address.rfind(':'));
  Create({.dns = "localhost" + port, .static_hosts = {}});
  absl::MutexLock lock(&mu_);
  const auto found = [&] { return !healthy_.empty(); };
  EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&found), kLimit));
}

TEST_F(ClusterMonitorTest, RefusesAListWithoutPorts) {
  ClusterMonitorOptions options;
  options.hosts.static_hosts = {"origin1"};
  loop_.RunAndWait([&] {
    EXPECT_THAT(ClusterMonitor::Create(&loop_.loop(), options),
                StatusIs(absl::StatusCode::kInvalidArgument));
  });
}

}  // namespace
}  // namespace kraken::cluster
