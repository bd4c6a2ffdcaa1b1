#include "kraken/agent/mirror_rules.h"

#include <re2/re2.h>

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/url.h"

namespace kraken::agent {

void ReadConfig(config::ObjectReader& r, MirrorRule* c) {
  r.Required("ns", &c->ns);
  r.Optional("host", &c->host);
  if (c->host.empty()) return;
  const absl::Status status = Namespace::Create(c->host, "library/debian").status();
  if (!status.ok()) r.Error("host", status.message());
}

absl::StatusOr<std::string> MirrorRules::HostFor(absl::string_view query) const {
  if (query.empty()) return std::string();
  KH_ASSIGN_OR_RETURN(const net::QueryParams params, net::ParseQuery(query));
  const std::optional<std::string> ns = net::FindQueryParam(params, "ns");
  if (!ns.has_value()) return std::string();
  for (const MirrorRule& rule : rules_) {
    if (re2::RE2::FullMatch(*ns, *rule.ns)) return rule.host;
  }
  return absl::NotFoundError(absl::StrCat("this agent is no mirror of ", *ns,
                                          ": no rule of its section `mirrors` matches that"));
}

}  // namespace kraken::agent
