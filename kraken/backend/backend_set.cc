#include "kraken/backend/backend_set.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/file/file_backend.h"
#include "kraken/backend/guarded_backend.h"
#include "kraken/backend/registry/registry_blob_backend.h"
#include "kraken/backend/registry/registry_tag_backend.h"
#include "kraken/base/clock.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"

namespace kraken::backend {
namespace {

absl::StatusOr<std::shared_ptr<net::TlsContext>> MakeTls(const config::TlsConfig& tls,
                                                         bool with_identity) {
  net::TlsClientOptions options;
  options.server_name = tls.name;
  for (const config::FilePath& file : tls.cas) options.ca_files.push_back(file.path);
  if (with_identity) {
    options.identity = {.certificate_file = tls.client.cert.path,
                        .key_file = tls.client.key.path,
                        .key_passphrase_file = tls.client.passphrase.path};
  }
  return net::TlsContext::CreateClient(std::move(options));
}

}  // namespace

absl::StatusOr<std::shared_ptr<registry::RegistryClient>> MakeRegistryClient(
    const RegistryConfig& config, net::BlockingHttpClient* http, BitGen* bits) {
  const bool plain = config.tls.client.disabled;
  absl::StatusOr<net::Url> url =
      net::Url::Parse(absl::StrCat(plain ? "http" : "https", "://", config.address, "/"));
  if (!url.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("registry address \"", config.address, "\": ", url.status().message()));
  }
  registry::RegistryClientOptions options;
  options.registry = *std::move(url);
  options.timeout = config.timeout;
  if (!config.credentials.empty()) options.credentials = config.credentials;
  if (!plain) {
    KH_ASSIGN_OR_RETURN(options.tls, MakeTls(config.tls, /*with_identity=*/true));
    KH_ASSIGN_OR_RETURN(options.redirect_tls, MakeTls(config.tls, /*with_identity=*/false));
  }
  return std::make_shared<registry::RegistryClient>(std::move(options), http, &SystemClock::Get(),
                                                    bits);
}

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
