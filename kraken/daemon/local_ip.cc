#include "kraken/daemon/local_ip.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "kraken/base/status_util.h"

namespace kraken::daemon {

absl::StatusOr<std::string> LocalIp() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return ErrnoToStatus(errno, "list the network interfaces");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const char* name : {"eth0", "ib0", "eth1", "eth2"}) {
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
      if (std::strcmp(entry->ifa_name, name) != 0) continue;
      char text[INET_ADDRSTRLEN];
      const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text));
      return std::string(text);
    }
  }
  return absl::NotFoundError(
      "none of the interfaces eth0, ib0, eth1 and eth2 has an IPv4 address: say with -peer-ip how "
      "peers reach this host");
}

}  // namespace kraken::daemon
