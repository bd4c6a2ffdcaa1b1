#ifndef KRAKEN_REDIS_REDIS_CLIENT_H_
#define KRAKEN_REDIS_REDIS_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/backoff.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/net/connector.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/output_queue.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/transport.h"
#include "kraken/redis/redis_value.h"

namespace kraken::redis {

struct RedisClientOptions {
  std::string host;
  uint16_t port = 0;
  // Empty password: none is asked for. Empty username: Redis's user `default`.
  std::string username;
  std::string password;
  std::shared_ptr<const net::TlsContext> tls;  // null: plain text
  absl::Duration dial_timeout = absl::Seconds(5);
  // A command that is not answered for so long ends the connection.
  absl::Duration reply_timeout = absl::Seconds(30);
  // What may wait to be sent, and to be answered, before more is refused.
  uint64_t max_unsent_bytes = 32 << 20;
  size_t max_unanswered = 100'000;
  BackoffOptions reconnect = {.initial_interval = absl::Milliseconds(100),
                              .max_interval = absl::Seconds(5)};
};

// A connection to Redis, kept open: a broken one is opened again with backoff. Commands are sent
// without waiting for the answers to those before (pipelined). Belongs to its loop's thread.
class RedisClient final : private net::FdHandler {
 public:
  using Reply = absl::AnyInvocable<void(absl::StatusOr<RedisValue>)>;
  struct Events {
    // Redis takes commands: the password too was right.
    std::function<void()> on_connected;
    // It broke, or could not be opened; it is being tried again.
    std::function<void(const absl::Status&)> on_disconnected;
    // What no command asked for: after SUBSCRIBE.
    std::function<void(RedisValue)> on_message;
  };

  // `loop` outlives it.
  RedisClient(net::EventLoop* loop, RedisClientOptions options, Events events);
  // Commands that were not answered never are.
  ~RedisClient() override;
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // `reply`, which may be null, is called later with the answer, FAILED_PRECONDITION where Redis
  // answers with an error, or UNAVAILABLE if the connection breaks before. False, and nothing is
  // called: not connected, or too much waits already.
  bool Send(const std::vector<absl::string_view>& words, Reply reply);

  bool connected() const { return admitted_; }

 private:
  struct Unanswered {
    MonotonicTime since;
    Reply reply;
  };

  void Connect();
  void OnDialled(absl::StatusOr<std::unique_ptr<net::Transport>> transport);
  void Authenticate();
  void OnAdmitted();
  void Enqueue(const std::vector<absl::string_view>& words, Reply reply);
  void OnFdReady(net::FdEvents events) override;
  void Flush();
  absl::Status Receive();
  absl::Status Deliver();
  void Break(const absl::Status& status);
  void CheckTimeout();

  net::EventLoop* const loop_;
  const RedisClientOptions options_;
  const Events events_;
  const std::string address_;
  SystemBitGen random_;
  Backoff backoff_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Transport> transport_;
  std::unique_ptr<net::FdWatcher> watcher_;
  std::unique_ptr<RedisParser> parser_;
  net::OutputQueue output_;
  bool admitted_ = false;
  bool flush_scheduled_ = false;
  std::deque<Unanswered> unanswered_;
  net::TimerId retry_timer_ = net::TimerId::kNone;
  net::TimerId timeout_timer_ = net::TimerId::kNone;
  // Deferred calls find this object gone.
  std::shared_ptr<RedisClient*> alive_;
};

}  // namespace kraken::redis

#endif  // KRAKEN_REDIS_REDIS_CLIENT_H_
