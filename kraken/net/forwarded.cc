#include "kraken/net/forwarded.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/net/url.h"

namespace kraken::net {
namespace {

// A name of 253 bytes and a port.
constexpr size_t kMaxHostBytes = 260;

// The last element of a comma-separated list, which is cut off from it.
absl::string_view TakeLast(absl::string_view* list) {
  const size_t comma = list->rfind(',');
  const absl::string_view last = comma == absl::string_view::npos ? *list : list->substr(comma + 1);
  *list = comma == absl::string_view::npos ? absl::string_view() : list->substr(0, comma);
  return absl::StripAsciiWhitespace(last);
}

// The last element of all fields of that name.
absl::string_view LastOf(const HeaderMap& headers, absl::string_view name) {
  absl::string_view last;
  for (const HeaderMap::Field field : headers) {
    if (absl::EqualsIgnoreCase(field.name, name)) last = field.value;
  }
  return TakeLast(&last);
}

bool IsHost(absl::string_view text) {
  if (text.empty() || text.size() > kMaxHostBytes) return false;
  const absl::StatusOr<Url> url = Url::Parse(absl::StrCat("http://", text, "/"));
  // What belongs to a path or a query would have become part of the target; a fragment is dropped.
  return url.ok() && url->target == "/" && !absl::StrContains(text, '#');
}

SocketAddress ClientOf(const HeaderMap& headers, const SocketAddress& peer,
                       const CidrSet& trusted) {
  SocketAddress client = peer;
  std::vector<absl::string_view> lists = headers.GetAll("X-Forwarded-For");
  size_t hops = 0;
  for (; !lists.empty(); lists.pop_back()) {
    absl::string_view list = lists.back();
    while (!list.empty()) {
      if (hops++ == ForwardedClient::kMaxHops) return client;
      const absl::optional<SocketAddress> address = ParseForwardedAddress(TakeLast(&list));
      if (!address.has_value()) return client;
      client = *address;
      if (!trusted.Contains(client)) return client;
    }
  }
  return client;
}

}  // namespace

absl::optional<SocketAddress> ParseForwardedAddress(absl::string_view text) {
  if (absl::StatusOr<SocketAddress> bare = SocketAddress::FromIp(text, 0); bare.ok()) return *bare;
  const absl::StatusOr<HostPort> parts = SplitHostPort(text, /*default_port=*/0);
  if (!parts.ok()) return absl::nullopt;
  absl::StatusOr<SocketAddress> address = SocketAddress::FromIp(parts->host, parts->port);
  if (!address.ok()) return absl::nullopt;
  return *std::move(address);
}

ForwardedClient ReadForwarded(const HeaderMap& headers, const SocketAddress& peer,
                              const CidrSet& trusted) {
  ForwardedClient client;
  client.address = ClientOf(headers, peer, trusted);
  const std::string scheme = absl::AsciiStrToLower(LastOf(headers, "X-Forwarded-Proto"));
  if (scheme == "http" || scheme == "https") client.scheme = scheme;
  const absl::string_view host = LastOf(headers, "X-Forwarded-Host");
  if (IsHost(host)) client.host = std::string(host);
  return client;
}

}  // namespace kraken::net
