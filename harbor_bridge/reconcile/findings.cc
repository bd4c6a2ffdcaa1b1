#include "harbor_bridge/reconcile/findings.h"

#include <optional>
#include <utility>

#include "kraken/base/image_name.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

// References looked after at a time.
constexpr size_t kSweepBatch = 256;
// Where Sweep() writes down what it has seen again.
constexpr char kSweepScope[] = "";

}  // namespace

void Findings::Add(const kraken::RepositoryName& repository, const kraken::Tag* tag,
                   const kraken::Digest& digest, absl::Time pushed, absl::Time floor) {
  // Nobody can pull what has no name in the cluster.
  absl::StatusOr<kraken::Namespace> ns = harbors_->NamespaceOf(*harbor_, repository);
  if (!ns.ok()) return;
  candidates_.push_back(
      {.known = {.ns = *std::move(ns),
                 .reference = tag != nullptr ? tag->ToString() : digest.ToString(),
                 .digest = digest},
       .repository = repository,
       .is_old = pushed < floor});
}

absl::Status Findings::Commit(absl::string_view scope, const ScopeState& state) {
  std::vector<KnownReference> seen;
  seen.reserve(candidates_.size());
  for (Candidate& candidate : candidates_) seen.push_back(candidate.known);
  KH_ASSIGN_OR_RETURN(const std::vector<std::optional<kraken::Digest>> known, store_->Lookup(seen));
  std::vector<ImageWork> work;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    const bool is_known = known[i].has_value() && *known[i] == candidate.known.digest;
    if (is_known || (!known[i].has_value() && candidate.is_old)) continue;
    KH_ASSIGN_OR_RETURN(kraken::Reference reference,
                        kraken::Reference::Parse(candidate.known.reference));
    work.push_back({.harbor = harbor_->name,
                    .repository = candidate.repository,
                    .reference = std::move(reference)});
  }
  candidates_.clear();
  if (!work.empty()) KH_RETURN_IF_ERROR(sink_->Enqueue(work));
  found_.fetch_add(work.size(), std::memory_order_relaxed);
  return store_->CommitPage(harbor_->name, scope, state, seen);
}

absl::Status Findings::Sweep(int64_t round, const Exists& exists) {
  std::optional<KnownReference> last;
  while (true) {
    KH_ASSIGN_OR_RETURN(const std::vector<KnownReference> unseen,
                        store_->Unseen(round, last.has_value() ? &*last : nullptr, kSweepBatch));
    if (unseen.empty()) return absl::OkStatus();
    for (const KnownReference& known : unseen) KH_RETURN_IF_ERROR(SweepOne(known, round, exists));
    last = unseen.back();
  }
}

absl::Status Findings::SweepOne(const KnownReference& known, int64_t round, const Exists& exists) {
  const auto repository = kraken::RepositoryName::Parse(known.ns.repository());
  if (!repository.ok()) return absl::OkStatus();
  const auto ns = harbors_->NamespaceOf(*harbor_, *repository);
  const bool is_ours = ns.ok() && *ns == known.ns;
  if (!is_ours) return absl::OkStatus();
  const auto tag = kraken::Tag::Parse(known.reference);
  // An image without a tag: others may name it, so that its going says nothing.
  if (!tag.ok()) return store_->Forget(known);
  const absl::StatusOr<kraken::Digest> digest = exists(*repository, *tag);
  if (absl::IsFailedPrecondition(digest.status()) || absl::IsPermissionDenied(digest.status())) {
    return absl::OkStatus();
  }
  if (absl::IsNotFound(digest.status())) {
    KH_RETURN_IF_ERROR(
        sink_->OnTagGone({.harbor = harbor_->name, .repository = *repository, .reference = *tag}));
    gone_.fetch_add(1, std::memory_order_relaxed);
    return store_->Forget(known);
  }
  KH_RETURN_IF_ERROR(digest.status());
  // It is there: it came, or moved, while the round was under way.
  Add(*repository, &*tag, *digest, absl::InfiniteFuture(), absl::InfinitePast());
  return Commit(kSweepScope, {.round = round, .ended = true});
}

}  // namespace harbor_bridge
