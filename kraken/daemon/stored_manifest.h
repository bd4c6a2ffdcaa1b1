#ifndef KRAKEN_DAEMON_STORED_MANIFEST_H_
#define KRAKEN_DAEMON_STORED_MANIFEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/storage/blob_store.h"

namespace kraken::daemon {

// A complete manifest of the store. NOT_FOUND: it is not here, or something else is. Blocks on the
// disk.
absl::StatusOr<std::string> ReadStoredManifest(storage::BlobStore& store, const Digest& digest);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_STORED_MANIFEST_H_
