#include "kraken/config/cluster_config.h"

#include "kraken/config/reader.h"

namespace kraken::config {
namespace {

constexpr absl::Duration kMinInterval = absl::Milliseconds(1);

struct Monitor {
  absl::Duration interval;
};

void ReadConfig(ObjectReader& r, Monitor* c) {
  r.Optional("interval", &c->interval, {.min = kMinInterval, .zero_is_default = true});
}

}  // namespace

void ReadConfig(ObjectReader& r, HostListConfig* c) {
  r.Optional("dns", &c->dns);
  r.Optional("static", &c->static_hosts);
  r.Optional("ttl", &c->ttl, {.min = kMinInterval, .zero_is_default = true});
  if (c->empty()) {
    r.Error("", "needs dns or static");
  } else if (!c->dns.empty() && !c->static_hosts.empty()) {
    r.Error("", "has both dns and static; one of them decides");
  }
}

void ReadConfig(ObjectReader& r, HealthFilterConfig* c) {
  r.Optional("fails", &c->fails, {.min = 1, .zero_is_default = true});
  r.Optional("passes", &c->passes, {.min = 1, .zero_is_default = true});
  r.Optional("timeout", &c->timeout, {.min = kMinInterval, .zero_is_default = true});
}

void ReadConfig(ObjectReader& r, ActiveHealthCheckConfig* c) {
  r.Optional("disabled", &c->disabled);
  r.Optional("filter", &c->filter);
  Monitor monitor{c->monitor_interval};
  r.Optional("monitor", &monitor);
  c->monitor_interval = monitor.interval;
}

void ReadConfig(ObjectReader& r, PassiveHealthCheckConfig* c) {
  r.Optional("fails", &c->fails, {.min = 1, .zero_is_default = true});
  r.Optional("fail_timeout", &c->fail_timeout, {.min = kMinInterval, .zero_is_default = true});
}

void ReadConfig(ObjectReader& r, HashRingConfig* c) {
  r.Optional("max_replica", &c->max_replica, {.min = 1, .zero_is_default = true});
  r.Optional("refresh_interval", &c->refresh_interval,
             {.min = kMinInterval, .zero_is_default = true});
  r.Optional("membership_wait_timeout", &c->membership_wait_timeout,
             {.min = kMinInterval, .zero_is_default = true});
  r.Optional("membership_wait_interval", &c->membership_wait_interval,
             {.min = kMinInterval, .zero_is_default = true});
}

void ReadConfig(ObjectReader& r, ActiveHostsConfig* c) {
  r.Required("hosts", &c->hosts);
  r.Optional("healthcheck", &c->healthcheck);
}

void ReadConfig(ObjectReader& r, PassiveHostsConfig* c) {
  r.Required("hosts", &c->hosts);
  r.Optional("healthcheck", &c->healthcheck);
}

void ReadConfig(ObjectReader& r, PassiveHashRingConfig* c) {
  r.Required("hosts", &c->hosts);
  r.Optional("healthcheck", &c->healthcheck);
  r.Optional("hashring", &c->hashring);
}

}  // namespace kraken::config
