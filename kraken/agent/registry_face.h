#ifndef KRAKEN_AGENT_REGISTRY_FACE_H_
#define KRAKEN_AGENT_REGISTRY_FACE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/agent/agent_config.h"
#include "kraken/agent/downloads.h"
#include "kraken/agent/look_ahead.h"
#include "kraken/agent/mirror_rules.h"
#include "kraken/agent/pull_access.h"
#include "kraken/agent/served_manifest.h"
#include "kraken/agent/tag_lookup.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/router.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/registry/registry_paths.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/storage/blob_store.h"

namespace kraken::agent {

// The agent as a read-only OCI registry: what container runtimes pull from. Blobs stream while the
// swarm still brings them.
//
// Thread safety: Handle() is called in any of `loops`, which run HTTP; decisions are made on the
// control loop, and a blob that is complete never visits it.
class RegistryFace {
 public:
  struct Parts {
    net::EventLoop* control = nullptr;
    std::vector<net::EventLoop*> loops;
    Downloads* downloads = nullptr;
    peer_wire::SwarmNode* node = nullptr;
    storage::BlobStore* store = nullptr;
    WorkerPool* disk = nullptr;
    rpc::BuildIndexClient* build_index = nullptr;
    // Null: whoever reaches the agent may pull.
    PullAccess* access = nullptr;
    LookAhead* look_ahead = nullptr;
  };

  // Everything in `parts` outlives it.
  RegistryFace(const Parts& parts, const DownloadConfig& config, MirrorRules mirrors);

  void Handle(std::shared_ptr<net::HttpExchange> exchange);

  // Serves a blob for the generic endpoint too.
  void ServeBlob(std::shared_ptr<net::HttpExchange> exchange, const Namespace& ns,
                 const Digest& digest);

 private:
  using Exchange = std::shared_ptr<net::HttpExchange>;

  void Authorize(Exchange exchange, const access::Pull& pull, registry::ResourceKind kind,
                 PullAccess::Serve serve);
  void ServeList(Exchange exchange, const Namespace& ns, const registry::RegistryRequest& request);
  void ServeManifest(Exchange exchange, const Namespace& ns,
                     const registry::RegistryRequest& request);
  void ServeManifestByDigest(Exchange exchange, const Namespace& ns, const Digest& digest);
  void ReadManifest(Exchange exchange, const Namespace& ns, const Digest& digest);
  void SendManifest(Exchange exchange, const Namespace& ns,
                    std::shared_ptr<peer_wire::BlobReader> reader);
  void RespondManifest(Exchange exchange, const Namespace& ns,
                       const std::shared_ptr<const ServedManifest>& manifest);
  void ServeComplete(Exchange exchange, std::shared_ptr<const storage::Blob> blob);
  // `deadline`: by when the client must have been told something.
  void OpenAndStream(Exchange exchange, const Digest& digest, MonotonicTime deadline);
  net::EventLoop* CurrentLoop() const;

  const Parts parts_;
  const DownloadConfig config_;
  const MirrorRules mirrors_;
  TagLookup tags_;
  ManifestCache manifests_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_REGISTRY_FACE_H_
