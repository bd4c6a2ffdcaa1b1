#include "kraken/cluster/cluster_monitor.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/status_macros.h"
#include "kraken/cluster/health_check.h"
#include "kraken/cluster/host_list.h"
#include "kraken/cluster/ring.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_client.h"
#include "kraken/net/resolver.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/url.h"

namespace kraken::cluster {
namespace {

// A name that can't be looked up is tried again after this.
constexpr absl::Duration kMinLookupInterval = absl::Seconds(1);
constexpr uint64_t kMaxHealthBytes = 64 << 10;

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterMonitor>> ClusterMonitor::Create(
    net::EventLoop* loop, ClusterMonitorOptions options) {
  KH_ASSIGN_OR_RETURN(HostList hosts, HostList::Create(options.hosts));
  return std::unique_ptr<ClusterMonitor>(
      new ClusterMonitor(loop, std::move(options), std::move(hosts)));
}

ClusterMonitor::ClusterMonitor(net::EventLoop* loop, ClusterMonitorOptions options, HostList hosts)
    : loop_(loop),
      options_(std::move(options)),
      hosts_(std::move(hosts)),
      filter_(options_.health),
      passive_filter_(options_.passive_health.has_value()
                          ? std::make_unique<PassiveHealthFilter>(*options_.passive_health)
                          : nullptr),
      http_(loop,
            [this] {
              net::HttpClientOptions http;
              http.tls = options_.tls;
              return http;
            }()),
      alive_(std::make_shared<ClusterMonitor*>(this)) {
  OnMembers();
  Rebuild();
  Lookup();
  if (!options_.health.disabled && passive_filter_ == nullptr) {
    probe_timer_ = loop_->RunAfter(options_.health.monitor_interval, [this] { ProbeAll(); });
  }
}

ClusterMonitor::~ClusterMonitor() {
  *alive_ = nullptr;
  loop_->CancelTimer(lookup_timer_);
  loop_->CancelTimer(probe_timer_);
  loop_->CancelTimer(return_timer_);
}

std::vector<std::string> ClusterMonitor::healthy() const { return healthy_; }

void ClusterMonitor::Lookup() {
  if (hosts_.dns_name().empty()) return;
  net::Resolver::Default().Resolve(
      hosts_.dns_name(), 0, loop_->handle(),
      [alive = alive_](absl::StatusOr<std::vector<net::SocketAddress>> found) {
        ClusterMonitor* self = *alive;
        if (self == nullptr) return;
        absl::StatusOr<std::vector<std::string>> addresses = found.status();
        if (found.ok()) {
          addresses = std::vector<std::string>();
          for (const net::SocketAddress& address : *found) addresses->push_back(address.ip());
        }
        if (self->hosts_.OnResolved(addresses, net::EventLoop::MonotonicNow())) {
          self->OnMembers();
          self->Rebuild();
        }
        const absl::Duration again = std::max(kMinLookupInterval, self->options_.hosts.ttl);
        self->lookup_timer_ = self->loop_->RunAfter(again, [self] { self->Lookup(); });
      });
}

void ClusterMonitor::OnMembers() { filter_.SetMembers(hosts_.hosts()); }

void ClusterMonitor::ProbeAll() {
  const absl::string_view scheme = options_.tls == nullptr ? "http" : "https";
  for (const std::string& host : hosts_.hosts()) {
    if (host == options_.self) continue;
    absl::StatusOr<net::Url> url = net::Url::Parse(absl::StrCat(scheme, "://", host, "/health"));
    if (!url.ok()) {
      Record(host, false);
      continue;
    }
    net::HttpClientRequest request;
    request.url = *std::move(url);
    request.timeouts.connect = options_.health.filter.timeout;
    request.timeouts.total = options_.health.filter.timeout;
    request.max_body_bytes = kMaxHealthBytes;
    ++probes_under_way_;
    http_.Fetch(std::move(request), [this, host](absl::StatusOr<net::HttpResponse> response) {
      --probes_under_way_;
      Record(host, response.ok() && response->status == 200);
      if (probes_under_way_ == 0) {
        probe_timer_ = loop_->RunAfter(options_.health.monitor_interval, [this] { ProbeAll(); });
      }
    });
  }
  if (probes_under_way_ == 0) {
    probe_timer_ = loop_->RunAfter(options_.health.monitor_interval, [this] { ProbeAll(); });
  }
}

void ClusterMonitor::ReportFailure(absl::string_view host) {
  if (passive_filter_ == nullptr) {
    if (!options_.health.disabled) Record(std::string(host), false);
    return;
  }
  passive_filter_->RecordFailure(host, net::EventLoop::MonotonicNow());
  Rebuild();
  AwaitReturns();
}

void ClusterMonitor::AwaitReturns() {
  if (return_timer_ != net::TimerId::kNone || healthy_.size() == hosts_.hosts().size()) return;
  return_timer_ = loop_->RunAfter(options_.passive_health->fail_timeout, [this] {
    return_timer_ = net::TimerId::kNone;
    Rebuild();
    AwaitReturns();
  });
}

void ClusterMonitor::Record(const std::string& host, bool passed) {
  if (host == options_.self) return;
  filter_.Record(host, passed);
  Rebuild();
}

std::vector<std::string> ClusterMonitor::FindHealthy() const {
  if (passive_filter_ != nullptr) {
    return passive_filter_->Healthy(hosts_.hosts(), net::EventLoop::MonotonicNow());
  }
  return options_.health.disabled ? hosts_.hosts() : filter_.Healthy();
}

void ClusterMonitor::Rebuild() {
  std::vector<std::string> healthy = FindHealthy();
  if (ring_ != nullptr && healthy == healthy_ && ring_->members() == hosts_.hosts()) return;
  healthy_ = std::move(healthy);
  ring_ = std::make_shared<const Ring>(hosts_.hosts(), healthy_, options_.max_replica);
  if (on_change_) on_change_();
}

}  // namespace kraken::cluster
