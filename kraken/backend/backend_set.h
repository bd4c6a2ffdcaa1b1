#ifndef KRAKEN_BACKEND_BACKEND_SET_H_
#define KRAKEN_BACKEND_BACKEND_SET_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/backend/backend_config.h"
#include "kraken/backend/backend_observer.h"
#include "kraken/backend/namespace_router.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/tag.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace kraken::backend {

// All backends of a process, with what they share. Thread-safe.
class BackendSet {
 public:
  // FAILED_PRECONDITION: none is configured, one is configured wrongly, or one that `must_ready` is
  // not. Blocks while it asks those.
  // `observer`, if there is one, outlives the set.
  static absl::StatusOr<std::unique_ptr<BackendSet>> Create(
      const std::vector<BackendEntryConfig>& configs, BackendObserver* observer = nullptr);
  ~BackendSet();

  const NamespaceRouter& router() const { return *router_; }

  // Asks the backend of the namespace. Blocks.
  absl::StatusOr<Digest> ResolveTag(const Namespace& ns, const Tag& tag) const;

  // Ends everything under way, now and later, with CANCELLED.
  void Shutdown();

 private:
  BackendSet();
  absl::Status Add(const BackendEntryConfig& config, BackendObserver* observer,
                   std::vector<NamespaceRouter::Route>& routes);

  SystemBitGen bits_;
  registry::Cancellation shutdown_;
  net::BlockingHttpClient http_;
  std::unique_ptr<NamespaceRouter> router_;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_BACKEND_SET_H_
