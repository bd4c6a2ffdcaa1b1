#ifndef KRAKEN_NET_HTTP_CLIENT_H_
#define KRAKEN_NET_HTTP_CLIENT_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_limits.h"
#include "kraken/net/http_message.h"
#include "kraken/net/resolver.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"

namespace kraken::net {

struct HttpTimeouts {
  // Name look-up, TCP and TLS.
  absl::Duration connect = absl::Seconds(10);
  // From the request's last byte to the end of the response's head.
  absl::Duration head = absl::Seconds(60);
  // Without a byte moved in either direction while a body is under way and nobody has paused it.
  absl::Duration progress = absl::Seconds(60);
  // Everything; also while paused.
  absl::Duration total = absl::InfiniteDuration();
};

struct HttpClientRequest {
  static constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

  std::string method = "GET";
  Url url;
  // Host, Content-Length and Transfer-Encoding are added by the client.
  HeaderMap headers;

  // A small body is given here. It can be sent again if a kept-alive connection turns out dead.
  std::string body;
  // A large one is streamed: HttpCall::Write() and FinishBody().
  bool streamed_body = false;
  absl::optional<uint64_t> streamed_body_bytes;  // unset: chunked

  // If set, dialled instead of url's host and port: "/var/run/docker.sock".
  std::string unix_socket_path;
  // For https; null: the client's own.
  std::shared_ptr<const TlsContext> tls;
  HttpTimeouts timeouts;
  // A longer response ends with RESOURCE_EXHAUSTED. Unset: no limit when streamed,
  // HttpClientOptions::max_buffered_body_bytes when collected.
  absl::optional<uint64_t> max_body_bytes;
};

// What a call reports, in the client's loop. Any may be empty. on_done is the last, exactly once
// unless the call was cancelled.
struct HttpCallbacks {
  // Interim (1xx) responses are not reported.
  absl::AnyInvocable<void(const HttpResponseHead&)> on_head;
  // Valid during the call only.
  absl::AnyInvocable<void(absl::string_view data)> on_body;
  // Of a streamed request body: nothing waits any more. Also once when the connection is ready.
  absl::AnyInvocable<void()> on_drained;
  // OK: the whole response has been reported. Else the error names method, address (without query)
  // and cause: UNAVAILABLE (could not reach it, or it cut the connection, also in mid-body),
  // DEADLINE_EXCEEDED, UNAUTHENTICATED (TLS), INTERNAL (not HTTP), RESOURCE_EXHAUSTED (a limit).
  // An HTTP status of any kind is no error here.
  absl::AnyInvocable<void(absl::Status)> on_done;
};

// One request under way. Belongs to the client's loop. Dropping the handle does not cancel.
class HttpCall {
 public:
  virtual ~HttpCall() = default;

  // No on_body between Pause() and Resume(). Resume() never calls back inside itself.
  virtual void Pause() = 0;
  virtual void Resume() = 0;
  // No callback runs afterwards; the connection is closed. Does nothing when the call is over.
  virtual void Cancel() = 0;

  // Streamed request body. Bytes may be given before the connection is there. False: more than the
  // high watermark waits; stop until on_drained. Does nothing when the call is over.
  virtual bool Write(absl::string_view data) = 0;
  virtual void FinishBody() = 0;
  virtual bool over() const = 0;
};

struct HttpClientOptions {
  static constexpr size_t kDefaultMaxConnectionsPerHost = 256;
  static constexpr size_t kDefaultMaxQueuedPerHost = 4096;
  static constexpr size_t kDefaultMaxIdlePerHost = 16;
  static constexpr size_t kDefaultMaxIdle = 256;
  static constexpr uint64_t kDefaultMaxBufferedBodyBytes = 16 << 20;
  static constexpr size_t kDefaultWriteHighWatermark = 256 * 1024;

  // For https requests that bring none; null: https fails with FAILED_PRECONDITION.
  std::shared_ptr<const TlsContext> tls;
  Resolver* resolver = nullptr;  // null: Resolver::Default()
  HttpLimits limits;
  // Further calls wait for a connection, inside their connect timeout.
  size_t max_connections_per_host = kDefaultMaxConnectionsPerHost;
  size_t max_queued_per_host = kDefaultMaxQueuedPerHost;
  size_t max_idle_per_host = kDefaultMaxIdlePerHost;
  size_t max_idle = kDefaultMaxIdle;
  absl::Duration idle_timeout = absl::Seconds(30);
  uint64_t max_buffered_body_bytes = kDefaultMaxBufferedBodyBytes;
  size_t write_high_watermark_bytes = kDefaultWriteHighWatermark;
  std::string user_agent = "kraken-harbor";
};

struct HttpClientStats {
  uint64_t calls = 0;
  uint64_t connections_opened = 0;
  uint64_t connections_reused = 0;
  uint64_t retried_on_stale_connection = 0;
  size_t idle_connections = 0;
  size_t active_connections = 0;
};

// An HTTP/1.1 client on one loop, with a pool of kept-alive connections per (scheme, host, port,
// TLS context). Redirects are reported, not followed: see RedirectLocation().
//
// A request whose kept-alive connection dies before a byte of the response is sent again, once, on
// a new connection, if its method is idempotent and its body is not streamed.
//
// Belongs to its loop's thread.
class HttpClient {
 public:
  HttpClient(EventLoop* loop, HttpClientOptions options);
  // Cancels every call.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // No callback runs inside this call.
  std::shared_ptr<HttpCall> Start(HttpClientRequest request, HttpCallbacks callbacks);
  // Collects the response.
  std::shared_ptr<HttpCall> Fetch(HttpClientRequest request,
                                  absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)> done);
  void CloseIdleConnections();
  HttpClientStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// Where a 301, 302, 303, 307 or 308 response points, resolved against the request's URL. NOT_FOUND:
// the response is no redirect or has no Location; INVALID_ARGUMENT: it is malformed. Whether to
// follow, and with which credentials (Url::SameOrigin), is the caller's decision.
absl::StatusOr<Url> RedirectLocation(const Url& request_url, int status, const HeaderMap& headers);

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_CLIENT_H_
