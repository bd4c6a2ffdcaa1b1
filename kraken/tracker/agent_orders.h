#ifndef KRAKEN_TRACKER_AGENT_ORDERS_H_
#define KRAKEN_TRACKER_AGENT_ORDERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/peer_id.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/tracker/agent_selection.h"

namespace kraken::tracker {

struct AgentOrdersOptions {
  // A tracker that began less than this ago takes no orders: an agent may take so long to be back.
  absl::Duration settle = absl::Seconds(10);
  // An agent whose stream has ended is gone when it was not back for so long.
  absl::Duration away = absl::Seconds(10);
};

struct AgentOrdersStats {
  uint64_t taken = 0;
  uint64_t refused = 0;
  // Agents, added up over all orders, by how it ended.
  uint64_t done = 0;
  uint64_t failed = 0;
  uint64_t gone = 0;
  size_t running = 0;  // orders
};

// Passes orders on to the agents that are meant, and tells who gave them how each agent fares. An
// agent that comes back in time is given its orders again, and goes on where it was. Belongs to its
// loop's thread.
class AgentOrders {
 public:
  AgentOrders(net::EventLoop* loop, const AgentOrdersOptions& options);
  ~AgentOrders();
  AgentOrders(const AgentOrders&) = delete;
  AgentOrders& operator=(const AgentOrders&) = delete;

  // ---- Agents ----

  struct Agent {
    std::string ip;
    std::string zone;
    Labels labels;
    // One of an older version does not.
    bool takes_orders = false;
    std::shared_ptr<rpc::AnnounceOutlet> stream;
  };
  // It is connected, perhaps again; or says something new of itself on the same stream.
  void OnAgent(const PeerId& id, Agent agent);
  void OnAgentLost(const PeerId& id);
  // What is said of an order that is not at work here does not matter.
  void OnStatus(const PeerId& id, const rpc::v1::OrderStatus& status);

  // ---- Who gives orders ----

  // Answers as the service's Order() says.
  void Take(rpc::v1::OrderRequest request, std::shared_ptr<rpc::OrderOutlet> outlet);
  void OnCallerGone(const std::shared_ptr<rpc::OrderOutlet>& outlet);

  // No order is taken from now on, and those at work end with UNAVAILABLE.
  void Stop();
  // To be called about once a second: ends what has taken too long.
  void Tick();

  AgentOrdersStats stats() const;

 private:
  // One agent's part in an order.
  struct Part {
    rpc::v1::AgentReport report;
    bool is_away = false;
    MonotonicTime away_since;
    // To be told.
    bool is_news = false;
  };
  struct Order {
    std::shared_ptr<rpc::OrderOutlet> outlet;
    rpc::v1::AgentOrder order;
    MonotonicTime deadline;
    absl::flat_hash_map<PeerId, Part> parts;
    size_t at_work = 0;
    std::vector<PeerId> news;
    net::TimerId tell_timer = net::TimerId::kNone;
  };

  absl::Status Begin(rpc::v1::OrderRequest& request,
                     const std::shared_ptr<rpc::OrderOutlet>& outlet);
  void AddPart(Order& order, const PeerId& id, const Agent& agent);
  void MarkNews(Order& order, const PeerId& id, Part& part);
  void Conclude(Order& order, const PeerId& id, Part& part, rpc::v1::OrderState state,
                const absl::Status& why);
  void Tell(Order& order);
  // Ends it if nobody is at work any more; `order` may be gone afterwards.
  void FinishIfDone(Order& order);
  void Erase(const std::string& id);
  static void Send(const Agent& agent, const rpc::v1::AgentOrder& order);
  void SendCancel(const Order& order);

  net::EventLoop* const loop_;
  const AgentOrdersOptions options_;
  const MonotonicTime begun_;
  absl::flat_hash_map<PeerId, Agent> agents_;
  absl::flat_hash_map<std::string, std::unique_ptr<Order>> orders_;  // by id
  bool stopped_ = false;
  AgentOrdersStats stats_;
};

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_AGENT_ORDERS_H_
