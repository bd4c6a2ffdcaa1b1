#ifndef KRAKEN_AGENT_ORDERS_H_
#define KRAKEN_AGENT_ORDERS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "kraken/agent/downloads.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/tracker.pb.h"
#include "kraken/storage/blob_store.h"

namespace kraken::agent {

struct OrderStats {
  uint64_t fetches_done = 0;
  uint64_t fetches_failed = 0;
  uint64_t drops_done = 0;
  uint64_t drops_failed = 0;
  uint64_t dropped_manifests = 0;
  size_t running = 0;
};

// Follows what trackers order: fetches blobs in the background, a few at a time and the older order
// first; or takes manifests away that Harbor has deleted. Says how it goes to each tracker that
// gave the order. An order is done when all that it names is on the disk, looked for once more at
// the end. Belongs to the control loop.
class Orders {
 public:
  // Blobs that are fetched at a time, for all orders together.
  static constexpr size_t kMaxInFlight = 8;

  // All outlive it, and so do the disk's threads.
  struct Parts {
    net::EventLoop* loop = nullptr;
    Downloads* downloads = nullptr;
    storage::BlobStore* store = nullptr;
    WorkerPool* disk = nullptr;
  };
  using Report = std::function<void(const std::string& tracker, const rpc::v1::OrderStatus&)>;

  Orders(const Parts& parts, Report report);
  ~Orders();
  Orders(const Orders&) = delete;
  Orders& operator=(const Orders&) = delete;

  // `tracker`: as `report` shall name it.
  void OnOrder(const std::string& tracker, const rpc::v1::AgentOrder& order);

  // Leaves all orders where they are, and takes no others. Trackers are told nothing: they give
  // them again to this agent if it is soon back.
  void Stop();

  OrderStats stats() const;

 private:
  struct Blob {
    Digest digest;
    uint64_t size_bytes = 0;  // as its descriptor says
  };
  // The order that was begun, not a later one of the same id.
  struct Ticket {
    std::string id;
    uint64_t serial = 0;
  };
  struct Order {
    uint64_t serial = 0;
    bool is_fetch = true;
    // Who wants to know.
    absl::flat_hash_set<std::string> trackers;
    rpc::v1::OrderStatus status;
    MonotonicTime reported_at;
    net::TimerId deadline = net::TimerId::kNone;
    std::optional<Namespace> ns;  // of one to fetch
    std::vector<Blob> blobs;
    size_t next = 0;  // the first that has not begun
    size_t left = 0;  // that are not over yet
    size_t in_flight = 0;
  };

  absl::Status Begin(const std::string& tracker, const rpc::v1::AgentOrder& order);
  Order* Find(const std::string& id);
  Order* Find(const Ticket& ticket);
  void FetchMore();
  void OnBlob(const Ticket& ticket, size_t index, const absl::Status& status);
  void LookAgain(const Ticket& ticket, const Order& order);
  void DropManifests(const Ticket& ticket, const Order& order);
  void OnDropped(const Ticket& ticket, const absl::Status& status, bool was_here);
  void OnCancel(const std::string& tracker, const std::string& id);
  void Conclude(const Ticket& ticket, const absl::Status& status);
  void Say(Order& order);

  const Parts parts_;
  const Report report_;
  absl::flat_hash_map<std::string, std::unique_ptr<Order>> orders_;
  // Orders that have blobs to begin with, as they came. Some may be over.
  std::deque<Ticket> waiting_;
  size_t in_flight_ = 0;
  uint64_t next_serial_ = 1;
  bool stopped_ = false;
  OrderStats stats_;
  // Callbacks that outlive this object find it gone.
  const std::shared_ptr<Orders*> alive_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_ORDERS_H_
