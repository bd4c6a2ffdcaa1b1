#include "harbor_bridge/work/image_prefetch.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "harbor_bridge/work/revision.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace harbor_bridge {
namespace {

using kraken::registry::Cancellation;
using kraken::registry::FetchedManifest;

// How often, and after what pauses, Harbor is asked for a tag that is not yet, or no longer, what a
// push is told to have made of it.
constexpr int kLooksForTold = 4;
constexpr absl::Duration kLookPause = absl::Milliseconds(100);

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
    actions.preheat = work.agents;
    actions.tag = TagAction::kSet;
    return actions;
  }
  const RouteDecision decision = routes_->Decide({.harbor = harbor.name,
                                                  .host = harbor.host,
                                                  .repository = work.repository,
                                                  .reference = *work.reference});
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

absl::StatusOr<kraken::Namespace> ImagePrefetch::NamespaceAt(const ClusterTarget& cluster,
                                                             const Image& image) const {
  if (!cluster.names_with_host) return harbors_->NamespaceOf(image.harbor, image.work.repository);
  if (image.harbor.host.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cluster ", cluster.name, " knows images with their Harbor's host, and Harbor ",
        image.harbor.name, " has none (harbors[].host)"));
  }
  return kraken::Namespace::Create(image.harbor.host, image.work.repository.ToString());
}

absl::Status ImagePrefetch::TellTag(const Image& image, const ClusterTarget& cluster,
                                    TagAction action, JobBoard::Entry& board) const {
  const kraken::Tag* tag = image.work.reference->tag();
  if (tag == nullptr || action == TagAction::kKeep) return absl::OkStatus();
  board.SetStep("telling the build-index");
  KH_ASSIGN_OR_RETURN(const kraken::Namespace ns, NamespaceAt(cluster, image));
  return action == TagAction::kSet ? cluster.put_tag(ns, *tag, image.digest, image.revision)
                                   : cluster.drop_tag(ns, *tag, image.revision);
}

absl::Status ImagePrefetch::Bring(const Image& image, const ClusterTarget& cluster,
                                  const ImagePlan& plan, JobBoard::Entry& board,
                                  const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const kraken::Namespace ns, NamespaceAt(cluster, image));
  board.SetStep("prefetching");
  board.SetDone(0, 0);
  return cluster.origins->PrefetchAll(
      ns, plan.blobs, [&board](int64_t blobs, int64_t bytes) { board.SetDone(blobs, bytes); },
      cancellation);
}

absl::StatusOr<std::string> ImagePrefetch::Preheat(const Image& image, const ClusterTarget& cluster,
                                                   const ImagePlan& plan,
                                                   const AgentSelector& agents,
                                                   JobBoard::Entry& board,
                                                   const Cancellation& cancellation) const {
  const std::string which = agents.ToString();
  if (cluster.agents == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "agents (", which, ") are reached through trackers: name them (tracker.hosts)"));
  }
  KH_ASSIGN_OR_RETURN(const kraken::Namespace ns, NamespaceAt(cluster, image));
  board.SetStep("preheating agents");
  const auto on_progress = [&board, &plan](const AgentsProgress& progress) {
    board.SetTotals(progress.asked * static_cast<int64_t>(plan.blobs.size()),
                    progress.asked * plan.bytes);
    board.SetDone(progress.blobs, progress.bytes);
    board.SetAgents(progress.done, progress.asked);
  };
  KH_ASSIGN_OR_RETURN(const int64_t count,
                      cluster.agents->Fetch(ns, plan.blobs, agents, cluster.agents_timeout,
                                            on_progress, cancellation));
  if (count > 0) return absl::StrCat("on ", count, " agents (", which, ")");
  if (!image.work.preheat) return absl::StrCat("no agent is ", which);
  return absl::FailedPreconditionError(absl::StrCat("no agent that the trackers know is ", which));
}

absl::StatusOr<ImageFinding> ImagePrefetch::Run(const ImageWork& work, JobBoard::Entry& board,
                                                const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  return RunWith(*harbor->client, work, board, cancellation);
}

