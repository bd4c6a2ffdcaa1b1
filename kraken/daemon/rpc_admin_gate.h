#ifndef KRAKEN_DAEMON_RPC_ADMIN_GATE_H_
#define KRAKEN_DAEMON_RPC_ADMIN_GATE_H_

#include <grpcpp/server_context.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/daemon/admin_gate.h"

namespace kraken::daemon {

// Whether a call may be answered, by the rules of AdminGate; a refusal is logged with the call's
// name. The password comes as metadata `authorization: Basic …`. Who is on this host needs nothing
// else where gRPC is in plain text, unless a proxy says that it asks for others (no browser speaks
// HTTP/2 in plain text, so that no page asks from here); with TLS nobody gets as far as this
// without a certificate.
absl::Status CheckCall(AdminGate& gate, const grpc::ServerContextBase& context,
                       absl::string_view call, AdminAccess access);

// Of grpc::ServerContextBase::peer(): "ipv4:127.0.0.1:1234", "ipv6:%5B::1%5D:1234".
bool IsLoopbackPeer(absl::string_view peer);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_RPC_ADMIN_GATE_H_
