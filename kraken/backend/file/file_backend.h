#ifndef KRAKEN_BACKEND_FILE_FILE_BACKEND_H_
#define KRAKEN_BACKEND_FILE_FILE_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/backend/backend.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {

// Blobs and tags in a folder (a mounted file system), read-only: for machines without a way to a
// registry, and for tests. Two layouts, told apart by whether there is a folder docker/registry/v2:
//
//   that of docker-registry's storage, so that a copy of it can be served:
//     docker/registry/v2/blobs/sha256/ab/<hex>/data
//     docker/registry/v2/repositories/<repository>/_manifests/tags/<tag>/current/link
//   plain, with blobs as in an OCI image layout:
//     blobs/sha256/<hex>
//     tags/<repository>/<tag>
//
// A tag's file holds the digest, "sha256:<hex>", and maybe a newline. Blobs do not belong to
// repositories: whoever names a digest is served.
//
// Paths are built from digests, repository names and tags, none of which can hold "..". Symbolic
// links in the folder are followed: they are its owner's.
class FileBackend final : public Backend {
 public:
  // FAILED_PRECONDITION: `root_directory` is not a folder that can be read.
  static absl::StatusOr<std::shared_ptr<FileBackend>> Create(std::string root_directory);

  std::string name() const override { return "file " + root_; }
  absl::StatusOr<ByteCount> StatBlob(const Namespace& ns, const Digest& digest,
                                     const registry::Cancellation& cancellation) override;
  absl::Status DownloadBlob(const Namespace& ns, const Digest& digest, ByteOffset offset,
                            registry::BlobSink& sink,
                            const registry::Cancellation& cancellation) override;
  // NOT_FOUND also if the manifest is missing; DATA_LOSS if the tag's file holds no digest.
  absl::StatusOr<Digest> ResolveTag(const Namespace& ns, const Tag& tag,
                                    const registry::Cancellation& cancellation) override;
  absl::Status CheckReady(const registry::Cancellation& cancellation) override;

 private:
  enum class Layout { kRegistry, kPlain };

  FileBackend(std::string root, Layout layout);
  std::string BlobPath(const Digest& digest) const;
  std::string TagPath(const RepositoryName& repository, const Tag& tag) const;

  const std::string root_;
  const Layout layout_;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_FILE_FILE_BACKEND_H_
