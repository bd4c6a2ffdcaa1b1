#ifndef KRAKEN_RPC_ANNOUNCE_CLIENT_H_
#define KRAKEN_RPC_ANNOUNCE_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/base/backoff.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/outlet.h"
#include "kraken/rpc/tracker.pb.h"

namespace kraken::rpc {

// One peer's announce stream to one tracker, kept open: a broken stream is opened again with
// backoff. What the tracker then no longer knows must be announced anew: `on_connected` says when.
//
// Records are gathered for a few milliseconds and sent together. While there are none, empty
// messages say, as often as the tracker asks for, that this peer lives. Belongs to its loop's
// thread.
class AnnounceClient {
 public:
  struct Events {
    // The stream is open (again): announce every torrent.
    std::function<void()> on_connected;
    // The stream broke, or could not be opened; it is being tried again.
    std::function<void(const absl::Status&)> on_disconnected;
    std::function<void(const v1::TorrentNews&)> on_news;
    // Null: none are taken.
    std::function<void(const v1::AgentOrder&)> on_order;
  };

  // `directory` and `loop` outlive it. `self` goes into each stream's first message, and `agent`
  // with it if this peer takes orders.
  AnnounceClient(net::EventLoop* loop, ChannelDirectory* directory, std::string tracker_address,
                 v1::Peer self, Events events, std::optional<v1::AgentTraits> agent = std::nullopt);
  ~AnnounceClient();
  AnnounceClient(const AnnounceClient&) = delete;
  AnnounceClient& operator=(const AnnounceClient&) = delete;

  // Dropped while not connected.
  void Send(v1::AnnounceRecord record);
  void Send(v1::OrderStatus status);

  bool connected() const { return connected_; }
  const std::string& tracker_address() const { return address_; }

 private:
  void Connect();
  void Open(std::shared_ptr<grpc::Channel> channel);
  void OnReply(const v1::AnnounceReply& reply);
  void OnClosed(const absl::Status& status);
  void FlushSoon();
  void Flush();
  void ScheduleHeartbeat();
  void OnHeartbeatTime();

  net::EventLoop* const loop_;
  ChannelDirectory* const directory_;
  const std::string address_;
  const v1::Peer self_;
  const std::optional<v1::AgentTraits> agent_;
  const Events events_;
  SystemBitGen random_;
  Backoff backoff_;
  std::shared_ptr<Outlet<v1::AnnounceRequest>> outlet_;
  std::vector<v1::AnnounceRecord> pending_;
  std::vector<v1::OrderStatus> pending_orders_;
  net::TimerId flush_timer_ = net::TimerId::kNone;
  net::TimerId retry_timer_ = net::TimerId::kNone;
  net::TimerId heartbeat_timer_ = net::TimerId::kNone;
  // Zero: the tracker asks for none.
  absl::Duration heartbeat_;
  MonotonicTime last_sent_;
  bool connected_ = false;
  // Callbacks of streams that outlive this object find it gone.
  std::shared_ptr<AnnounceClient*> alive_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_ANNOUNCE_CLIENT_H_
