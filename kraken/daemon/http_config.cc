#include "kraken/daemon/http_config.h"

#include <string>
#include <utility>

namespace kraken::daemon {

void ReadConfig(config::ObjectReader& r, HttpConfig* c) {
  r.Optional("listen", &c->listen);
  for (const config::ListenerConfig& listener : c->listen) {
    if (listener.addr.empty()) r.Error("listen", "each needs an `addr`");
  }
  std::vector<std::string> ranges;
  r.Optional("trusted_proxies", &ranges);
  absl::StatusOr<net::CidrSet> parsed = net::CidrSet::Parse(ranges);
  if (parsed.ok()) {
    c->trusted_proxies = *std::move(parsed);
  } else {
    r.Error("trusted_proxies", parsed.status().message());
  }
}

}  // namespace kraken::daemon
