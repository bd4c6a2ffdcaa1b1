#ifndef KRAKEN_AGENT_TRACKER_POOL_H_
#define KRAKEN_AGENT_TRACKER_POOL_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "kraken/base/digest.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/announce_client.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/tracker.pb.h"
#include "kraken/swarm/environment.h"

namespace kraken::agent {

// The agent's way to all trackers of a cluster. A digest's swarm lives on one of them: the first by
// rendezvous hashing that is connected. When that changes, what was wanted is asked for again.
// Belongs to its loop's thread.
class TrackerPool final : public swarm::Announcer {
 public:
  using OnNews = std::function<void(const Digest&, const rpc::v1::TorrentNews&)>;
  // A tracker came or went, perhaps without what it knew: what was announced must be announced
  // again.
  using OnTrackersChanged = std::function<void()>;
  // A tracker, named as in the configuration, gives this agent an order.
  using OnOrder = std::function<void(const std::string& tracker, const rpc::v1::AgentOrder&)>;

  // `members` is the trackers' host list (its health checks are off: the streams tell). All outlive
  // it.
  TrackerPool(net::EventLoop* loop, rpc::ChannelDirectory* directory,
              cluster::ClusterMonitor* members);
  ~TrackerPool() override;

  // Before Start(): orders are taken, for an agent of these labels.
  void TakeOrders(const std::map<std::string, std::string>& labels, OnOrder on_order);
  // Connects. `self` as the trackers shall hand it out.
  void Start(const swarm::PeerInfo& self, const std::string& zone, OnNews on_news,
             OnTrackersChanged on_trackers_changed);

  // Tells a tracker how an order goes. One that is not connected gives the order again when it is.
  void Report(const std::string& tracker, const rpc::v1::OrderStatus& status);

  // Asks for the metainfo of a blob, until StopWanting().
  void WantMetainfo(const Digest& digest, const std::string& ns);
  void StopWanting(const Digest& digest);

  // swarm::Announcer
  void Announce(swarm::TorrentId torrent, const swarm::AnnounceRecord& record) override;

  rpc::ZoneTable& zones() { return zones_; }
  // UNAVAILABLE if no tracker is connected, naming each that failed and why.
  absl::Status status() const;

 private:
  void SyncMembers();
  rpc::AnnounceClient* ClientFor(const Digest& digest);
  void TrackersChanged();
  void Ask(const Digest& digest, const std::string& ns);

  net::EventLoop* const loop_;
  rpc::ChannelDirectory* const directory_;
  cluster::ClusterMonitor* const members_;
  rpc::ZoneTable zones_;
  rpc::v1::Peer self_;
  OnNews on_news_;
  OnTrackersChanged on_trackers_changed_;
  std::optional<rpc::v1::AgentTraits> traits_;
  OnOrder on_order_;
  std::map<std::string, std::unique_ptr<rpc::AnnounceClient>> clients_;
  absl::flat_hash_map<Digest, std::string> wanted_;
  // Why each tracker that broke off, or could not be reached, is not connected.
  std::map<std::string, std::string> failures_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_TRACKER_POOL_H_
