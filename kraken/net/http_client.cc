#include "kraken/net/http_client.h"

#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_util.h"
#include "kraken/net/client_call.h"
#include "kraken/net/client_connection.h"
#include "kraken/net/connector.h"
#include "kraken/net/loop_time.h"

namespace kraken::net {

// The pool: which connection carries which call.
class HttpClient::Impl : public ClientCall::Owner, public std::enable_shared_from_this<Impl> {
 public:
  Impl(EventLoop* loop, HttpClientOptions options)
      : loop_(loop),
        options_(std::move(options)),
        resolver_(options_.resolver != nullptr ? options_.resolver : &Resolver::Default()) {}

  std::shared_ptr<HttpCall> Start(HttpClientRequest request, HttpCallbacks callbacks) {
    KH_CHECK(loop_->IsUsableHere());
    ++stats_.calls;
    auto call = std::make_shared<ClientCall>(loop_, this, std::move(request), std::move(callbacks),
                                             options_);
    calls_.emplace(call.get(), call);
    call->Begin();
    if (absl::Status checked = Check(call.get()); !checked.ok()) {
      FailLater(call, std::move(checked));
      return call;
    }
    Dispatch(call, /*fresh=*/false);
    return call;
  }

  void CloseIdle() {
    std::vector<std::shared_ptr<ClientConnection>> idle;
    for (auto& [key, host] : hosts_) {
      for (const Idle& entry : host.idle) idle.push_back(entry.connection);
    }
    for (const auto& connection : idle) connection->Close();
  }

  // The client is being destroyed.
  void Abandon() {
    abandoned_ = true;
    loop_->CancelTimer(std::exchange(idle_timer_, TimerId::kNone));
    auto calls = std::move(calls_);
    calls_.clear();
    for (const auto& [key, call] : calls) call->Abandon();
    auto connections = connections_;
    for (const auto& [key, connection] : connections) connection->Close();
  }

  HttpClientStats stats() const {
    HttpClientStats stats = stats_;
    stats.idle_connections = idle_count_;
    stats.active_connections = connections_.size() - idle_count_;
    return stats;
  }

  uint64_t max_buffered_body_bytes() const { return options_.max_buffered_body_bytes; }

  void OnCallOver(ClientCall* call) override {
    const auto it = calls_.find(call);
    if (it == calls_.end()) return;
    const std::shared_ptr<ClientCall> over = std::move(it->second);
    const std::string& key = over->pool_key();
    const bool was_connecting = connecting_.erase(call) > 0;
    calls_.erase(it);
    if (key.empty()) return;
    if (was_connecting) --hosts_[key].open;
    Serve(key);
  }

  void RetryCall(std::shared_ptr<ClientCall> call) override {
    ++stats_.retried_on_stale_connection;
    Dispatch(std::move(call), /*fresh=*/true);
  }

 private:
  struct Idle {
    std::shared_ptr<ClientConnection> connection;
    int64_t until_ns;
  };
  struct Host {
    size_t open = 0;         // connections made or being made
    std::vector<Idle> idle;  // the most recently used last
    std::deque<std::weak_ptr<ClientCall>> queue;
  };

  absl::Status Check(ClientCall* call) {
    const HttpClientRequest& request = call->request();
    if (!IsHeaderName(request.method)) return absl::InvalidArgumentError("bad method");
    if (request.streamed_body && !request.body.empty()) {
      return absl::InvalidArgumentError("both a streamed body and one in memory");
    }
    for (const char c : request.url.target) {
      if (c <= 0x20 || c >= 0x7f) {
        return absl::InvalidArgumentError("unescaped character in target");
      }
    }
    const TlsContext* tls = nullptr;
    if (request.url.is_https()) {
      tls = request.tls != nullptr ? request.tls.get() : options_.tls.get();
      if (tls == nullptr) {
        return absl::FailedPreconditionError("https is not configured (no TLS context)");
      }
    }
    call->set_pool_key(absl::StrCat(request.unix_socket_path, "|", request.url.scheme, "|",
                                    request.url.host_port(), "|",
                                    absl::Hex(reinterpret_cast<uintptr_t>(tls))));
    return absl::OkStatus();
  }

