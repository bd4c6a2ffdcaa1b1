#ifndef KRAKEN_CLUSTER_CLUSTER_MONITOR_H_
#define KRAKEN_CLUSTER_CLUSTER_MONITOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/cluster/health_check.h"
#include "kraken/cluster/host_list.h"
#include "kraken/cluster/ring.h"
#include "kraken/config/cluster_config.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_client.h"
#include "kraken/net/tls_context.h"

namespace kraken::cluster {

struct ClusterMonitorOptions {
  config::HostListConfig hosts;
  config::ActiveHealthCheckConfig health;
  // Set: nobody is asked for /health, and ReportFailure() alone tells who is down, for once or
  // twice the `fail_timeout`. `health` says nothing then.
  std::optional<config::PassiveHealthCheckConfig> passive_health;
  int max_replica = config::HashRingConfig().max_replica;
  // Of the hosts' HTTP face; null: plain HTTP.
  std::shared_ptr<const net::TlsContext> tls;
  // Our own label, if we are a member: never probed, always healthy.
  std::string self;
};

// Keeps a Ring true: looks the members up, asks each GET /health every interval, and builds a new
// ring when something changed. Belongs to its loop's thread.
class ClusterMonitor {
 public:
  // Begins at once; a static list is there at once, all of it healthy. Errors as HostList::Create.
  static absl::StatusOr<std::unique_ptr<ClusterMonitor>> Create(net::EventLoop* loop,
                                                                ClusterMonitorOptions options);
  ~ClusterMonitor();
  ClusterMonitor(const ClusterMonitor&) = delete;
  ClusterMonitor& operator=(const ClusterMonitor&) = delete;

  // Never null; without members until a DNS name was looked up.
  const std::shared_ptr<const Ring>& ring() const { return ring_; }
  std::vector<std::string> healthy() const;

  // A request of somebody's to the host failed on the network: counts as a failed probe, so that a
  // dead host is known sooner than by asking, or at all.
  void ReportFailure(absl::string_view host);

  // Called after each change of the ring.
  void OnChange(std::function<void()> fn) { on_change_ = std::move(fn); }

 private:
  ClusterMonitor(net::EventLoop* loop, ClusterMonitorOptions options, HostList hosts);

  void Lookup();
  void OnMembers();
  void ProbeAll();
  void Record(const std::string& host, bool passed);
  std::vector<std::string> FindHealthy() const;
  // Of passive health: looks again when who is out of use may be back.
  void AwaitReturns();
  void Rebuild();

  net::EventLoop* const loop_;
  const ClusterMonitorOptions options_;
  HostList hosts_;
  ActiveHealthFilter filter_;
  // Null unless health is passive.
  const std::unique_ptr<PassiveHealthFilter> passive_filter_;
  net::HttpClient http_;
  std::shared_ptr<const Ring> ring_;
  std::vector<std::string> healthy_;
  std::function<void()> on_change_;
  net::TimerId lookup_timer_ = net::TimerId::kNone;
  net::TimerId probe_timer_ = net::TimerId::kNone;
  net::TimerId return_timer_ = net::TimerId::kNone;
  int probes_under_way_ = 0;
  // A look-up that outlives this object finds it gone.
  std::shared_ptr<ClusterMonitor*> alive_;
};

}  // namespace kraken::cluster

#endif  // KRAKEN_CLUSTER_CLUSTER_MONITOR_H_
