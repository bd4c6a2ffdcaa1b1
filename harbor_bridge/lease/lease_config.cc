#include "harbor_bridge/lease/lease_config.h"

#include "kraken/rpc/write_epoch.h"

namespace harbor_bridge {

void ReadConfig(kraken::config::ObjectReader& r, LeaseConfig* c) {
  if (r.Required("name", &c->name) && !kraken::rpc::IsLeaseName(c->name)) {
    r.Error("name", "letters a-z, digits, '.', '_' and '-' make a name, at most 64 of them");
  }
  r.Required("redis", &c->redis);
  r.Optional("ttl", &c->ttl, {.min = absl::Seconds(1), .max = absl::Minutes(10)});
  if (r.Raw("kubernetes") != nullptr) {
    r.Error("kubernetes", "leases are kept in Redis (lease.redis) only, not in Kubernetes yet");
  }
}

}  // namespace harbor_bridge
