#ifndef HARBOR_BRIDGE_WORK_CLUSTER_WRITER_H_
#define HARBOR_BRIDGE_WORK_CLUSTER_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harbor_bridge/lease/write_leave.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/origin_client.h"

namespace harbor_bridge {

// What the bridge tells build-indexes and origins, for threads that may block. Each write carries
// as its revision the time at which Harbor was asked, in milliseconds since the epoch: what was
// asked later holds. It also carries the epoch of the bridge's lease. All of it says ABORTED where
// this bridge may not write. Thread-safe.
class ClusterWriter {
 public:
  // All outlive it, and so does the loop's thread every call.
  ClusterWriter(kraken::net::EventLoop* loop, kraken::rpc::BuildIndexClient* build_index,
                kraken::cluster::ClusterMonitor* cluster, kraken::rpc::OriginClient* origins,
                WriteLeave* leave)
      : loop_(loop),
        build_index_(build_index),
        cluster_(cluster),
        origins_(origins),
        leave_(leave) {}

  absl::Status PutTag(const kraken::Namespace& ns, const kraken::Tag& tag,
                      const kraken::Digest& digest, uint64_t revision);

  // Harbor does not have the tag; or not the manifest, whatever tags stood for it; or no tags of
  // the repository but these. The manifests that the dropped tags stood for.
  using Digests = std::vector<kraken::Digest>;
  absl::StatusOr<Digests> DropTag(const kraken::Namespace& ns, const kraken::Tag& tag,
                                  uint64_t revision);
  absl::StatusOr<Digests> DropTagsOf(const kraken::Namespace& ns, const kraken::Digest& digest,
                                     uint64_t revision);
  absl::StatusOr<Digests> DropAllTagsBut(const kraken::Namespace& ns,
                                         const std::vector<std::string>& tags, uint64_t revision);

  // Has every origin drop the manifest, and goes round once more until none had it: one that was
  // told may have had time to copy it from one that was not. What it was; empty if nobody had it.
  // UNAVAILABLE, naming it, if an origin does not answer: it may still have it.
  absl::StatusOr<std::string> EvictManifest(const kraken::Digest& digest);

 private:
  absl::StatusOr<Digests> Drop(kraken::rpc::v1::DropTagsRequest request);
  absl::StatusOr<std::string> EvictOnce(const kraken::Digest& digest);
  // Puts the epoch into a request, does it and waits for the answer.
  template <typename Answer, typename Request>
  Answer Write(Request request,
               std::function<void(const Request&, std::function<void(Answer)>)> begin);

  kraken::net::EventLoop* const loop_;
  kraken::rpc::BuildIndexClient* const build_index_;
  kraken::cluster::ClusterMonitor* const cluster_;
  kraken::rpc::OriginClient* const origins_;
  WriteLeave* const leave_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_CLUSTER_WRITER_H_
