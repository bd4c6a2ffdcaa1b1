#include "kraken/peer_wire/swarm_node.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/listen_socket.h"
#include "kraken/peer_wire/swarm_node_impl.h"

namespace kraken::peer_wire {
namespace {

absl::Status CheckOptions(const SwarmNodeOptions& options) {
  if (options.control == nullptr || options.io == nullptr || options.store == nullptr ||
      options.disk == nullptr || options.announcer == nullptr) {
    return absl::InvalidArgumentError("swarm node: a part is missing");
  }
  if ((options.security.server == nullptr) != (options.security.client == nullptr)) {
    return absl::InvalidArgumentError("swarm node: TLS wants a server and a client context");
  }
  if (options.self.id == PeerId()) {
    return absl::InvalidArgumentError("swarm node: no peer id");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SwarmNode>> SwarmNode::Create(SwarmNodeOptions options) {
  KH_RETURN_IF_ERROR(CheckOptions(options));
  auto socket = net::ListenSocket::Listen(options.listen_address);
  if (!socket.ok()) return Annotate(socket.status(), "peer port");
  if (options.self.port == 0) options.self.port = socket->address().port();
  options.self.tls = options.security.server != nullptr;
  options.self.version = swarm::WireVersion::kHarbor;
  std::unique_ptr<SwarmNode> node =
      std::make_unique<SwarmNodeImpl>(std::move(options), *std::move(socket));
  return node;
}

}  // namespace kraken::peer_wire
