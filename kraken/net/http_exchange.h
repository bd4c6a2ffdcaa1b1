#ifndef KRAKEN_NET_HTTP_EXCHANGE_H_
#define KRAKEN_NET_HTTP_EXCHANGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/forwarded.h"
#include "kraken/net/http_message.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/tls_context.h"

namespace kraken::net {

class HttpExchange;
class ServerConnection;

// Answers one request. Runs in the loop of the request's connection and must not block; it may keep
// the exchange and answer later. A server with several loops calls it from several threads at once.
using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

// Who sent a request. One per connection.
struct HttpPeer {
  SocketAddress address;
  SocketAddress local_address;
  bool tls = false;
  // Whether it is believed what it says of those it asks for (HttpServerOptions::trusted_proxies).
  bool is_trusted_proxy = false;
  // Only if the client presented a certificate that verified.
  absl::optional<TlsPeerCertificate> certificate;
};

// What a request is known by besides its connection.
struct HttpRequestContext {
  HttpRequestHead head;
  // Empty unless HttpServerOptions::request_ids.
  std::string id;
  // Set if a trusted proxy sent it.
  std::unique_ptr<const ForwardedClient> forwarded;
};

// One request and its response, streamed in both directions with back-pressure.
//
// Lifetime: shared; it may outlive its connection and even its server. Once the exchange is over
// (finished, reset, or cancelled by the client's going away, a time limit or a broken body), calls
// on it do nothing: a handler that answers late need not know. An exchange whose last reference
// goes without an answer is answered with 500 (or reset, if the response had begun).
//
// Thread safety: request(), peer(), path parameters, loop() and Post() from any thread; everything
// else in loop() only: from another thread, `exchange->Post([](HttpExchange& e) { e.Respond(…);
// })`. Callbacks run in the loop, are destroyed when the exchange is over, and none runs
// afterwards.
class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
 public:
  // `data` is valid during the call only. The last call has end == true (and maybe no data).
  using BodyCallback = absl::AnyInvocable<void(absl::string_view data, bool end)>;
  using WholeBodyCallback = absl::AnyInvocable<void(std::string body)>;

  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // --- The request (any thread) ---
  const HttpRequestHead& request() const { return context_.head; }
  const std::string& method() const { return context_.head.method; }
  // Raw, as sent: not decoded.
  absl::string_view path() const { return path_; }
  absl::string_view query() const { return query_; }
  const HttpPeer& peer() const { return *peer_; }
  // For logs; it comes back to the client as X-Request-Id.
  const std::string& request_id() const { return context_.id; }
  // Who asks, with what scheme, and of which host ("name" or "name:port", as a Host field has it,
  // unchecked, "" if the client said nothing): as a trusted proxy says, else as the connection and
  // the request do. Who may ask is decided by peer(), or by both.
  const SocketAddress& client_address() const;
  absl::string_view client_scheme() const;
  absl::string_view client_host() const;
  // A wildcard of the route's pattern, decoded once; "" if the pattern has no such name.
  absl::string_view path_param(absl::string_view name) const;
  // The body's length if the client declared one; nullopt when chunked; 0 without a body.
  absl::optional<uint64_t> declared_body_bytes() const { return declared_body_bytes_; }

  // --- Threads ---
  const LoopHandle& loop() const { return loop_; }
  // Runs `fn` in loop(), with the exchange kept alive. False if the loop is gone. Thread-safe.
  bool Post(absl::AnyInvocable<void(HttpExchange&)> fn);

  // --- The end ---
  // Whether nothing more can be said to the client.
  bool over() const;
  // Called once if the exchange ends before Finish()'s last byte was handed to the kernel:
  // CANCELLED (the client went away), DEADLINE_EXCEEDED (no progress), RESOURCE_EXHAUSTED (body too
  // large), INVALID_ARGUMENT (broken body), UNAVAILABLE (the server stops). If the exchange is over
  // already, `fn` is destroyed without being called: check over() first.
  void OnCancel(absl::AnyInvocable<void(const absl::Status&)> fn);

