#ifndef KRAKEN_BACKEND_BACKEND_OBSERVER_H_
#define KRAKEN_BACKEND_BACKEND_OBSERVER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/base/strong_index.h"

namespace kraken::backend {

// Watches what backends do, for metrics. Called in worker threads: implementations are thread-safe
// and do not block.
class BackendObserver {
 public:
  enum class Operation { kStatBlob, kDownloadBlob, kResolveTag };

  virtual ~BackendObserver() = default;

  // A request to `backend` (Backend::name()) ended after `duration`, in which it also waited for
  // its turn and for bandwidth.
  virtual void OnRequest(const std::string& backend, Operation operation,
                         const absl::Status& status, absl::Duration duration) = 0;
  // Bytes of a blob came in.
  virtual void OnBytes(const std::string& backend, ByteCount bytes) = 0;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_BACKEND_OBSERVER_H_
