#include "kraken/backend/registry/registry_tag_backend.h"

#include "kraken/base/status_macros.h"

namespace kraken::backend {

absl::StatusOr<Digest> RegistryTagBackend::ResolveTag(const Namespace& ns, const Tag& tag,
                                                      const registry::Cancellation& cancellation) {
  KH_ASSIGN_OR_RETURN(const RepositoryName repository, ns.ToRepositoryName());
  KH_ASSIGN_OR_RETURN(const registry::ManifestInfo manifest,
                      client_->HeadManifest(repository, tag, cancellation));
  return manifest.digest;
}

absl::Status RegistryTagBackend::CheckReady(const registry::Cancellation& cancellation) {
  return client_->Ping(cancellation);
}

}  // namespace kraken::backend
