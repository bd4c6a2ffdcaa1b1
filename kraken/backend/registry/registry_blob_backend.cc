#include "kraken/backend/registry/registry_blob_backend.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/strong_index.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace kraken::backend {
namespace {

// Knows whether the blob has begun: then there is no way back to another endpoint.
class BeginWatcher : public registry::BlobSink {
 public:
  explicit BeginWatcher(registry::BlobSink& sink) : sink_(sink) {}

  absl::optional<ByteOffset> end() const override { return sink_.end(); }
  absl::Status Begin(absl::optional<ByteCount> blob_size) override {
    begun_ = true;
    return sink_.Begin(blob_size);
  }
  absl::Status Write(absl::string_view data) override { return sink_.Write(data); }
  bool begun() const { return begun_; }

 private:
  registry::BlobSink& sink_;
  bool begun_ = false;
};

// Streams a manifest that is in memory.
absl::Status Feed(const registry::FetchedManifest& manifest, ByteOffset offset,
                  registry::BlobSink& sink) {
  const auto size = static_cast<int64_t>(manifest.body.size());
  if (offset.value() > size) {
    return absl::OutOfRangeError(absl::StrCat("manifest ", manifest.digest.ToString(), " has ",
                                              size, " bytes, asked for from ", offset.value()));
  }
  KH_RETURN_IF_ERROR(sink.Begin(ByteCount(size)));
  const absl::string_view rest =
      absl::string_view(manifest.body).substr(static_cast<size_t>(offset.value()));
  return rest.empty() ? absl::OkStatus() : sink.Write(rest);
}

}  // namespace

absl::StatusOr<ByteCount> RegistryBlobBackend::StatBlob(
    const Namespace& ns, const Digest& digest, const registry::Cancellation& cancellation) {
  KH_ASSIGN_OR_RETURN(const RepositoryName repository, ns.ToRepositoryName());
  absl::StatusOr<ByteCount> size = client_->HeadBlob(repository, digest, cancellation);
  if (!absl::IsNotFound(size.status())) return size;
  const absl::StatusOr<registry::ManifestInfo> manifest =
      client_->HeadManifest(repository, digest, cancellation);
  // Neither: the name it was asked for by says more.
  if (absl::IsNotFound(manifest.status())) return size;
  KH_RETURN_IF_ERROR(manifest.status());
  return manifest->size;
}

absl::Status RegistryBlobBackend::DownloadBlob(const Namespace& ns, const Digest& digest,
                                               ByteOffset offset, registry::BlobSink& sink,
                                               const registry::Cancellation& cancellation) {
  KH_ASSIGN_OR_RETURN(const RepositoryName repository, ns.ToRepositoryName());
  BeginWatcher watcher(sink);
  absl::Status status = client_->GetBlob(repository, digest, offset, watcher, cancellation);
  if (!absl::IsNotFound(status) || watcher.begun()) return status;
  const absl::StatusOr<registry::FetchedManifest> manifest =
      client_->GetManifest(repository, digest, cancellation);
  if (absl::IsNotFound(manifest.status())) return status;
  KH_RETURN_IF_ERROR(manifest.status());
  return Feed(*manifest, offset, sink);
}

absl::Status RegistryBlobBackend::CheckReady(const registry::Cancellation& cancellation) {
  return client_->Ping(cancellation);
}

}  // namespace kraken::backend
