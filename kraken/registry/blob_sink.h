#ifndef KRAKEN_REGISTRY_BLOB_SINK_H_
#define KRAKEN_REGISTRY_BLOB_SINK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/strong_index.h"

namespace kraken::registry {

// Takes a blob's bytes in order, in the thread that fetches them. It may block: the sender is then
// held back. An error ends the transfer, is never retried, and is what the fetch returns.
class BlobSink {
 public:
  virtual ~BlobSink() = default;

  // Where the sink's wish ends: it needs nothing of the blob from there on. To the blob's end
  // unless it says otherwise. A sender need not know of this, so the sink may be given more. Does
  // not change from Begin() on.
  virtual absl::optional<ByteOffset> end() const { return absl::nullopt; }

  // Once, before the first Write(): the size of the whole blob, as far as the sender says it.
  virtual absl::Status Begin(absl::optional<ByteCount> blob_size) = 0;
  // The next bytes; never empty. Valid during the call only.
  virtual absl::Status Write(absl::string_view data) = 0;
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_BLOB_SINK_H_
