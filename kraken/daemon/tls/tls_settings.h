#ifndef KRAKEN_DAEMON_TLS_TLS_SETTINGS_H_
#define KRAKEN_DAEMON_TLS_TLS_SETTINGS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/config/tls_config.h"
#include "kraken/daemon/tls/piece_list_keys.h"
#include "kraken/net/tls_context.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/credentials.h"
#include "kraken/swarm/piece_list_signature.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::daemon {

// What one `tls` section means for every part of a process. All null or empty: TLS is off. Each of
// them reads its files again when they change (kraken/base/files/reloadable.h).
struct TlsSettings {
  // For HTTP and the peer wire. The HTTP server takes a client's certificate but asks for none
  // (GET is open to who has none); peers must present theirs.
  std::shared_ptr<net::TlsContext> http_server;
  std::shared_ptr<net::TlsContext> peer_server;
  std::shared_ptr<net::TlsContext> client;
  // For gRPC: mutual.
  std::shared_ptr<const rpc::Certificates> rpc;
  // Origins sign with the server's key; everybody checks against the authorities.
  std::shared_ptr<PieceListSignerFiles> signer;
  std::shared_ptr<const swarm::PieceListVerifier> verifier;

  // For connections to our other processes.
  rpc::ChannelDirectoryOptions channels() const {
    rpc::ChannelDirectoryOptions options;
    options.tls = rpc;
    options.http_tls = client;
    return options;
  }
};

// FAILED_PRECONDITION (with the exit code of a bad configuration) names what is missing or wrong:
// server and client must both be on, with certificates, or both be `disabled: true`. `metrics` tell
// when the certificates end.
absl::StatusOr<TlsSettings> MakeTlsSettings(const config::TlsConfig& tls,
                                            telemetry::Metrics* metrics);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_TLS_TLS_SETTINGS_H_
