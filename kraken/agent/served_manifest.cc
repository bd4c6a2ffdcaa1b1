#include "kraken/agent/served_manifest.h"

#include <utility>

#include "kraken/base/status_macros.h"
#include "kraken/registry/manifest.h"

namespace kraken::agent {

absl::StatusOr<std::shared_ptr<const ServedManifest>> ServedManifest::Parse(const Digest& digest,
                                                                            std::string body) {
  KH_ASSIGN_OR_RETURN(const registry::Manifest manifest, registry::Manifest::Parse(body));
  auto served = std::make_shared<ServedManifest>();
  served->digest = digest;
  served->media_type = std::string(manifest.media_type());
  for (const registry::Descriptor& part : manifest.References()) {
    served->references.push_back(part.digest);
  }
  served->manifests = manifest.manifests();
  served->body = std::move(body);
  return served;
}

}  // namespace kraken::agent