absl::StatusOr<ImageFinding> ImagePrefetch::RunWith(kraken::registry::RegistryClient& client,
                                                    const ImageWork& work, JobBoard::Entry& board,
                                                    const Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  ImageFinding finding;
  std::string why;
  finding.actions = ActionsFor(work, *harbor, &why);
  if (finding.actions.ignore) {
    finding.result = absl::StrCat(kIgnoredResult, " (", why, ")");
    return finding;
  }
  board.SetStep("asking Harbor");
  finding.revision = RevisionNow();
  absl::StatusOr<FetchedManifest> fetched =
      client.GetManifest(work.repository, *work.reference, cancellation);
  // A registry tells of a push before it moves the tag.
  for (int look = 1; look < kLooksForTold && fetched.ok() && work.told.has_value() &&
                     fetched->digest != *work.told;
       ++look) {
    KH_RETURN_IF_ERROR(cancellation.WaitFor(kLookPause));
    finding.revision = RevisionNow();
    fetched = client.GetManifest(work.repository, *work.reference, cancellation);
  }
  if (absl::IsNotFound(fetched.status())) {
    finding.exists = false;
    return finding;
  }
  KH_RETURN_IF_ERROR(fetched.status());
  const Image image{
      .harbor = *harbor, .work = work, .digest = fetched->digest, .revision = finding.revision};
  // First, so that who pulls now gets what is true now; its blobs stream while they are fetched.
  const TagAction tag = finding.actions.tag.value_or(TagAction::kKeep);
  KH_RETURN_IF_ERROR(TellTag(image, clusters_.front(), tag, board));
  std::vector<std::string> done;
  if (tag == TagAction::kSet) done.push_back(absl::StrCat("it is ", fetched->digest.ToString()));
  if (tag == TagAction::kDrop) done.emplace_back("tag dropped");
  KH_ASSIGN_OR_RETURN(finding.result, Spread(client, image, *fetched, finding.actions,
                                             std::move(done), board, cancellation));
  return finding;
}

absl::StatusOr<std::string> ImagePrefetch::Spread(
    kraken::registry::RegistryClient& client, const Image& image, const FetchedManifest& fetched,
    const RouteActions& actions, std::vector<std::string> done, JobBoard::Entry& board,
    const Cancellation& cancellation) const {
  if (!actions.prefetch.has_value() && actions.replicate.empty()) return absl::StrJoin(done, "; ");
  board.SetStep("reading manifests");
  const PrefetchAction wanted = actions.prefetch.value_or(PrefetchAction());
  KH_ASSIGN_OR_RETURN(const ImagePlan plan,
                      PlanImage(client, image.work.repository, fetched, wanted, cancellation));
  if (wanted.max_image_bytes > 0 && plan.bytes > wanted.max_image_bytes) {
    done.push_back(absl::StrCat("not prefetched: ", plan.bytes, " bytes are more than max_image, ",
                                kraken::FormatByteSize(wanted.max_image_bytes)));
    return absl::StrJoin(done, "; ");
  }
  board.SetTotals(static_cast<int64_t>(plan.blobs.size()), plan.bytes);
  if (actions.prefetch.has_value()) {
    KH_RETURN_IF_ERROR(Bring(image, clusters_.front(), plan, board, cancellation));
    done.push_back(DescribePlan(plan));
  }
  if (actions.preheat.has_value()) {
    KH_ASSIGN_OR_RETURN(std::string preheated, Preheat(image, clusters_.front(), plan,
                                                       *actions.preheat, board, cancellation));
    done.push_back(std::move(preheated));
  }
  for (const std::string& name : actions.replicate) {
    KH_ASSIGN_OR_RETURN(const ClusterTarget* cluster, FindCluster(name));
    absl::Status brought = TellTag(image, *cluster, TagAction::kSet, board);
    if (brought.ok()) brought = Bring(image, *cluster, plan, board, cancellation);
    if (!brought.ok()) return kraken::Annotate(brought, absl::StrCat("cluster ", name));
    done.push_back(absl::StrCat("replicated to ", name));
  }
  return absl::StrJoin(done, "; ");
}

}  // namespace harbor_bridge