  void FailLater(std::shared_ptr<ClientCall> call, absl::Status status) {
    loop_->Defer([call = std::move(call), status = std::move(status)] { call->Fail(status); });
  }

  // Finds a connection for the call, makes one, or has it wait. `fresh`: a kept one won't do.
  void Dispatch(std::shared_ptr<ClientCall> call, bool fresh) {
    if (!fresh) {
      if (auto connection = TakeIdle(call->pool_key())) {
        ++stats_.connections_reused;
        call->OnConnection(connection.get());
        return;
      }
    }
    Host& host = hosts_[call->pool_key()];
    if (host.open >= options_.max_connections_per_host) {
      if (host.queue.size() >= options_.max_queued_per_host) {
        FailLater(std::move(call), absl::ResourceExhaustedError("too many requests wait"));
        return;
      }
      host.queue.push_back(call);
      return;
    }
    Connect(std::move(call), &host);
  }

  void Connect(std::shared_ptr<ClientCall> call, Host* host) {
    ++host->open;
    connecting_.insert(call.get());
    const HttpClientRequest& request = call->request();
    ConnectTarget target;
    target.host = request.url.host;
    target.port = request.url.port;
    target.unix_path = request.unix_socket_path;
    if (request.url.is_https()) target.tls = request.tls != nullptr ? request.tls : options_.tls;
    ClientCall* raw = call.get();
    // The call owns the connector, and with it this callback: it is alive when it runs.
    call->set_connector(
        Connector::Start(loop_, resolver_, std::move(target), call->connect_time_left(),
                         [this, raw](absl::StatusOr<std::unique_ptr<Transport>> transport) {
                           OnConnected(raw->shared_from_this(), std::move(transport));
                         }));
  }

  void OnConnected(std::shared_ptr<ClientCall> call,
                   absl::StatusOr<std::unique_ptr<Transport>> transport) {
    const auto self = shared_from_this();
    if (!transport.ok()) {
      // Frees its place in OnCallOver().
      call->Fail(transport.status());
      return;
    }
    connecting_.erase(call.get());
    ++stats_.connections_opened;
    const std::string& key = call->pool_key();
    auto connection = std::make_shared<ClientConnection>(
        loop_, *std::move(transport), options_.limits,
        [this, key](ClientConnection* idle) { OnIdle(key, idle); },
        [this, key](ClientConnection* closed) { OnClosed(key, closed); });
    connections_.emplace(connection.get(), connection);
    connection->Start();
    call->OnConnection(connection.get());
  }

  std::shared_ptr<ClientConnection> TakeIdle(const std::string& key) {
    for (;;) {
      Host& host = hosts_[key];
      if (host.idle.empty()) return nullptr;
      std::shared_ptr<ClientConnection> connection = std::move(host.idle.back().connection);
      host.idle.pop_back();
      --idle_count_;
      if (!connection->closed() && !connection->IsStale()) return connection;
      connection->Close();
    }
  }

  void OnIdle(const std::string& key, ClientConnection* connection) {
    Host& host = hosts_[key];
    // A call that waits comes first.
    while (!host.queue.empty()) {
      const auto call = host.queue.front().lock();
      host.queue.pop_front();
      if (call == nullptr || call->over()) continue;
      ++stats_.connections_reused;
      return call->OnConnection(connection);
    }
    if (host.idle.size() >= options_.max_idle_per_host || idle_count_ >= options_.max_idle ||
        options_.idle_timeout <= absl::ZeroDuration()) {
      loop_->Defer([connection = connection->shared_from_this()] {
        if (connection->idle()) connection->Close();
      });
      // Not in the pool, so nobody takes it meanwhile.
      return;
    }
    ++idle_count_;
    host.idle.push_back(
        {connection->shared_from_this(), DeadlineAfter(MonotonicNs(), options_.idle_timeout)});
    ArmIdleTimer();
  }

