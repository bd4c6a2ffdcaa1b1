#include "kraken/daemon/stored_manifest.h"

#include <cstdint>
#include <memory>

#include "kraken/base/status_macros.h"
#include "kraken/registry/manifest.h"
#include "kraken/storage/blob.h"

namespace kraken::daemon {

absl::StatusOr<std::string> ReadStoredManifest(storage::BlobStore& store, const Digest& digest) {
  KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::Blob> blob, store.Find(digest));
  if (static_cast<uint64_t>(blob->size().value()) > registry::kMaxManifestBytes) {
    return absl::NotFoundError("too large for a manifest");
  }
  KH_ASSIGN_OR_RETURN(std::string bytes, store.GetSmall(digest));
  if (!registry::Manifest::Parse(bytes).ok()) return absl::NotFoundError("no manifest");
  return bytes;
}

}  // namespace kraken::daemon
