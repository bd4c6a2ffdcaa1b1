#ifndef KRAKEN_AGENT_LOOK_AHEAD_H_
#define KRAKEN_AGENT_LOOK_AHEAD_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "kraken/agent/downloads.h"
#include "kraken/agent/look_ahead_config.h"
#include "kraken/agent/served_manifest.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/net/event_loop.h"

namespace kraken::agent {

// Who is given a manifest comes for its layers next, three at a time: they start to arrive at once,
// in the background (what a client reads goes first). Of an index the manifests of this node's
// platforms are fetched.
//
// OnServed() may be called in any thread; the rest belongs to the control loop.
class LookAhead {
 public:
  // `control` and `downloads` outlive it.
  LookAhead(net::EventLoop* control, Downloads* downloads, LookAheadConfig config);

  void OnServed(const Namespace& ns, const std::shared_ptr<const ServedManifest>& manifest)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // False if that was done a moment ago.
  bool IsNews(const Digest& digest) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<Digest> Wanted(const ServedManifest& manifest) const;

  net::EventLoop* const control_;
  Downloads* const downloads_;
  const LookAheadConfig config_;
  absl::Mutex mutex_;
  // When the blobs of a manifest were last started.
  absl::flat_hash_map<Digest, MonotonicTime> started_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_LOOK_AHEAD_H_
