#ifndef KRAKEN_BACKEND_REGISTRY_REGISTRY_TAG_BACKEND_H_
#define KRAKEN_BACKEND_REGISTRY_REGISTRY_TAG_BACKEND_H_

#include <memory>
#include <string>

#include "kraken/backend/backend.h"
#include "kraken/registry/registry_client.h"

namespace kraken::backend {

// Tags of a registry. From Harbor 2.15 on the registry behind Harbor has none: then this must be
// Harbor's own address.
class RegistryTagBackend final : public Backend {
 public:
  explicit RegistryTagBackend(std::shared_ptr<registry::RegistryClient> client)
      : client_(std::move(client)) {}

  std::string name() const override { return "registry_tag " + client_->host(); }
  absl::StatusOr<Digest> ResolveTag(const Namespace& ns, const Tag& tag,
                                    const registry::Cancellation& cancellation) override;
  absl::Status CheckReady(const registry::Cancellation& cancellation) override;

 private:
  const std::shared_ptr<registry::RegistryClient> client_;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_REGISTRY_REGISTRY_TAG_BACKEND_H_
