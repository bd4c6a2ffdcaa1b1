#ifndef KRAKEN_STORAGE_STORE_LOADER_H_
#define KRAKEN_STORAGE_STORE_LOADER_H_

#include <memory>

#include "kraken/storage/store_core.h"

namespace kraken::storage {

// Counts, on the worker pool, what an earlier process left in the store: empties the trash, enters
// partial and complete blobs with sizes and ages into the books, evicts if need be, then
// calls SetLoaded. One task per 1/256 of the blobs, so that other work gets its turn.
void StartLoading(const std::shared_ptr<StoreCore>& core);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_STORE_LOADER_H_
