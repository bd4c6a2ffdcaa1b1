#include "kraken/daemon/rpc_admin_gate.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/strip.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/url.h"

namespace kraken::daemon {
namespace {

absl::string_view MetadataOf(const grpc::ServerContextBase& context, const char* key) {
  const auto it = context.client_metadata().find(key);
  if (it == context.client_metadata().end()) return "";
  return absl::string_view(it->second.data(), it->second.size());
}

bool CameThroughProxy(const grpc::ServerContextBase& context) {
  return std::any_of(std::begin(kProxyFields), std::end(kProxyFields),
                     [&](const char* field) { return context.client_metadata().contains(field); });
}

}  // namespace

bool IsLoopbackPeer(absl::string_view peer) {
  if (!absl::ConsumePrefix(&peer, "ipv4:") && !absl::ConsumePrefix(&peer, "ipv6:")) return false;
  const absl::StatusOr<std::string> text = net::PercentDecode(peer);
  if (!text.ok()) return false;
  const absl::StatusOr<net::HostPort> host = net::SplitHostPort(*text);
  if (!host.ok()) return false;
  const absl::StatusOr<net::SocketAddress> address =
      net::SocketAddress::FromIp(host->host, host->port);
  return address.ok() && address->is_loopback();
}

absl::Status CheckCall(AdminGate& gate, const grpc::ServerContextBase& context,
                       absl::string_view call, AdminAccess access) {
  const std::string peer = context.peer();
  absl::Status status =
      gate.Check({.has_certificate = context.auth_context()->IsPeerAuthenticated(),
                  .is_on_this_host = IsLoopbackPeer(peer) && !CameThroughProxy(context),
                  .authorization = MetadataOf(context, "authorization")},
                 access);
  if (!status.ok()) gate.LogRefusal(peer, call, status);
  return status;
}

}  // namespace kraken::daemon
