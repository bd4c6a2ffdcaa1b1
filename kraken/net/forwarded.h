#ifndef KRAKEN_NET_FORWARDED_H_
#define KRAKEN_NET_FORWARDED_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/net/cidr_set.h"
#include "kraken/net/http_message.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {

// For whom a proxy asks, as it says in X-Forwarded-For, -Proto and -Host.
struct ForwardedClient {
  // Entries of X-Forwarded-For that are looked at, from the last one on.
  static constexpr size_t kMaxHops = 32;

  // Port 0 unless the proxy named one.
  SocketAddress address;
  // "http" or "https"; empty if it was not said.
  std::string scheme;
  // As a Host field has it, "harbor.example.com:8443"; empty if it was not said.
  std::string host;
};

// Reads what the proxy at `peer` says. REQUIRES: trusted.Contains(peer).
//
// Each proxy appends the address it was asked from, so the list is believed from its end as long as
// its entries are proxies that are trusted themselves: the first one that is none is the client. An
// entry that is no address ends the list, and the proxy before it counts as the client. Of scheme
// and host the last value counts, which is the one that `peer` has set; what is neither "http" nor
// "https", or no host, counts as not said.
ForwardedClient ReadForwarded(const HeaderMap& headers, const SocketAddress& peer,
                              const CidrSet& trusted);

// One entry of X-Forwarded-For: "10.0.0.1", "10.0.0.1:80", "::1", "[::1]", "[::1]:80".
absl::optional<SocketAddress> ParseForwardedAddress(absl::string_view text);

}  // namespace kraken::net

#endif  // KRAKEN_NET_FORWARDED_H_
