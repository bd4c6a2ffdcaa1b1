#ifndef KRAKEN_NET_SOCKET_ADDRESS_H_
#define KRAKEN_NET_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken::net {

// An IPv4, IPv6 or unix-domain address. A value type.
class SocketAddress {
 public:
  // An empty address: family() is AF_UNSPEC.
  SocketAddress();

  // Accepts "127.0.0.1:80", "[::1]:80", ":80" (every IPv6 and IPv4 address), "unix:/path". No names
  // (Resolver does those), no ports by name. INVALID_ARGUMENT otherwise.
  static absl::StatusOr<SocketAddress> Parse(absl::string_view text);
  // `ip` is a numeric IPv4 or IPv6 address, without brackets.
  static absl::StatusOr<SocketAddress> FromIp(absl::string_view ip, uint16_t port);
  static absl::StatusOr<SocketAddress> FromUnixPath(absl::string_view path);
  static SocketAddress FromSockaddr(const sockaddr* address, socklen_t length);
  // The local or remote end of a socket; empty if there is none.
  static SocketAddress LocalOf(int fd);
  static SocketAddress PeerOf(int fd);

  // "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:" (an unnamed peer); IPv4 mapped into IPv6 is
  // shown as IPv4.
  std::string ToString() const;
  // "127.0.0.1", "::1"; empty unless is_ip().
  std::string ip() const;
  // Host byte order; 0 unless is_ip().
  uint16_t port() const;
  std::string unix_path() const;
  // The same IP address (an IPv6 one with its scope) at another port. REQUIRES: is_ip().
  SocketAddress WithPort(uint16_t port) const;

  int family() const { return storage_.ss_family; }
  bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
  bool is_unix() const { return family() == AF_UNIX; }
  // 127/8, ::1 and unix-domain.
  bool is_loopback() const;
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);

 private:
  sockaddr_storage storage_;
  socklen_t size_;
};

// Splits "host:port", "[v6]:port" or, with a default_port >= 0, a bare host. The host is returned
// without brackets and not checked further. INVALID_ARGUMENT for a bad or missing port.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
absl::StatusOr<HostPort> SplitHostPort(absl::string_view text, int default_port = -1);
// Puts brackets around an IPv6 address.
std::string JoinHostPort(absl::string_view host, uint16_t port);

}  // namespace kraken::net

#endif  // KRAKEN_NET_SOCKET_ADDRESS_H_
