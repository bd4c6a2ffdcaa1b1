#include "kraken/cluster/host_list.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/host_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/cluster_config.h"

namespace kraken::cluster {
namespace {

// Splits at the last colon, so that `[::1]:80` works.
absl::StatusOr<std::pair<std::string, std::string>> SplitHostPort(absl::string_view address) {
  const size_t colon = address.rfind(':');
  // A bracketed IPv6 address without a port has colons too, and then ends in a bracket.
  if (!IsValidHost(address) || colon == absl::string_view::npos || address.back() == ']') {
    return absl::InvalidArgumentError(absl::StrCat("host \"", address, "\" is not host:port"));
  }
  return std::make_pair(std::string(address.substr(0, colon)),
                        std::string(address.substr(colon + 1)));
}

void SortUnique(std::vector<std::string>& hosts) {
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
}

std::string JoinHostPort(absl::string_view address, absl::string_view port) {
  const bool is_ipv6 = address.find(':') != absl::string_view::npos;
  return is_ipv6 ? absl::StrCat("[", address, "]:", port) : absl::StrCat(address, ":", port);
}

}  // namespace

absl::StatusOr<HostList> HostList::Create(const config::HostListConfig& config) {
  if (config.dns.empty() == config.static_hosts.empty()) {
    return absl::InvalidArgumentError("a host list needs exactly one of dns and static");
  }
  HostList list;
  list.ttl_ = config.ttl;
  if (!config.dns.empty()) {
    KH_ASSIGN_OR_RETURN(std::tie(list.dns_name_, list.port_), SplitHostPort(config.dns));
    return list;
  }
  for (const std::string& host : config.static_hosts) {
    KH_RETURN_IF_ERROR(SplitHostPort(host).status());
  }
  list.hosts_ = config.static_hosts;
  SortUnique(list.hosts_);
  return list;
}

bool HostList::RefreshDue(MonotonicTime now) const {
  return !dns_name_.empty() && now >= next_refresh_;
}

bool HostList::OnResolved(const absl::StatusOr<std::vector<std::string>>& addresses,
                          MonotonicTime now) {
  next_refresh_ = now + ttl_;
  if (!addresses.ok() || addresses->empty()) return false;
  std::vector<std::string> hosts;
  for (const std::string& address : *addresses) hosts.push_back(JoinHostPort(address, port_));
  SortUnique(hosts);
  if (hosts == hosts_) return false;
  hosts_ = std::move(hosts);
  return true;
}

}  // namespace kraken::cluster
