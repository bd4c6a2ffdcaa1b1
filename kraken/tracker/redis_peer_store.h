#ifndef KRAKEN_TRACKER_REDIS_PEER_STORE_H_
#define KRAKEN_TRACKER_REDIS_PEER_STORE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/loop_thread.h"
#include "kraken/redis/redis_client.h"
#include "kraken/tracker/peer_store.h"

namespace kraken::tracker {

struct RedisPeerStoreOptions {
  redis::RedisClientOptions redis;
  // Other trackers believe what this one says for two of these after its last sign of life.
  absl::Duration lease = absl::Seconds(15);
  // An entry that is not put again is kept for so long.
  absl::Duration entry_lease = absl::Minutes(5);
};

// A PeerStore in Redis (6.2 or later), on a thread of its own: per swarm a hash with a field for
// each peer and tracker, and a channel on which trackers tell of those who come and leave.
class RedisPeerStore final : public PeerStore {
 public:
  // Both outlive it. The observer hears nothing inside of the constructor.
  RedisPeerStore(net::EventLoop* control, const RedisPeerStoreOptions& options,
                 PeerStoreObserver* observer);
  // Hands over what was put so far, if Redis takes it at once.
  ~RedisPeerStore() override;

  bool Put(const swarm::TorrentKey& key, std::shared_ptr<const rpc::v1::Peer> peer, bool complete,
           bool is_new) override;
  void Remove(const swarm::TorrentKey& key, std::shared_ptr<const rpc::v1::Peer> peer) override;
  void Load(const swarm::TorrentKey& key) override;
  PeerStoreStats stats() const override;

 private:
  class Worker;
  struct Order;
  struct Shared;

  bool Add(Order order);
  void Flush();

  net::EventLoop* const control_;
  const std::shared_ptr<Shared> shared_;
  std::vector<Order> orders_;
  net::TimerId flush_timer_ = net::TimerId::kNone;
  std::unique_ptr<net::LoopThread> thread_;
  // Belongs to `thread_`.
  std::unique_ptr<Worker> worker_;
};

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_REDIS_PEER_STORE_H_
