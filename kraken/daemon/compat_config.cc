#include "kraken/daemon/compat_config.h"

#include <string>
#include <utility>
#include <vector>

namespace kraken::daemon {

void ReadConfig(config::ObjectReader& r, CompatConfig* c) {
  r.Optional("kraken", &c->kraken);
  std::vector<std::string> ranges;
  r.Optional("allowed_cidrs", &ranges);
  absl::StatusOr<net::CidrSet> parsed = net::CidrSet::Parse(ranges);
  if (!parsed.ok()) {
    r.Error("allowed_cidrs", parsed.status().message());
  } else if (c->kraken && parsed->empty()) {
    r.Error("allowed_cidrs",
            "says where Kraken's processes are, as compat.kraken lets in who proves nothing; "
            "0.0.0.0/0 is everywhere");
  } else if (c->kraken) {
    c->allowed_cidrs = *std::move(parsed);
  }
}

}  // namespace kraken::daemon
