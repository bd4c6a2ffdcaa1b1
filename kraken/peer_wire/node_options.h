#ifndef KRAKEN_PEER_WIRE_NODE_OPTIONS_H_
#define KRAKEN_PEER_WIRE_NODE_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/base/peer_id.h"
#include "kraken/net/cidr_set.h"
#include "kraken/swarm/config.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_info.h"

namespace kraken {
class WorkerPool;
namespace net {
class EventLoop;
class LoopPool;
class TlsContext;
struct TlsPeerCertificate;
}  // namespace net
namespace storage {
class BlobStore;
}
namespace swarm {
class Announcer;
class PieceListVerifier;
}  // namespace swarm
}  // namespace kraken

namespace kraken::peer_wire {

struct WireLimits {
  // Connections to peers, of both directions together.
  int max_connections = 2'000;
  // Of them, accepted and not yet introduced.
  int max_pending_incoming = 256;
  // From dial, or accept, to the peer's hello, TLS included.
  absl::Duration handshake_timeout = absl::Seconds(5);
  // A peer that has sent nothing for so long is sent a ping; and closed after another such time.
  absl::Duration ping_interval = absl::Seconds(20);
  // A connection that carries no torrent is closed after so long.
  absl::Duration idle_timeout = absl::Minutes(2);
};

// Says whether the holder of a verified certificate may call himself by this peer id. Any thread.
using PeerAuthorizer =
    std::function<absl::Status(const net::TlsPeerCertificate& certificate, const PeerId& peer)>;

struct TransportSecurity {
  // Both or neither. With them our own dials use TLS if the peer's entry says `tls`.
  std::shared_ptr<const net::TlsContext> server;
  std::shared_ptr<const net::TlsContext> client;
  // Peers may connect without TLS, and may be dialled so. Ignored (true) without contexts.
  bool allow_plaintext = false;
  // Peers at these addresses may speak Kraken's version 1, and are dialled if they do: without TLS,
  // and without proof of who they are. What they send is checked as anybody's. Empty: nobody.
  net::CidrSet kraken_v1;
  // Optional.
  PeerAuthorizer authorizer;

  bool takes_plaintext() const { return server == nullptr || allow_plaintext; }
};

// Damage done on purpose, to prove that it is found. Never set from a config file.
struct WireFaults {
  // The n-th piece that this host uploads (from 1) is sent with a flipped byte; 0: none.
  uint64_t corrupt_upload = 0;
};

struct SwarmNodeOptions {
  // The loop of all decisions, and those that carry bytes. Both outlive the node and run until it
  // is destroyed.
  net::EventLoop* control = nullptr;
  net::LoopPool* io = nullptr;
  storage::BlobStore* store = nullptr;
  // For what blocks on the disk, and for checking signatures.
  WorkerPool* disk = nullptr;
  // Outlives the node; called on the control loop.
  swarm::Announcer* announcer = nullptr;

  swarm::SwarmConfig swarm;
  // As the tracker shall know it. A `port` of 0 is replaced by the one listened on, `tls` is set if
  // there are contexts, `version` is kHarbor.
  swarm::PeerInfo self;
  // As net::ListenSocket takes it: "10.0.0.7:16001", ":16001", "127.0.0.1:0".
  std::string listen_address;
  TransportSecurity security;
  WireLimits limits;
  // Null: piece lists carry no signatures and are believed (TLS is off).
  std::shared_ptr<const swarm::PieceListVerifier> verifier;
  // Called on the control loop when a peer wants a torrent of which the store has nothing; the peer
  // has been refused and will come again. An origin may start to fetch the blob.
  std::function<void(const swarm::TorrentKey&)> on_missing;
  // Of the engine's dice; 0: from the system.
  uint64_t random_seed = 0;
  WireFaults faults;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_NODE_OPTIONS_H_
