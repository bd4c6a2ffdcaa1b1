#include "harbor_bridge/reconcile/registry_walk.h"

#include <string>
#include <vector>

#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

bool IsLocal(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status);
}

}  // namespace

absl::Status RegistryWalk::Run(const RoundState& round) {
  round_ = round;
  problem_ = absl::OkStatus();
  std::string last;
  while (true) {
    KH_RETURN_IF_ERROR(pacer_->Next());
    KH_ASSIGN_OR_RETURN(const kraken::registry::CatalogPage page,
                        registry_->GetCatalogPage(last, kCatalogPage, cancellation_));
    for (const kraken::RepositoryName& repository : page.repositories) {
      absl::Status status = WalkRepository(repository);
      if (!status.ok() && !IsLocal(status)) return status;
      // A repository whose last tag is gone stays in the catalog: NOT_FOUND is no problem.
      if (absl::IsPermissionDenied(status)) problem_.Update(status);
    }
    if (!page.more) break;
    last = page.last;
  }
  return findings_->Sweep(round_.number,
                          [this](const kraken::RepositoryName& repository, const kraken::Tag& tag) {
                            return DigestOf(repository, tag);
                          });
}

absl::StatusOr<kraken::Digest> RegistryWalk::DigestOf(const kraken::RepositoryName& repository,
                                                      const kraken::Tag& tag) {
  KH_RETURN_IF_ERROR(pacer_->Next());
  KH_ASSIGN_OR_RETURN(const kraken::registry::ManifestInfo info,
                      registry_->HeadManifest(repository, tag, cancellation_));
  return info.digest;
}

absl::Status RegistryWalk::WalkRepository(const kraken::RepositoryName& repository) {
  const std::string& scope = repository.ToString();
  KH_ASSIGN_OR_RETURN(ScopeState state, store_->GetScope(harbor_, scope));
  if (state.round == round_.number && state.ended) return absl::OkStatus();
  KH_RETURN_IF_ERROR(pacer_->Next());
  KH_ASSIGN_OR_RETURN(const std::vector<std::string> tags,
                      registry_->GetTags(repository, cancellation_));
  const bool is_first_round = round_.full_ended == absl::InfinitePast();
  for (size_t i = 0; i < tags.size(); ++i) {
    if (i > 0 && i % kTagBatch == 0) {
      KH_RETURN_IF_ERROR(findings_->Commit(scope, {.round = round_.number}));
    }
    KH_ASSIGN_OR_RETURN(const kraken::Tag tag, kraken::Tag::Parse(tags[i]));
    const absl::StatusOr<kraken::Digest> digest = DigestOf(repository, tag);
    // Deleted since the list was made, or not for us (a policy of Harbor's).
    if (IsLocal(digest.status()) || absl::IsFailedPrecondition(digest.status())) continue;
    KH_RETURN_IF_ERROR(digest.status());
    findings_->Add(repository, &tag, *digest, absl::InfinitePast(),
                   is_first_round ? absl::InfiniteFuture() : absl::InfinitePast());
  }
  return findings_->Commit(scope, {.round = round_.number, .ended = true});
}

}  // namespace harbor_bridge
