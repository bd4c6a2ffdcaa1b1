#include "harbor_bridge/work/image_prefetch.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace harbor_bridge {
namespace {

using kraken::registry::Cancellation;
using kraken::registry::FetchedManifest;

std::string DescribePlan(const ImagePlan& plan) {
  std::string text = absl::StrCat(plan.blobs.size(), " blobs, ", plan.bytes, " bytes");
  if (plan.referrers > 0) absl::StrAppend(&text, ", ", plan.referrers, " referrers among them");
  if (plan.left_out > 0) {
    absl::StrAppend(&text, "; ", plan.left_out, " layers of ", plan.left_out_bytes,
                    " bytes left out as too large");
  }
  return text;
}

}  // namespace

// What Harbor says the image is now.
struct ImagePrefetch::Image {
  const Harbor& harbor;
  const ImageWork& work;
  kraken::Digest digest;
  // The tag's revision is the time at which Harbor was asked: a later answer wins over an earlier.
  uint64_t revision = 0;
};

ImagePrefetch::ImagePrefetch(const Harbors* harbors, const Routes* routes,
                             std::vector<ClusterTarget> clusters)
    : harbors_(harbors), routes_(routes), clusters_(std::move(clusters)) {}

RouteActions ImagePrefetch::ActionsFor(const ImageWork& work, const Harbor& harbor,
                                       std::string* why) const {
  if (work.preheat) {
    RouteActions actions;
    actions.prefetch.emplace();
    actions.prefetch->platforms = work.platforms.empty() ? routes_->platforms() : work.platforms;
    actions.tag = TagAction::kSet;
    return actions;
  }
  const RouteDecision decision = routes_->Decide({.harbor = harbor.name,
                                                  .host = harbor.host,
                                                  .repository = work.repository,
                                                  .reference = work.reference});
  if (!decision.steps.empty()) {
    const RouteStep& last = decision.steps.back();
    *why = last.rule.empty() ? last.reason : absl::StrCat(last.rule, ": ", last.reason);
  }
  return decision.actions;
}

absl::StatusOr<const ClusterTarget*> ImagePrefetch::FindCluster(const std::string& name) const {
  for (const ClusterTarget& cluster : clusters_) {
    if (cluster.name == name) return &cluster;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no cluster is called \"", name, "\" (section clusters)"));
}

absl::Status ImagePrefetch::Bring(const Image& image, const ClusterTarget& cluster, bool set_tag,
                                  const ImagePlan* plan, JobBoard::Entry& board,
                                  const Cancellation& cancellation) const {
  const Harbor& harbor = image.harbor;
  absl::StatusOr<kraken::Namespace> ns =
      cluster.names_with_host
          ? kraken::Namespace::Create(harbor.host, image.work.repository.ToString())
          : harbors_->NamespaceOf(harbor, image.work.repository);
  if (!ns.ok()) return ns.status();
  // First, so that who pulls now gets what is true now; its blobs stream while they are fetched.
  if (set_tag) {
    board.SetStep("telling the build-index");
    KH_RETURN_IF_ERROR(
        cluster.put_tag(*ns, *image.work.reference.tag(), image.digest, image.revision));
  }
  if (plan == nullptr) return absl::OkStatus();
  board.SetStep("prefetching");
  board.SetDone(0, 0);
  return cluster.origins->PrefetchAll(
      *ns, plan->blobs, [&board](int64_t blobs, int64_t bytes) { board.SetDone(blobs, bytes); },
      cancellation);
}

absl::StatusOr<std::string> ImagePrefetch::Run(const ImageWork& work, JobBoard::Entry& board,
                                               const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  std::string why;
  const RouteActions actions = ActionsFor(work, *harbor, &why);
  if (actions.ignore) return absl::StrCat(kIgnoredResult, " (", why, ")");
  board.SetStep("asking Harbor");
  Image image{.harbor = *harbor,
              .work = work,
              .digest = {},
              .revision = static_cast<uint64_t>(absl::ToUnixMillis(absl::Now()))};
  KH_ASSIGN_OR_RETURN(const FetchedManifest fetched,
                      harbor->client->GetManifest(work.repository, work.reference, cancellation));
  image.digest = fetched.digest;
  const bool set_tag = actions.tag == TagAction::kSet && work.reference.is_tag();
  std::vector<std::string> done;
  // Its tag is told before the plan is made, which may take long.
  if (set_tag) {
    KH_RETURN_IF_ERROR(Bring(image, clusters_.front(), true, nullptr, board, cancellation));
    done.push_back(absl::StrCat("tag is ", fetched.digest.ToString()));
  }
  if (!actions.prefetch.has_value() && actions.replicate.empty()) return absl::StrJoin(done, "; ");

  board.SetStep("reading manifests");
  const PrefetchAction wanted = actions.prefetch.value_or(PrefetchAction());
  KH_ASSIGN_OR_RETURN(const ImagePlan plan,
                      PlanImage(*harbor->client, work.repository, fetched, wanted, cancellation));
  if (wanted.max_image_bytes > 0 && plan.bytes > wanted.max_image_bytes) {
    done.push_back(absl::StrCat("not prefetched: ", plan.bytes, " bytes are more than max_image, ",
                                kraken::FormatByteSize(wanted.max_image_bytes)));
    return absl::StrJoin(done, "; ");
  }
  board.SetTotals(static_cast<int64_t>(plan.blobs.size()), plan.bytes);
  if (actions.prefetch.has_value()) {
    KH_RETURN_IF_ERROR(Bring(image, clusters_.front(), false, &plan, board, cancellation));
    done.push_back(DescribePlan(plan));
  }
  for (const std::string& name : actions.replicate) {
    KH_ASSIGN_OR_RETURN(const ClusterTarget* cluster, FindCluster(name));
    const absl::Status brought =
        Bring(image, *cluster, work.reference.is_tag(), &plan, board, cancellation);
    if (!brought.ok()) return kraken::Annotate(brought, absl::StrCat("cluster ", name));
    done.push_back(absl::StrCat("replicated to ", name));
  }
  return absl::StrJoin(done, "; ");
}

}  // namespace harbor_bridge
