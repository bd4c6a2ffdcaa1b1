#include "harbor_bridge/work/image_plan.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/media_type.h"

namespace harbor_bridge {
namespace {

using kraken::Digest;
using kraken::registry::Cancellation;
using kraken::registry::Descriptor;
using kraken::registry::FetchedManifest;
using kraken::registry::Manifest;

class Planner {
 public:
  Planner(kraken::registry::RegistryClient& client, const kraken::RepositoryName& repository,
          const PrefetchAction& action, const Cancellation& cancellation)
      : client_(client), repository_(repository), action_(action), cancellation_(cancellation) {}

  absl::Status Add(const FetchedManifest& fetched, int depth) {
    KH_ASSIGN_OR_RETURN(const Manifest manifest, Manifest::Parse(fetched.body));
    KH_RETURN_IF_ERROR(
        AddBlob(fetched.digest, static_cast<int64_t>(fetched.body.size()), /*is_layer=*/false));
    manifests_.push_back(fetched.digest);
    if (!manifest.is_index()) return AddReferences(manifest);
    if (depth == kMaxIndexDepth) {
      return absl::InvalidArgumentError(absl::StrCat(
          fetched.digest.ToString(), ": indexes nest more than ", kMaxIndexDepth, " deep"));
    }
    for (const Descriptor& child :
         kraken::registry::SelectPlatforms(manifest.manifests(), action_.platforms)) {
      if (seen_.contains(child.digest)) continue;
      KH_ASSIGN_OR_RETURN(const FetchedManifest next,
                          client_.GetManifest(repository_, child.digest, cancellation_));
      KH_RETURN_IF_ERROR(Add(next, depth + 1));
    }
    return absl::OkStatus();
  }

  // What refers to the manifests so far; what refers to that is not asked for.
  absl::Status AddReferrers() {
    const std::vector<Digest> subjects = manifests_;
    for (const Digest& subject : subjects) {
      KH_ASSIGN_OR_RETURN(const std::string list,
                          client_.GetReferrers(repository_, subject, "", cancellation_));
      absl::StatusOr<Manifest> index = Manifest::Parse(list);
      if (!index.ok()) {
        return kraken::Annotate(index.status(),
                                absl::StrCat("what refers to ", subject.ToString()));
      }
      for (const Descriptor& referrer : index->manifests()) {
        if (seen_.contains(referrer.digest)) continue;
        KH_ASSIGN_OR_RETURN(const FetchedManifest fetched,
                            client_.GetManifest(repository_, referrer.digest, cancellation_));
        KH_RETURN_IF_ERROR(Add(fetched, kMaxIndexDepth - 1));
        ++plan_.referrers;
      }
    }
    return absl::OkStatus();
  }

  ImagePlan Take() { return std::move(plan_); }

 private:
  absl::Status AddReferences(const Manifest& manifest) {
    for (const Descriptor& blob : manifest.References()) {
      if (kraken::registry::IsNonDistributable(blob.media_type)) continue;
      const bool is_layer =
          !manifest.config().has_value() || blob.digest != manifest.config()->digest;
      KH_RETURN_IF_ERROR(AddBlob(blob.digest, blob.size.value(), is_layer));
    }
    return absl::OkStatus();
  }

  absl::Status AddBlob(const Digest& digest, int64_t size_bytes, bool is_layer) {
    if (!seen_.insert(digest).second) return absl::OkStatus();
    if (is_layer && action_.max_blob_bytes > 0 && size_bytes > action_.max_blob_bytes) {
      ++plan_.left_out;
      plan_.left_out_bytes += size_bytes;
      return absl::OkStatus();
    }
    if (plan_.blobs.size() == kMaxImageBlobs) {
      return absl::ResourceExhaustedError(
          absl::StrCat("an image of more than ", kMaxImageBlobs, " blobs"));
    }
    plan_.blobs.push_back({.digest = digest, .size_bytes = size_bytes});
    plan_.bytes += size_bytes;
    return absl::OkStatus();
  }

  kraken::registry::RegistryClient& client_;
  const kraken::RepositoryName& repository_;
  const PrefetchAction& action_;
  const Cancellation& cancellation_;
  absl::flat_hash_set<Digest> seen_;
  std::vector<Digest> manifests_;
  ImagePlan plan_;
};

}  // namespace

absl::StatusOr<ImagePlan> PlanImage(kraken::registry::RegistryClient& client,
                                    const kraken::RepositoryName& repository,
                                    const FetchedManifest& top, const PrefetchAction& action,
                                    const Cancellation& cancellation) {
  Planner planner(client, repository, action, cancellation);
  KH_RETURN_IF_ERROR(planner.Add(top, 0));
  if (action.referrers) KH_RETURN_IF_ERROR(planner.AddReferrers());
  return planner.Take();
}

}  // namespace harbor_bridge
