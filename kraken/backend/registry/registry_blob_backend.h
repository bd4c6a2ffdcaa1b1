#ifndef KRAKEN_BACKEND_REGISTRY_REGISTRY_BLOB_BACKEND_H_
#define KRAKEN_BACKEND_REGISTRY_REGISTRY_BLOB_BACKEND_H_

#include <memory>
#include <string>

#include "kraken/backend/backend.h"
#include "kraken/registry/registry_client.h"

namespace kraken::backend {

// Blobs of a registry. A manifest is a blob too, but registries serve it at another endpoint: what
// is not found among the blobs is looked for among the manifests.
class RegistryBlobBackend final : public Backend {
 public:
  explicit RegistryBlobBackend(std::shared_ptr<registry::RegistryClient> client)
      : client_(std::move(client)) {}

  std::string name() const override { return "registry_blob " + client_->host(); }
  absl::StatusOr<ByteCount> StatBlob(const Namespace& ns, const Digest& digest,
                                     const registry::Cancellation& cancellation) override;
  absl::Status DownloadBlob(const Namespace& ns, const Digest& digest, ByteOffset offset,
                            registry::BlobSink& sink,
                            const registry::Cancellation& cancellation) override;
  absl::Status CheckReady(const registry::Cancellation& cancellation) override;

 private:
  const std::shared_ptr<registry::RegistryClient> client_;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_REGISTRY_REGISTRY_BLOB_BACKEND_H_
