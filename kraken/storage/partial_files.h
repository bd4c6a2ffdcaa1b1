#ifndef KRAKEN_STORAGE_PARTIAL_FILES_H_
#define KRAKEN_STORAGE_PARTIAL_FILES_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob_impl.h"
#include "kraken/storage/store_core.h"

namespace kraken::storage {

// Resumes the partial blob on disk, or begins a new one when there is none, or one that does not
// fit. Reserves the space. Pieces claimed in another boot are read and checked here.
// REQUIRES: the digest's lock is held; no partial of it is open; it is not complete.
absl::StatusOr<std::shared_ptr<PartialBlobImpl>> OpenPartialFiles(
    const std::shared_ptr<StoreCore>& core, const Digest& digest, std::optional<ByteCount> size,
    const OpenPartialOptions& options);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PARTIAL_FILES_H_
