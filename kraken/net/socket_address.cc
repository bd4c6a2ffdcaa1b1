#include "kraken/net/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/status_macros.h"

namespace kraken::net {
namespace {

constexpr size_t kUnixPathOffset = offsetof(sockaddr_un, sun_path);

absl::StatusOr<uint16_t> ParsePort(absl::string_view text, absl::string_view whole) {
  uint32_t port = 0;
  const bool digits =
      !text.empty() && text.size() <= 5 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !absl::SimpleAtoi(text, &port) || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("address \"", whole, "\": \"", text, "\" is not a port number"));
  }
  return static_cast<uint16_t>(port);
}

}  // namespace

SocketAddress::SocketAddress() : size_(0) { std::memset(&storage_, 0, sizeof(storage_)); }

absl::StatusOr<SocketAddress> SocketAddress::Parse(absl::string_view text) {
  if (absl::string_view path = text; absl::ConsumePrefix(&path, "unix:")) return FromUnixPath(path);
  KH_ASSIGN_OR_RETURN(const HostPort parts, SplitHostPort(text));
  return FromIp(parts.host.empty() ? "::" : parts.host, parts.port);
}

absl::StatusOr<SocketAddress> SocketAddress::FromIp(absl::string_view ip, uint16_t port) {
  SocketAddress result;
  // What C takes for the end of a text must not hide the rest of it.
  const std::string text(absl::StrContains(ip, '\0') ? absl::string_view() : ip);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage_);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    result.size_ = sizeof(sockaddr_in);
    return result;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage_);
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    result.size_ = sizeof(sockaddr_in6);
    return result;
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", ip, "\" is not a numeric IP address"));
}

absl::StatusOr<SocketAddress> SocketAddress::FromUnixPath(absl::string_view path) {
  SocketAddress result;
  auto* un = reinterpret_cast<sockaddr_un*>(&result.storage_);
  if (path.empty() || path.size() >= sizeof(un->sun_path) || absl::StrContains(path, '\0')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unix socket path \"", path, "\" must have 1 to ", sizeof(un->sun_path) - 1, " bytes"));
  }
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.data(), path.size());
  result.size_ = static_cast<socklen_t>(kUnixPathOffset + path.size() + 1);
  return result;
}

SocketAddress SocketAddress::FromSockaddr(const sockaddr* address, socklen_t length) {
  SocketAddress result;
  result.size_ = std::min<socklen_t>(length, sizeof(result.storage_));
  std::memcpy(&result.storage_, address, result.size_);
  return result;
}

SocketAddress SocketAddress::LocalOf(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return SocketAddress();
  return FromSockaddr(reinterpret_cast<sockaddr*>(&storage), size);
}

SocketAddress SocketAddress::PeerOf(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return SocketAddress();
  return FromSockaddr(reinterpret_cast<sockaddr*>(&storage), size);
}

std::string SocketAddress::ip() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
    ::inet_ntop(AF_INET, &v4->sin_addr, buffer, sizeof(buffer));
  } else if (family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      ::inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], buffer, sizeof(buffer));
    } else {
      ::inet_ntop(AF_INET6, &v6->sin6_addr, buffer, sizeof(buffer));
    }
  }
  return buffer;
}

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  }
  return 0;
}

SocketAddress SocketAddress::WithPort(uint16_t port) const {
  SocketAddress result = *this;
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&result.storage_)->sin_port = htons(port);
  if (family() == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&result.storage_)->sin6_port = htons(port);
  }
  return result;
}

std::string SocketAddress::unix_path() const {
  if (!is_unix() || size_ <= kUnixPathOffset) return "";
  const auto* un = reinterpret_cast<const sockaddr_un*>(&storage_);
  return std::string(un->sun_path, ::strnlen(un->sun_path, size_ - kUnixPathOffset));
}

std::string SocketAddress::ToString() const {
  if (is_unix()) return absl::StrCat("unix:", unix_path());
  if (!is_ip()) return "unknown";
  return JoinHostPort(ip(), port());
}

bool SocketAddress::is_loopback() const {
  if (is_unix()) return true;
  const std::string text = ip();
  return text == "::1" || absl::StartsWith(text, "127.");
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  return a.family() == b.family() && a.ip() == b.ip() && a.port() == b.port() &&
         a.unix_path() == b.unix_path();
}

absl::StatusOr<HostPort> SplitHostPort(absl::string_view text, int default_port) {
  absl::string_view host = text;
  absl::string_view port;
  bool has_port = false;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("address \"", text, "\": \"]\" is missing"));
    }
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    has_port = absl::ConsumePrefix(&port, ":");
    if (!has_port && !port.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("address \"", text, "\": no \":\" after \"]\""));
    }
  } else if (const size_t colon = text.rfind(':'); colon != absl::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
    if (absl::StrContains(host, ':')) {
      return absl::InvalidArgumentError(
          absl::StrCat("address \"", text, "\": an IPv6 address needs brackets, as in [::1]:80"));
    }
  }
  if (!has_port) {
    if (default_port < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("address \"", text, "\": a port is missing, as in host:80"));
    }
    return HostPort{std::string(host), static_cast<uint16_t>(default_port)};
  }
  KH_ASSIGN_OR_RETURN(const uint16_t number, ParsePort(port, text));
  return HostPort{std::string(host), number};
}

std::string JoinHostPort(absl::string_view host, uint16_t port) {
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

}  // namespace kraken::net
