#include "harbor_bridge/check.h"

#include <re2/re2.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {

absl::StatusOr<std::string> CheckConfig(const BridgeConfig& config, const std::string& image) {
  std::string text;
  std::vector<Harbor> list;
  for (const HarborConfig& harbor : config.harbors) {
    absl::StrAppend(&text, "Harbor ", harbor.name, " at ", harbor.registry.address, ": ",
                    harbor.pattern->pattern(), " by plain names",
                    harbor.host.empty() ? "" : absl::StrCat(", all as ", harbor.host, "/…"), "\n");
    list.push_back({.name = harbor.name, .plain = harbor.pattern, .host = harbor.host});
  }
  if (config.lease.has_value()) {
    absl::StrAppend(&text, "works while it holds the lease \"", config.lease->name,
                    "\" in Redis at ", config.lease->redis.addr, ", and is standby else\n");
  }
  const Harbors harbors(std::move(list));
  const Routes routes(config.routes, config.platforms);
  absl::StrAppend(&text, routes.Describe());
  if (image.empty()) return text;
  KH_ASSIGN_OR_RETURN(const RouteSubject subject, FindSubject(harbors, image));
  return absl::StrCat(text, "\n", subject.FullName(), " of Harbor ", subject.harbor, ":\n",
                      routes.Decide(subject).Explain());
}

}  // namespace harbor_bridge
