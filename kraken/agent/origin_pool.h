#ifndef KRAKEN_AGENT_ORIGIN_POOL_H_
#define KRAKEN_AGENT_ORIGIN_POOL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "kraken/base/digest.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/metainfo_relay.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/tracker.pb.h"

namespace kraken::agent {

// The agent's way to the origins past the trackers: asks those that the ring names for a blob what
// it is, and tells that in a tracker's words, with the origins that answer as the peers. Belongs to
// its loop's thread.
class OriginPool final : private daemon::RelayObserver {
 public:
  using OnNews = std::function<void(const Digest&, const rpc::v1::TorrentNews&)>;
  using OnAnswer = std::function<void(const Digest&)>;

  // `members` is the origins' host list, its health passive: failed calls tell. All outlive it.
  OriginPool(net::EventLoop* loop, rpc::ChannelDirectory* directory,
             cluster::ClusterMonitor* members);
  ~OriginPool() override;

  // `on_news`: news of a blob. A failure (TorrentNews::failure) says that no origin can tell
  // anything; it must be wanted again then. `on_answer`: an origin is there and works on it, though
  // there may be no news for some time.
  void Start(OnNews on_news, OnAnswer on_answer);

  // Asks, until StopWanting(). Origins that were lost are asked again. REQUIRES: not called from
  // within `on_news` or `on_answer`.
  void Want(const Digest& digest, const std::string& ns);
  void StopWanting(const Digest& digest);

 private:
  void End(const Digest& digest);
  void ScheduleSweep();

  // daemon::RelayObserver:
  void OnAnswered(const Digest& digest) override;
  void OnMetainfo(const Digest& digest, const rpc::v1::Metainfo& metainfo) override;
  void OnOrigin(const Digest& digest, const rpc::v1::Peer& origin, uint64_t piece_length_bytes,
                bool complete) override;
  // The swarm notices by itself.
  void OnOriginGone(const Digest&, const rpc::v1::Peer&, uint64_t) override {}
  void OnRevoked(const Digest& digest, const absl::Status& reason) override;
  void OnUnavailable(const Digest& digest, const absl::Status& reason) override;

  net::EventLoop* const loop_;
  rpc::OriginClient client_;
  daemon::MetainfoRelay relay_;
  OnNews on_news_;
  OnAnswer on_answer_;
  // Not wanted any more: ended when the relay, which may be telling of them, has returned.
  absl::flat_hash_set<Digest> ended_;
  // Runs only while something is wanted.
  net::TimerId sweep_timer_ = net::TimerId::kNone;
  std::shared_ptr<OriginPool*> alive_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_ORIGIN_POOL_H_
