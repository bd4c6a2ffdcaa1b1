#ifndef HARBOR_BRIDGE_RECONCILE_HARBOR_WALK_H_
#define HARBOR_BRIDGE_RECONCILE_HARBOR_WALK_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/reconcile/findings.h"
#include "harbor_bridge/reconcile/pacer.h"
#include "harbor_bridge/reconcile/reconcile_store.h"

namespace harbor_bridge {

// A round through a Harbor's API.
//
// Each project's artifacts are read with the newest push first (from Harbor 2.12 on in one list;
// before, in one per repository), page by page, back to the project's watermark: a quiet project
// costs one small page. A full round reads every page, which also shows tags that were moved to an
// older image, or made or deleted through Harbor's API: those change no artifact's push time.
//
//  - The watermark is Harbor's own time: that of the newest push seen, less kOverlap for pushes
//    that Harbor commits a little later than they are dated. No two clocks are compared.
//  - A list may change between two of its pages. What is pushed moves entries to later pages, where
//    they are seen again; what is deleted moves them to earlier ones, and then X-Total-Count has
//    shrunk, and the walk goes back by as many pages.
//  - Progress is durable page by page. What was begun before a kill goes on where it was.
//
// Blocks; used by one thread.
class HarborWalk {
 public:
  static constexpr absl::Duration kOverlap = absl::Minutes(2);
  // The first page of a quiet project need not be long.
  static constexpr int kFirstPageSize = 10;

  // All outlive it.
  HarborWalk(api::HarborClient* harbor, ReconcileStore* store, Findings* findings, Pacer* pacer)
      : harbor_(harbor), store_(store), findings_(findings), pacer_(pacer) {}

  // One round, which must be open in the store. An error ends it for now: it can go on later.
  absl::Status Run(const RoundState& round);
  // The first project that the account may not read, which holds up no other. OK: there is none.
  const absl::Status& problem() const { return problem_; }

 private:
  using List = std::function<absl::StatusOr<api::Page<api::Artifact>>(const api::PageRequest&)>;

  absl::Status CheckAccount();
  absl::Status WalkProject(const std::string& project);
  absl::Status WalkRepositories(const std::string& project);
  absl::Status WalkList(const std::string& scope, const List& list);
  ScopeState Begin(const ScopeState& last) const;
  // Adds a page to the findings. True: it goes back to what is known.
  bool AddPage(const api::Page<api::Artifact>& page, const ScopeState& state);

  api::HarborClient* const harbor_;
  ReconcileStore* const store_;
  Findings* const findings_;
  Pacer* const pacer_;
  RoundState round_;
  absl::Status problem_;
  bool lists_projects_ = true;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_HARBOR_WALK_H_
