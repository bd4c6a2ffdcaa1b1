#ifndef HARBOR_BRIDGE_WORK_IMAGE_WORK_H_
#define HARBOR_BRIDGE_WORK_IMAGE_WORK_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/routing/agent_selector.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"
#include "kraken/registry/platform.h"
#include "kraken/storage/job.h"

namespace harbor_bridge {

// What goes first within a Harbor's lane.
inline constexpr int kPreheatPriority = 300;        // somebody waits for it
inline constexpr int kEventPriority = 100;          // somebody has pushed
inline constexpr int kReconciliationPriority = 10;  // found by looking around

// One thing to do: look at this image at its Harbor. If it is there, do with it what the routes
// say, or what somebody has asked for; if it is gone, see that nobody is given it any more.
struct ImageWork {
  std::string harbor;
  kraken::RepositoryName repository;
  // Nothing: look which tags of the repository are left.
  std::optional<kraken::Reference> reference;
  // It was told that the image is there: if it is not, it may be on its way.
  bool expected = true;
  // What a push made of a tag, as its event says. Harbor may answer with what was there before for
  // a moment longer, or already with what came later.
  std::optional<kraken::Digest> told;
  // Somebody asked for just this: it is prefetched and its tag set, whatever the routes say.
  bool preheat = false;
  // Of an index, with `preheat`: these images; empty: all.
  std::vector<kraken::registry::Platform> platforms;
  // With `preheat`: agents that are to have it too; nothing: none.
  std::optional<AgentSelector> agents;

  // "harbor/repository:tag", "harbor/repository@sha256:…" or "harbor/repository"; with `preheat`,
  // " (preheat …)" behind it, as it may be less than an event asks for, or for others: " (preheat
  // linux/arm64 for zone=a)". Work with the same key is the same work: events that come twice, or
  // while it waits, merge, and so a newer digest of a tag takes the place of an older one.
  std::string Key() const;

  // As a job's payload.
  std::string Encode() const;
  static absl::StatusOr<ImageWork> Decode(absl::string_view payload);

  // As a job of its Harbor's lane.
  kraken::storage::NewJob ToJob(int priority) const;
};

// The kind of a Harbor's jobs.
std::string LaneOf(absl::string_view harbor);
// The Harbor of a kind; "" for what is no lane's.
absl::string_view HarborOfLane(absl::string_view kind);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_WORK_H_
