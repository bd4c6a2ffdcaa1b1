#ifndef KRAKEN_BACKEND_BACKEND_H_
#define KRAKEN_BACKEND_BACKEND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {

// Where bytes come from when nobody in the swarm has them: a registry, a folder, an object store. A
// kind holds blobs, or tags, or both; what it does not hold is FAILED_PRECONDITION.
//
// Every method blocks, in a worker thread, until done or cancelled (CANCELLED). Implementations are
// thread-safe. Errors name the thing and the place: NOT_FOUND, UNAVAILABLE and DEADLINE_EXCEEDED
// (tried again already; may pass), UNAUTHENTICATED and PERMISSION_DENIED, FAILED_PRECONDITION (a
// policy or the configuration forbids it), DATA_LOSS (the backend contradicts itself).
class Backend {
 public:
  virtual ~Backend() = default;

  // For errors, logs and metrics: "registry_blob harbor:5000".
  virtual std::string name() const = 0;

  // The size of a blob.
  virtual absl::StatusOr<ByteCount> StatBlob(const Namespace& ns, const Digest& digest,
                                             const registry::Cancellation& cancellation);

  // Streams a blob from `offset` to its end, or at least to BlobSink::end(), in order; `sink` may
  // block. The bytes are not checked against the digest: who stores them hashes them. Errors of the
  // sink come back as they are.
  virtual absl::Status DownloadBlob(const Namespace& ns, const Digest& digest, ByteOffset offset,
                                    registry::BlobSink& sink,
                                    const registry::Cancellation& cancellation);

  // What a tag points at. Asks the backend anew each time: nothing is cached.
  virtual absl::StatusOr<Digest> ResolveTag(const Namespace& ns, const Tag& tag,
                                            const registry::Cancellation& cancellation);

  // Whether the backend can be used at all: it is there, and lets us in.
  virtual absl::Status CheckReady(const registry::Cancellation& cancellation) = 0;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_BACKEND_H_
