#include "kraken/net/http_server.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/server_connection.h"
#include "kraken/net/server_shared.h"
#include "kraken/net/transport.h"

namespace kraken::net {

class HttpServer::Impl : public ServerShared, public std::enable_shared_from_this<Impl> {
 public:
  Impl(std::vector<EventLoop*> event_loops, HttpServerOptions server_options,
       HttpHandler server_handler)
      : ServerShared(std::move(server_options), std::move(server_handler)) {
    KH_CHECK(!event_loops.empty());
    for (EventLoop* loop : event_loops) {
      loops_.push_back(std::make_unique<LoopState>());
      loops_.back()->loop = loop;
      index_[loop] = loops_.size() - 1;
    }
  }

  absl::StatusOr<SocketAddress> Listen(absl::string_view address, ListenOptions listen_options) {
    KH_ASSIGN_OR_RETURN(ListenSocket socket, ListenSocket::Listen(address, listen_options));
    return Listen(std::move(socket));
  }

  absl::StatusOr<SocketAddress> Listen(ListenSocket socket) {
    const SocketAddress bound = socket.address();
    const bool posted =
        accept_loop()->Post([self = shared_from_this(),
                             socket = std::make_unique<ListenSocket>(std::move(socket))]() mutable {
          if (self->shutting_down_) return;
          self->acceptors_.push_back(std::make_unique<Acceptor>(
              self->accept_loop(), std::move(*socket),
              [impl = self.get()](UniqueFd fd, const SocketAddress& peer) {
                impl->OnAccept(std::move(fd), peer);
              },
              &self->counters.accept_exhausted));
        });
    if (!posted) return absl::FailedPreconditionError("the event loop is gone");
    return bound;
  }

  void Shutdown(absl::Duration grace, absl::AnyInvocable<void()> done) {
    accept_loop()->Post([self = shared_from_this(), grace, done = std::move(done)]() mutable {
      self->ShutdownInLoop(grace, std::move(done));
    });
  }

  bool IsStopped() const { return stopped_.load(std::memory_order_acquire); }

  bool IsInALoop() const {
    return std::any_of(loops_.begin(), loops_.end(),
                       [](const auto& state) { return state->loop->IsInLoopThread(); });
  }

  void OnConnectionClosed(ServerConnection* connection) override {
    LoopState& state = *loops_[index_.at(connection->loop())];
    state.connections.erase(connection);
    const uint64_t before = counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
    // The last place that was free again, or nobody left to wait for.
    if (before == options.max_connections || (draining.load() && before == 1)) {
      accept_loop()->Post([self = shared_from_this()] { self->OnPlaceFree(); });
    }
  }

 private:
  struct LoopState {
    EventLoop* loop;
    // Touched in its loop only.
    absl::flat_hash_map<ServerConnection*, std::shared_ptr<ServerConnection>> connections;
  };

  EventLoop* accept_loop() { return loops_[0]->loop; }

  void OnAccept(UniqueFd fd, const SocketAddress& peer) {
    Count(counters.connections_accepted);
    const uint64_t open = counters.connections_open.fetch_add(1, std::memory_order_relaxed) + 1;
    if (open >= options.max_connections) {
      for (auto& acceptor : acceptors_) acceptor->Pause();
      // A place may have become free between the count and the pause.
      if (counters.connections_open.load() < options.max_connections) OnPlaceFree();
    }
    LoopState& state = *loops_[next_++ % loops_.size()];
    if (state.loop == accept_loop()) return AddConnection(&state, std::move(fd), peer);
    state.loop->Post([self = shared_from_this(), &state, fd = std::move(fd), peer]() mutable {
      self->AddConnection(&state, std::move(fd), peer);
    });
  }

  void AddConnection(LoopState* state, UniqueFd fd, const SocketAddress& peer_address) {
    auto peer = std::make_shared<HttpPeer>();
    peer->address = peer_address;
    peer->local_address = SocketAddress::LocalOf(fd.get());
    peer->tls = options.tls != nullptr;
    peer->is_trusted_proxy = options.trusted_proxies.Contains(peer_address);
    std::unique_ptr<Transport> transport;
    if (options.tls == nullptr) {
      transport = MakePlainTransport(std::move(fd));
    } else if (auto tls = MakeTlsTransport(std::move(fd), *options.tls, ""); tls.ok()) {
      transport = *std::move(tls);
    } else {
      Count(counters.tls_handshake_failures);
      counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
      accept_loop()->Post([self = shared_from_this()] { self->OnPlaceFree(); });
      return;
    }
    auto connection = std::make_shared<ServerConnection>(state->loop, shared_from_this(),
                                                         std::move(transport), std::move(peer));
    state->connections.emplace(connection.get(), connection);
    connection->Start();
    if (draining.load()) connection->DrainAndClose();
  }

