#ifndef KRAKEN_NET_CIDR_SET_H_
#define KRAKEN_NET_CIDR_SET_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {

// A set of address ranges: "10.0.0.0/8", "fd00::/8", "127.0.0.1". A value type; immutable once
// made. IPv4 is treated as IPv4 mapped into IPv6, so that it does not matter which way a peer came.
class CidrSet {
 public:
  // Contains nothing.
  CidrSet() = default;

  // INVALID_ARGUMENT, naming the text, for what is no address or range, and for a range whose
  // address has bits beyond its length (most likely a slip).
  static absl::StatusOr<CidrSet> Parse(const std::vector<std::string>& ranges);

  // A unix-domain peer is on this host and counts as 127.0.0.1.
  bool Contains(const SocketAddress& address) const;
  bool empty() const { return ranges_.empty(); }

 private:
  using Bytes = std::array<uint8_t, 16>;
  struct Range {
    Bytes address;
    int bits;
  };

  static bool ToBytes(absl::string_view ip, Bytes* bytes, bool* is_v4);
  static bool Matches(const Range& range, const Bytes& address);

  std::vector<Range> ranges_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_CIDR_SET_H_
