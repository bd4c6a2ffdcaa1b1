#include "harbor_bridge/work/image_prefetch.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/work/revision.h"
#include "kraken/base/status_macros.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {
namespace {

using kraken::Digest;
using kraken::registry::Cancellation;
using kraken::registry::Descriptor;
using kraken::registry::FetchedManifest;
using kraken::registry::Manifest;

// Gathers the digests of an image: manifests before what they name.
class BlobCollector {
 public:
  BlobCollector(kraken::registry::RegistryClient* client, const kraken::RepositoryName& repository,
                const std::vector<kraken::registry::Platform>& platforms,
                const Cancellation& cancellation)
      : client_(client),
        repository_(repository),
        platforms_(platforms),
        cancellation_(cancellation) {}

  absl::Status Add(const FetchedManifest& fetched, int depth) {
    KH_ASSIGN_OR_RETURN(const Manifest manifest, Manifest::Parse(fetched.body));
    KH_RETURN_IF_ERROR(AddDigest(fetched.digest));
    if (!manifest.is_index()) return AddReferences(manifest);
    if (depth == kMaxIndexDepth) {
      return absl::InvalidArgumentError(absl::StrCat(
          fetched.digest.ToString(), ": indexes nest more than ", kMaxIndexDepth, " deep"));
    }
    for (const Descriptor& child :
         kraken::registry::SelectPlatforms(manifest.manifests(), platforms_)) {
      if (seen_.contains(child.digest)) continue;
      KH_ASSIGN_OR_RETURN(const FetchedManifest next,
                          client_->GetManifest(repository_, child.digest, cancellation_));
      KH_RETURN_IF_ERROR(Add(next, depth + 1));
    }
    return absl::OkStatus();
  }

  const std::vector<Digest>& digests() const { return digests_; }

 private:
  absl::Status AddReferences(const Manifest& manifest) {
    for (const Descriptor& blob : manifest.References()) {
      if (kraken::registry::IsNonDistributable(blob.media_type)) continue;
      KH_RETURN_IF_ERROR(AddDigest(blob.digest));
    }
    return absl::OkStatus();
  }

  absl::Status AddDigest(const Digest& digest) {
    if (!seen_.insert(digest).second) return absl::OkStatus();
    if (digests_.size() == kMaxImageBlobs) {
      return absl::ResourceExhaustedError(
          absl::StrCat("an image of more than ", kMaxImageBlobs, " blobs"));
    }
    digests_.push_back(digest);
    return absl::OkStatus();
  }

  kraken::registry::RegistryClient* const client_;
  const kraken::RepositoryName& repository_;
  const std::vector<kraken::registry::Platform>& platforms_;
  const Cancellation& cancellation_;
  absl::flat_hash_set<Digest> seen_;
  std::vector<Digest> digests_;
};

}  // namespace

ImagePrefetch::ImagePrefetch(const Harbors* harbors, OriginPrefetcher* origins, PutTag put_tag,
                             std::vector<kraken::registry::Platform> platforms)
    : harbors_(harbors),
      origins_(origins),
      put_tag_(std::move(put_tag)),
      platforms_(std::move(platforms)) {}

absl::StatusOr<ImageFinding> ImagePrefetch::Run(const ImageWork& work,
                                                const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  return RunWith(*harbor->client, work, cancellation);
}

absl::StatusOr<ImageFinding> ImagePrefetch::RunWith(kraken::registry::RegistryClient& client,
                                                    const ImageWork& work,
                                                    const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  KH_ASSIGN_OR_RETURN(const kraken::Namespace ns, harbors_->NamespaceOf(*harbor, work.repository));
  const uint64_t revision = RevisionNow();
  absl::StatusOr<FetchedManifest> fetched =
      client.GetManifest(work.repository, *work.reference, cancellation);
  if (absl::IsNotFound(fetched.status())) {
    return ImageFinding{.exists = false, .revision = revision};
  }
  KH_RETURN_IF_ERROR(fetched.status());
  // First, so that who pulls now gets what is true now; its blobs stream while they are fetched.
  if (const kraken::Tag* tag = work.reference->tag()) {
    KH_RETURN_IF_ERROR(put_tag_(ns, *tag, fetched->digest, revision));
  }
  BlobCollector collector(&client, work.repository, platforms_, cancellation);
  KH_RETURN_IF_ERROR(collector.Add(*fetched, 0));
  KH_RETURN_IF_ERROR(origins_->PrefetchAll(ns, collector.digests(), cancellation));
  return ImageFinding{.exists = true, .revision = revision};
}

}  // namespace harbor_bridge
