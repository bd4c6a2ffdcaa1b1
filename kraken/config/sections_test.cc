// The sections that several daemons share, in Kraken's spelling.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/bandwidth_config.h"
#include "kraken/config/cluster_config.h"
#include "kraken/config/config_test_util.h"
#include "kraken/config/listener_config.h"
#include "kraken/config/logging_config.h"
#include "kraken/config/metrics_config.h"
#include "kraken/config/tls_config.h"

namespace kraken::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> last_warnings;

template <typename T>
absl::StatusOr<T> Read(absl::string_view text) {
  return ReadYaml<T>(text, &last_warnings);
}

auto IsFailure(const std::string& text) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(text));
}

TEST(TlsConfigTest, ReadsKrakensKeys) {
  ASSERT_OK_AND_ASSIGN(const TlsConfig tls, Read<TlsConfig>(R"(
name: kraken
cas: [{path: /etc/ca1}, {path: /etc/ca2}]
server: {cert: {path: /c}, key: {path: /k}, passphrase: {path: /p}}
client: {disabled: true}
)"));
  EXPECT_EQ(tls.name, "kraken");
  ASSERT_THAT(tls.cas, SizeIs(2));
  EXPECT_EQ(tls.cas[1].path, "/etc/ca2");
  EXPECT_EQ(tls.server.cert.path, "/c");
  EXPECT_EQ(tls.server.key.path, "/k");
  EXPECT_EQ(tls.server.passphrase.path, "/p");
  EXPECT_TRUE(tls.client.disabled);
  EXPECT_OK(CheckServerTls(tls));
}

TEST(TlsConfigTest, PlaintextIsADecision) {
  ASSERT_OK_AND_ASSIGN(const TlsConfig none, Read<TlsConfig>(""));
  EXPECT_THAT(CheckServerTls(none), IsFailure("tls.server: needs cert.path and key.path, or"));
  ASSERT_OK_AND_ASSIGN(const TlsConfig off, Read<TlsConfig>("server: {disabled: true}"));
  EXPECT_OK(CheckServerTls(off));
}

TEST(TlsConfigTest, HalfACertificateIsAnError) {
  EXPECT_THAT(Read<TlsConfig>("client: {cert: {path: /c}}"),
              IsFailure("f.yaml:1:9: client: cert without key"));
  EXPECT_THAT(Read<TlsConfig>("client: {key: {path: /c}}"), IsFailure("client: key without cert"));
}

TEST(ClusterConfigTest, ReadsKrakensKeys) {
  ASSERT_OK_AND_ASSIGN(const ActiveHostsConfig active, Read<ActiveHostsConfig>(R"(
hosts: {static: ["origin1:80", "origin2:80"]}
healthcheck: {disabled: false, filter: {fails: 5, passes: 1, timeout: 1s}, monitor: {interval: 2s}}
)"));
  EXPECT_THAT(active.hosts.static_hosts, ElementsAre("origin1:80", "origin2:80"));
  EXPECT_EQ(active.hosts.ttl, absl::Seconds(5));
  EXPECT_EQ(active.healthcheck.filter.fails, 5);
  EXPECT_EQ(active.healthcheck.filter.passes, 1);
  EXPECT_EQ(active.healthcheck.monitor_interval, absl::Seconds(2));

  ASSERT_OK_AND_ASSIGN(const PassiveHashRingConfig ring, Read<PassiveHashRingConfig>(R"(
hosts: {dns: "tracker:80", ttl: 10s}
healthcheck: {fails: 1, fail_timeout: 1m}
hashring: {max_replica: 2, refresh_interval: 1s}
)"));
  EXPECT_EQ(ring.hosts.dns, "tracker:80");
  EXPECT_EQ(ring.healthcheck.fail_timeout, absl::Minutes(1));
  EXPECT_EQ(ring.hashring.max_replica, 2);
  EXPECT_EQ(ring.hashring.membership_wait_interval, absl::Milliseconds(500));
}

TEST(ClusterConfigTest, ZeroMeansKrakensDefault) {
  ASSERT_OK_AND_ASSIGN(const HealthFilterConfig filter,
                       Read<HealthFilterConfig>("{fails: 0, passes: 0, timeout: 0}"));
  EXPECT_EQ(filter.fails, 3);
  EXPECT_EQ(filter.passes, 2);
  EXPECT_EQ(filter.timeout, absl::Seconds(3));
  EXPECT_THAT(Read<HealthFilterConfig>("{fails: -1}"), IsFailure("fails: must be at least 1"));
}

TEST(ClusterConfigTest, HostsAreEitherDnsOrStatic) {
  EXPECT_THAT(Read<HostListConfig>(""), IsFailure("needs dns or static"));
  EXPECT_THAT(Read<HostListConfig>("{dns: a, static: [b]}"), IsFailure("both dns and static"));
  EXPECT_THAT(Read<PassiveHostsConfig>(""), IsFailure("missing key \"hosts\""));
}

TEST(ListenerConfigTest, NetworkAndAddress) {
  ASSERT_OK_AND_ASSIGN(const ListenerConfig unix_socket,
                       Read<ListenerConfig>("{net: unix, addr: /tmp/x.sock}"));
  EXPECT_EQ(unix_socket.net, ListenerConfig::Network::kUnix);
  EXPECT_EQ(unix_socket.addr, "/tmp/x.sock");
  EXPECT_OK(Read<ListenerConfig>("{net: tcp, addr: \":5000\"}"));
  EXPECT_THAT(Read<ListenerConfig>("{addr: localhost}"), IsFailure("addr: expected \"host:port\""));
  EXPECT_THAT(Read<ListenerConfig>("{addr: \"h:70000\"}"), IsFailure("addr: expected"));
  EXPECT_THAT(Read<ListenerConfig>("{net: udp}"), IsFailure("expected one of tcp, unix"));
  EXPECT_OK(Read<ListenerConfig>("{addr: \"[::1]:13000\"}"));
}

TEST(ListenerConfigTest, ModeOfASocketsFile) {
  for (const char* text : {"\"0660\"", "0660", "660"}) {
    ASSERT_OK_AND_ASSIGN(
        const ListenerConfig socket,
        Read<ListenerConfig>(absl::StrCat("{net: unix, addr: /s, mode: ", text, "}")));
    EXPECT_EQ(socket.mode, 0660) << text;
  }
  for (const char* text : {"0888", "rw", "\"\"", "01777", "00660", "-1"}) {
    EXPECT_THAT(Read<ListenerConfig>(absl::StrCat("{net: unix, addr: /s, mode: ", text, "}")),
                IsFailure("mode: expected octal permissions"))
        << text;
  }
  EXPECT_THAT(Read<ListenerConfig>("{addr: \":1\", mode: 0660}"), IsFailure("net: unix"));
}

TEST(LoggingConfigTest, KrakensBaseIsReadWithOneWarningPerUnneededKey) {
  ASSERT_OK_AND_ASSIGN(const LoggingConfig logging, Read<LoggingConfig>(R"(
level: debug
development: false
disableStacktrace: true
encoding: json
encoderConfig: {messageKey: message, timeEncoder: iso8601}
outputPaths: [stdout, /var/log/kraken/kraken-agent/stdout.log]
)"));
  EXPECT_EQ(logging.level, LoggingConfig::Level::kDebug);
  EXPECT_EQ(logging.encoding, LoggingConfig::Encoding::kJson);
  EXPECT_THAT(last_warnings, SizeIs(4));
}

TEST(LoggingConfigTest, AccessLog) {
  EXPECT_FALSE(Read<LoggingConfig>("")->has_access_log());
  EXPECT_FALSE(Read<LoggingConfig>("access_log: off")->has_access_log());
  EXPECT_TRUE(Read<LoggingConfig>("access_log: stderr")->access_log_is_stderr());
  EXPECT_EQ(Read<LoggingConfig>("access_log: /a/b")->access_log, "/a/b");
  for (const char* bad : {"a/b", "stdout", "\"\"", "true"}) {
    EXPECT_THAT(Read<LoggingConfig>(absl::StrCat("access_log: ", bad)),
                IsFailure("access_log: expected off, stderr"))
        << bad;
  }
}

TEST(MetricsConfigTest, KrakensBackendsWarn) {
  EXPECT_OK(Read<MetricsConfig>("{backend: statsd, statsd: {host_port: \"h:1\", prefix: x}}"));
  EXPECT_THAT(last_warnings, SizeIs(2));
  EXPECT_OK(Read<MetricsConfig>(""));
  EXPECT_THAT(last_warnings, IsEmpty());
}

TEST(BandwidthConfigTest, ReadsBitsAndKeepsKrakensDefaults) {
  ASSERT_OK_AND_ASSIGN(const BandwidthConfig bandwidth,
                       Read<BandwidthConfig>("{enable: true, egress_bits_per_sec: 8000}"));
  EXPECT_TRUE(bandwidth.enable);
  EXPECT_EQ(bandwidth.egress_bits_per_sec, 8000);
  EXPECT_EQ(bandwidth.ingress_bits_per_sec, 2516582400);
  EXPECT_EQ(bandwidth.token_size_bits, 8388608);
  EXPECT_EQ(BandwidthConfig().egress_bits_per_sec, 1677721600);
  EXPECT_THAT(Read<BandwidthConfig>("{token_size: -1}"), IsFailure("must be at least 1"));
}

}  // namespace
}  // namespace kraken::config
