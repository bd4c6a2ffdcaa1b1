#include "kraken/backend/backend_set.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/file/file_backend.h"
#include "kraken/backend/guarded_backend.h"
#include "kraken/backend/registry/registry_blob_backend.h"
#include "kraken/backend/registry/registry_tag_backend.h"
#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/clock.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace kraken::backend {
BackendSet::BackendSet() : http_(net::HttpClientOptions()) {}

BackendSet::~BackendSet() { Shutdown(); }

absl::StatusOr<std::unique_ptr<BackendSet>> BackendSet::Create(
    const std::vector<BackendEntryConfig>& configs, BackendObserver* observer) {
  if (configs.empty()) {
    return absl::FailedPreconditionError(
        "no backend: list at least one under `backends`, for example with namespace .* and "
        "Harbor's address");
  }
  auto set = std::unique_ptr<BackendSet>(new BackendSet());
  std::vector<NamespaceRouter::Route> routes;
  for (const BackendEntryConfig& config : configs) {
    KH_RETURN_IF_ERROR(set->Add(config, observer, routes));
  }
  set->router_ = std::make_unique<NamespaceRouter>(std::move(routes));
  return set;
}

absl::Status BackendSet::Add(const BackendEntryConfig& config, BackendObserver* observer,
                             std::vector<NamespaceRouter::Route>& routes) {
  std::shared_ptr<Backend> backend;
  if (config.registry_blob.has_value()) {
    KH_ASSIGN_OR_RETURN(auto client, MakeRegistryClient(*config.registry_blob, &http_, &bits_));
    backend = std::make_shared<RegistryBlobBackend>(std::move(client));
  } else if (config.registry_tag.has_value()) {
    KH_ASSIGN_OR_RETURN(auto client, MakeRegistryClient(*config.registry_tag, &http_, &bits_));
    backend = std::make_shared<RegistryTagBackend>(std::move(client));
  } else {
    KH_ASSIGN_OR_RETURN(backend, FileBackend::Create(config.file->root_directory));
  }
  if (config.must_ready) {
    const absl::Status ready = backend->CheckReady(shutdown_);
    if (!ready.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "backend ", backend->name(), " must be ready and is not: ", ready.message()));
    }
  }
  BackendGuards guards;
  guards.max_concurrent = config.max_concurrent;
  if (config.bandwidth.enable) {
    guards.bytes_per_second = static_cast<double>(config.bandwidth.ingress_bits_per_sec) / 8;
  }
  guards.observer = observer;
  routes.push_back({.pattern = config.pattern,
                    .backend = std::make_shared<GuardedBackend>(std::move(backend), guards,
                                                                &SystemClock::Get())});
  return absl::OkStatus();
}

absl::StatusOr<Digest> BackendSet::ResolveTag(const Namespace& ns, const Tag& tag) const {
  KH_ASSIGN_OR_RETURN(Backend* const backend, router_->Find(ns));
  return backend->ResolveTag(ns, tag, shutdown_);
}

void BackendSet::Shutdown() {
  shutdown_.Cancel();
  http_.Shutdown();
}

}  // namespace kraken::backend
