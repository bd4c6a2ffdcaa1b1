#include "harbor_bridge/work/image_invalidation.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "harbor_bridge/work/revision.h"
#include "kraken/base/status_macros.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/registry_client.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

using kraken::Digest;
using kraken::registry::Cancellation;

// Where a repository is, in both worlds.
struct ImageInvalidation::Place {
  const Harbor* harbor;
  kraken::RepositoryName repository;
  kraken::Namespace ns;
};

absl::StatusOr<ImageInvalidation::Place> ImageInvalidation::Find(const ImageWork& work) const {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  KH_ASSIGN_OR_RETURN(kraken::Namespace ns, harbors_->NamespaceOf(*harbor, work.repository));
  return Place{.harbor = harbor, .repository = work.repository, .ns = std::move(ns)};
}

absl::Status ImageInvalidation::DropImage(const ImageWork& work, uint64_t revision,
                                          const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Place place, Find(work));
  std::vector<Digest> digests;
  if (const kraken::Tag* tag = work.reference->tag()) {
    KH_ASSIGN_OR_RETURN(digests, cluster_->DropTag(place.ns, *tag, revision));
  } else {
    const Digest& digest = *work.reference->digest();
    KH_RETURN_IF_ERROR(cluster_->DropTagsOf(place.ns, digest, revision).status());
    digests = {digest};
  }
  return EvictGone(place, std::move(digests), cancellation);
}

absl::Status ImageInvalidation::CheckRepository(const ImageWork& work,
                                                const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Place place, Find(work));
  const uint64_t revision = RevisionNow();
  absl::StatusOr<std::vector<std::string>> tags =
      place.harbor->client->GetTags(place.repository, cancellation);
  if (absl::IsNotFound(tags.status())) tags = std::vector<std::string>();
  KH_RETURN_IF_ERROR(tags.status());
  KH_ASSIGN_OR_RETURN(std::vector<Digest> digests,
                      cluster_->DropAllTagsBut(place.ns, *tags, revision));
  return EvictGone(place, std::move(digests), cancellation);
}

absl::Status ImageInvalidation::EvictGone(const Place& place, std::vector<Digest> digests,
                                          const Cancellation& cancellation) const {
  std::vector<Digest> gone;
  absl::Status status = EvictAtOrigins(place, std::move(digests), &gone, cancellation);
  if (agents_ != nullptr && !gone.empty()) status.Update(agents_->Drop(gone, cancellation));
  return status;
}

absl::Status ImageInvalidation::EvictAtOrigins(const Place& place, std::vector<Digest> digests,
                                               std::vector<Digest>* gone,
                                               const Cancellation& cancellation) const {
  absl::flat_hash_set<Digest> seen;
  while (!digests.empty()) {
    const Digest digest = digests.back();
    digests.pop_back();
    if (seen.size() == kMaxEvictedManifests || !seen.insert(digest).second) continue;
    absl::Status there =
        place.harbor->client->HeadManifest(place.repository, digest, cancellation).status();
    // A policy that holds it back says that it is there.
    if (there.ok() || absl::IsFailedPrecondition(there)) continue;
    if (!absl::IsNotFound(there)) return there;
    gone->push_back(digest);
    KH_ASSIGN_OR_RETURN(const std::string body, cluster_->EvictManifest(digest));
    if (body.empty()) continue;
    kraken::telemetry::LogInfo("manifest dropped, as its Harbor deleted it",
                               {{"namespace", place.ns.ToString()}, {"digest", digest.ToString()}});
    absl::StatusOr<kraken::registry::Manifest> manifest = kraken::registry::Manifest::Parse(body);
    if (!manifest.ok()) continue;
    for (const kraken::registry::Descriptor& child : manifest->manifests()) {
      digests.push_back(child.digest);
    }
  }
  return absl::OkStatus();
}

}  // namespace harbor_bridge