  void OnClosed(const std::string& key, ClientConnection* connection) {
    const auto self = shared_from_this();
    Host& host = hosts_[key];
    --host.open;
    for (size_t i = 0; i < host.idle.size(); ++i) {
      if (host.idle[i].connection.get() != connection) continue;
      host.idle.erase(host.idle.begin() + static_cast<ptrdiff_t>(i));
      --idle_count_;
      break;
    }
    connections_.erase(connection);
    Serve(key);
  }

  // A place has become free: the next call that waits gets it.
  void Serve(const std::string& key) {
    if (abandoned_) return;
    const auto it = hosts_.find(key);
    if (it == hosts_.end()) return;
    Host& host = it->second;
    while (!host.queue.empty() && host.open < options_.max_connections_per_host) {
      const auto call = host.queue.front().lock();
      host.queue.pop_front();
      if (call != nullptr && !call->over()) Connect(call, &host);
    }
    if (host.open == 0 && host.queue.empty()) hosts_.erase(it);
  }

  void ArmIdleTimer() {
    if (idle_timer_ != TimerId::kNone) return;
    idle_timer_ = loop_->RunAfter(options_.idle_timeout, [this] {
      idle_timer_ = TimerId::kNone;
      DropExpired();
    });
  }

  void DropExpired() {
    const auto self = shared_from_this();
    const int64_t now = MonotonicNs();
    std::vector<std::shared_ptr<ClientConnection>> expired;
    for (auto& [key, host] : hosts_) {
      for (const Idle& entry : host.idle) {
        if (entry.until_ns <= now) expired.push_back(entry.connection);
      }
    }
    for (const auto& connection : expired) connection->Close();
    if (idle_count_ > 0) ArmIdleTimer();
  }

  EventLoop* const loop_;
  const HttpClientOptions options_;
  Resolver* const resolver_;
  // Nodes stay where they are while others come and go.
  std::unordered_map<std::string, Host> hosts_;
  absl::flat_hash_map<ClientCall*, std::shared_ptr<ClientCall>> calls_;
  absl::flat_hash_set<ClientCall*> connecting_;
  absl::flat_hash_map<ClientConnection*, std::shared_ptr<ClientConnection>> connections_;
  size_t idle_count_ = 0;
  bool abandoned_ = false;
  TimerId idle_timer_ = TimerId::kNone;
  HttpClientStats stats_;
};

HttpClient::HttpClient(EventLoop* loop, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {}

HttpClient::~HttpClient() { impl_->Abandon(); }

std::shared_ptr<HttpCall> HttpClient::Start(HttpClientRequest request, HttpCallbacks callbacks) {
  return impl_->Start(std::move(request), std::move(callbacks));
}

std::shared_ptr<HttpCall> HttpClient::Fetch(
    HttpClientRequest request, absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)> done) {
  if (!request.max_body_bytes.has_value()) {
    request.max_body_bytes = impl_->max_buffered_body_bytes();
  }
  auto response = std::make_shared<HttpResponse>();
  HttpCallbacks callbacks;
  callbacks.on_head = [response](const HttpResponseHead& head) {
    response->status = head.status;
    response->headers = head.headers;
  };
  callbacks.on_body = [response](absl::string_view data) {
    response->body.append(data.data(), data.size());
  };
  callbacks.on_done = [response, done = std::move(done)](absl::Status status) mutable {
    if (!status.ok()) return done(std::move(status));
    done(std::move(*response));
  };
  return impl_->Start(std::move(request), std::move(callbacks));
}

void HttpClient::CloseIdleConnections() { impl_->CloseIdle(); }

HttpClientStats HttpClient::stats() const { return impl_->stats(); }

absl::StatusOr<Url> RedirectLocation(const Url& request_url, int status, const HeaderMap& headers) {
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
    return absl::NotFoundError(absl::StrCat("status ", status, " is no redirect"));
  }
  const auto location = headers.Get("Location");
  if (!location.has_value()) return absl::NotFoundError("redirect without a Location");
  absl::StatusOr<Url> url = request_url.Resolve(*location);
  if (!url.ok()) return Annotate(url.status(), "Location");
  return url;
}

}  // namespace kraken::net