  // In the accept loop.
  void OnPlaceFree() {
    if (shutting_down_) return FinishShutdownIfIdle();
    if (counters.connections_open.load() >= options.max_connections) return;
    for (auto& acceptor : acceptors_) acceptor->Resume();
  }

  void ShutdownInLoop(absl::Duration grace, absl::AnyInvocable<void()> done) {
    done_.push_back(std::move(done));
    const bool first = !std::exchange(shutting_down_, true);
    if (first) {
      acceptors_.clear();
      draining.store(true);
      ForEachConnection([](ServerConnection& connection) { connection.DrainAndClose(); });
    }
    if (grace <= absl::ZeroDuration()) {
      AbortAll();
    } else {
      grace_timer_ = accept_loop()->RunAfter(grace, [self = shared_from_this()] {
        self->grace_timer_ = TimerId::kNone;
        self->AbortAll();
      });
    }
    FinishShutdownIfIdle();
  }

  void AbortAll() {
    ForEachConnection([](ServerConnection& connection) {
      connection.Abort(absl::UnavailableError("the server is shutting down"));
    });
  }

  void ForEachConnection(void (*fn)(ServerConnection&)) {
    for (auto& state : loops_) {
      state->loop->Post([self = shared_from_this(), state = state.get(), fn] {
        std::vector<std::shared_ptr<ServerConnection>> all;
        for (const auto& [key, connection] : state->connections) all.push_back(connection);
        for (const auto& connection : all) fn(*connection);
      });
    }
  }

  void FinishShutdownIfIdle() {
    if (!shutting_down_ || counters.connections_open.load() > 0) return;
    accept_loop()->CancelTimer(std::exchange(grace_timer_, TimerId::kNone));
    stopped_.store(true, std::memory_order_release);
    std::vector<absl::AnyInvocable<void()>> done = std::move(done_);
    done_.clear();
    for (auto& fn : done) {
      if (fn) fn();
    }
  }

  std::vector<std::unique_ptr<LoopState>> loops_;
  absl::flat_hash_map<EventLoop*, size_t> index_;
  // In the accept loop only.
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  size_t next_ = 0;
  bool shutting_down_ = false;
  std::vector<absl::AnyInvocable<void()>> done_;
  TimerId grace_timer_ = TimerId::kNone;

  std::atomic<bool> stopped_{false};
};

HttpServer::HttpServer(std::vector<EventLoop*> loops, HttpServerOptions options,
                       HttpHandler handler)
    : impl_(std::make_shared<Impl>(std::move(loops), std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() {
  if (!impl_->IsStopped()) ShutdownAndWait(absl::ZeroDuration());
}

absl::StatusOr<SocketAddress> HttpServer::Listen(absl::string_view address, ListenOptions options) {
  return impl_->Listen(address, options);
}

absl::StatusOr<SocketAddress> HttpServer::Listen(ListenSocket socket) {
  return impl_->Listen(std::move(socket));
}

void HttpServer::Shutdown(absl::Duration grace, absl::AnyInvocable<void()> done) {
  impl_->Shutdown(grace, std::move(done));
}

void HttpServer::ShutdownAndWait(absl::Duration grace) {
  KH_CHECK(!impl_->IsInALoop());
  absl::Notification done;
  impl_->Shutdown(grace, [&done] { done.Notify(); });
  done.WaitForNotification();
}

HttpServerStats HttpServer::stats() const {
  const ServerShared::Counters& counters = impl_->counters;
  HttpServerStats stats;
  stats.connections_accepted = counters.connections_accepted.load();
  stats.connections_open = counters.connections_open.load();
  stats.requests = counters.requests.load();
  stats.bad_requests = counters.bad_requests.load();
  stats.tls_handshake_failures = counters.tls_handshake_failures.load();
  stats.timeouts = counters.timeouts.load();
  stats.accept_exhausted = counters.accept_exhausted.load();
  return stats;
}

}  // namespace kraken::net
