// What agents and origins set up alike.
#ifndef KRAKEN_DAEMON_SWARM_SETUP_H_
#define KRAKEN_DAEMON_SWARM_SETUP_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/compat_config.h"
#include "kraken/daemon/tls_settings.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/storage/blob_store.h"

namespace kraken::daemon {

// The store in `directory`, for at most so many bytes (0: all of the volume). Errors carry the exit
// code of a directory that is not writable.
absl::StatusOr<std::unique_ptr<storage::BlobStore>> OpenBlobStore(const std::string& directory,
                                                                  int64_t capacity_bytes,
                                                                  WorkerPool& disk);

// How the host is known to its peers, where it listens for them, and whom it trusts. `peer_ip`
// empty: LocalIp(). `peer_port` 0: any, and a random peer id.
absl::StatusOr<peer_wire::SwarmNodeOptions> MakeSwarmNodeOptions(const std::string& peer_ip,
                                                                 int peer_port,
                                                                 const TlsSettings& tls,
                                                                 const CompatConfig& compat);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SWARM_SETUP_H_