  // --- The request's body ---
  // Nothing is read before one of these two is called: a handler that can't take bytes yet does not
  // ask, and the client waits (an "Expect: 100-continue" is answered when the handler asks).
  void OnBody(BodyCallback fn);
  // Collects the body, which is limited by max_body_bytes().
  void ReadBody(WholeBodyCallback fn);
  // No callback between PauseBody() and ResumeBody(); at most one socket buffer waits meanwhile.
  // ResumeBody() never calls back inside itself.
  void PauseBody();
  void ResumeBody();
  // A longer body is answered with 413, before its first byte if the length is declared. Starts as
  // the server's (or the route's) limit; to be changed before the body is asked for.
  uint64_t max_body_bytes() const { return max_body_bytes_; }
  void set_max_body_bytes(uint64_t bytes) { max_body_bytes_ = bytes; }

  // --- The response, in one go ---
  // Content-Length and Date are added. Head and body leave in one write.
  void Respond(int status, const HeaderMap& headers, absl::string_view body);
  void Respond(const HttpResponse& response);
  // Text/plain, or what HttpServerOptions::error_body makes of it.
  // `extra` goes with it: WWW-Authenticate, Allow, Retry-After.
  void RespondError(int status, absl::string_view message, const HeaderMap& extra = {});

  // --- The response, streamed ---
  // With a length, exactly so many bytes must follow. Without, the body is chunked (for an HTTP/1.0
  // client: ended by closing). For HEAD, and for 204 and 304, the bytes that follow are dropped.
  void StartResponse(int status, const HeaderMap& headers, absl::optional<uint64_t> content_length);
  // Queues a copy. False: stop, because more than the high watermark waits (the bytes are taken all
  // the same, and OnDrained() tells when to go on) or because the exchange is over.
  bool Write(absl::string_view data);
  // Queues a range of a file; nothing of it is read into memory but what is being sent. `fd` must
  // stay open as long as `keep_alive` lives; a file that ends early resets the connection. Returns
  // as Write(); ranges do not count as waiting bytes, but at most kMaxQueuedRanges may wait.
  bool SendFile(int fd, uint64_t offset, uint64_t length, std::shared_ptr<const void> keep_alive);
  // Calls `fn` once, as soon as nothing waits (never inside this call). One at a time.
  void OnDrained(absl::AnyInvocable<void()> fn);
  // Bytes and file ranges not yet handed to the kernel.
  uint64_t pending_bytes() const;
  // Ends the body. If fewer bytes came than were announced, resets instead.
  void Finish();
  // Cuts the connection off so that the client sees an error, never a clean end. `reason` is for
  // the access log.
  void Reset(absl::string_view reason = "reset by the handler");

  // For the access log: bytes of body so far.
  uint64_t body_bytes_received() const { return body_bytes_received_; }
  uint64_t body_bytes_sent() const { return body_bytes_sent_; }
  int response_status() const { return response_status_; }

  static constexpr size_t kMaxQueuedRanges = 64;

 private:
  friend class ServerConnection;
  friend class Router;
  struct Key {};

 public:
  // For ServerConnection only.
  HttpExchange(Key, LoopHandle loop, std::shared_ptr<ServerConnection> connection, uint64_t id,
               std::shared_ptr<const HttpPeer> peer);

 private:
  // The connection if it still serves this exchange. Checks the thread.
  ServerConnection* Live() const;

  const LoopHandle loop_;
  const std::weak_ptr<ServerConnection> owner_;
  const uint64_t id_;
  const std::shared_ptr<const HttpPeer> peer_;
  HttpRequestContext context_;
  absl::string_view path_;
  absl::string_view query_;
  std::vector<std::pair<std::string, std::string>> path_params_;
  absl::optional<uint64_t> declared_body_bytes_;

  // Loop thread only.
  ServerConnection* connection_ = nullptr;
  uint64_t max_body_bytes_ = 0;
  uint64_t body_bytes_received_ = 0;
  uint64_t body_bytes_sent_ = 0;
  int response_status_ = 0;
  BodyCallback on_body_;
  absl::AnyInvocable<void()> on_drained_;
  absl::AnyInvocable<void(const absl::Status&)> on_cancel_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_EXCHANGE_H_
