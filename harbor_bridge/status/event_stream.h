#ifndef HARBOR_BRIDGE_STATUS_EVENT_STREAM_H_
#define HARBOR_BRIDGE_STATUS_EVENT_STREAM_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"

namespace harbor_bridge {

// Server-sent events (HTML standard, section 9.2): who listens gets a state as one event
// "snapshot" at once, and again whenever it has changed. The state is made once for all listeners,
// and only while there are any; a slow listener misses states and gets the newest.
//
// Belongs to its loop's thread; exchanges may be of any loop.
class EventStream {
 public:
  static constexpr size_t kMaxListeners = 32;
  static constexpr absl::Duration kInterval = absl::Seconds(1);
  // Without news a comment says that the bridge is there; proxies cut off who is silent.
  static constexpr absl::Duration kHeartbeat = absl::Seconds(15);

  // Makes the state, on a thread of `workers`; one line of text. Both outlive it.
  using MakeState = std::function<std::string()>;
  EventStream(kraken::net::EventLoop* loop, kraken::WorkerPool* workers, MakeState make_state,
              absl::Duration interval = kInterval);
  ~EventStream();

  // Answers with the stream; 503 when there are too many. In the loop.
  void Listen(std::shared_ptr<kraken::net::HttpExchange> exchange);
  // Ends all streams; later listeners are refused. In the loop.
  void Close();

  size_t listeners() const { return listeners_.size(); }

 private:
  struct Listener;

  void Tick();
  void OnState(const std::string& state);
  void Send(const std::shared_ptr<Listener>& listener, const std::string& text);
  void DropGone();

  kraken::net::EventLoop* const loop_;
  kraken::WorkerPool* const workers_;
  const MakeState make_state_;
  const absl::Duration interval_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::string last_state_;
  absl::Duration silent_;
  bool closed_ = false;
  bool making_ = false;
  kraken::net::TimerId timer_ = kraken::net::TimerId::kNone;
  std::shared_ptr<EventStream*> alive_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_EVENT_STREAM_H_
