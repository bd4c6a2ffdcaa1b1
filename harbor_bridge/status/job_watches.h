#ifndef HARBOR_BRIDGE_STATUS_JOB_WATCHES_H_
#define HARBOR_BRIDGE_STATUS_JOB_WATCHES_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/bridge.pb.h"
#include "kraken/rpc/outlet.h"

namespace harbor_bridge {

using JobOutlet = kraken::rpc::Outlet<kraken::rpc::v1::BridgeJob>;

// Streams that say how jobs are, until these have ended (kraken/rpc/bridge.proto, WatchJobs). Jobs
// are read once for all who watch, at an interval, and only while anybody does; who has not taken
// what was written last misses states and gets the newest. Belongs to its loop's thread.
class JobWatches {
 public:
  static constexpr size_t kMaxWatches = 16;
  static constexpr absl::Duration kInterval = absl::Milliseconds(500);

  // Jobs are read on threads of `workers`. All outlive it.
  JobWatches(kraken::net::EventLoop* loop, kraken::WorkerPool* workers, const BridgeAdmin* admin);
  ~JobWatches();

  // Answers through the outlet, which takes as many messages as there are keys; RESOURCE_EXHAUSTED
  // if too many watch already. REQUIRES: there is a key.
  void Watch(const std::vector<std::string>& keys, std::shared_ptr<JobOutlet> outlet);
  // Ends all streams with UNAVAILABLE, and later ones too.
  void Close();

 private:
  struct Stream {
    std::shared_ptr<JobOutlet> outlet;
    // Jobs that have not ended, and what was said of them last; empty: nothing yet.
    std::map<std::string, std::string> open;
  };
  using Found = std::map<std::string, absl::StatusOr<kraken::rpc::v1::BridgeJob>>;

  void Tick();
  void OnFound(const Found& found);
  static void Tell(Stream& stream, const Found& found);
  void DropEnded();

  kraken::net::EventLoop* const loop_;
  kraken::WorkerPool* const workers_;
  const BridgeAdmin* const admin_;
  std::vector<Stream> streams_;
  bool closed_ = false;
  bool reading_ = false;
  kraken::net::TimerId timer_ = kraken::net::TimerId::kNone;
  std::shared_ptr<JobWatches*> alive_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_JOB_WATCHES_H_
