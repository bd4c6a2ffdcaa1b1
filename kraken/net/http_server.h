#ifndef KRAKEN_NET_HTTP_SERVER_H_
#define KRAKEN_NET_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/net/cidr_set.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_limits.h"
#include "kraken/net/listen_socket.h"
#include "kraken/net/tls_context.h"

namespace kraken::net {

// What an exchange was, or a request that did not become one, for access logs and metrics. All that
// is pointed to is valid during the call only.
struct HttpExchangeSummary {
  // Null if what came was no request.
  const HttpRequestContext* request = nullptr;
  // Raw, as HttpExchange::path(); empty if there is none.
  absl::string_view path;
  // Never null.
  const HttpPeer* peer = nullptr;
  // As HttpExchange::client_address().
  const SocketAddress* client = nullptr;
  int status = 0;  // 0: ended without an answer
  // OK: the whole response was handed to the kernel. Else why it was not, as HttpExchange::OnCancel
  // has it, or why the server refused the request.
  absl::Status end;
  uint64_t request_body_bytes = 0;
  uint64_t response_body_bytes = 0;
  absl::Duration duration;  // from the request's head to the end
};

struct HttpServerOptions {
  static constexpr uint64_t kDefaultMaxBodyBytes = 1 << 20;
  static constexpr size_t kDefaultMaxConnections = 8192;
  static constexpr size_t kDefaultWriteHighWatermark = 256 * 1024;

  std::shared_ptr<const TlsContext> tls;  // null: plain HTTP

  HttpLimits limits;
  // For handlers that do not set their own (HttpExchange::set_max_body_bytes, RouteOptions).
  uint64_t max_body_bytes = kDefaultMaxBodyBytes;
  // With more, connections wait in the kernel's backlog.
  size_t max_connections = kDefaultMaxConnections;
  // Queued bytes of one response at which Write() asks the handler to stop.
  size_t write_high_watermark_bytes = kDefaultWriteHighWatermark;

  // From a request's first byte (or from the TLS handshake's start) to the end of its head: 408.
  absl::Duration head_timeout = absl::Seconds(15);
  // Without one more byte of a body that the handler waits for: 408.
  absl::Duration body_progress_timeout = absl::Seconds(60);
  // Without one more byte accepted by the client of a response that waits: reset.
  absl::Duration write_progress_timeout = absl::Seconds(60);
  // Between requests.
  absl::Duration keep_alive_timeout = absl::Seconds(75);
  // Whether a client that ends its sending direction while it waits for an answer is taken to have
  // gone. By default it gets its answer, as RFC 9112 §9.6 lets it expect.
  bool half_close_cancels = false;
  // Each request gets an id (request_id.h), which its response names.
  bool request_ids = false;
  // Whose X-Forwarded-* fields are believed (forwarded.h).
  CidrSet trusted_proxies;

  // Makes the body (and its type) of an error that the server itself answers, and of
  // HttpExchange::RespondError(). Default: the message as text/plain, with a newline.
  std::function<HttpResponse(int status, absl::string_view message)> error_body;
  // Called in the connection's loop when an exchange is over, or a request was refused.
  std::function<void(const HttpExchangeSummary&)> on_exchange_end;
};

struct HttpServerStats {
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t requests = 0;
  uint64_t bad_requests = 0;  // refused by the codec
  uint64_t tls_handshake_failures = 0;
  uint64_t timeouts = 0;
  uint64_t accept_exhausted = 0;  // rests for want of file descriptors
};

// An HTTP/1.1 server on several loops: the first one accepts, connections are dealt out in turn and
// stay where they are. Pipelined requests are answered one after the other.
//
// Thread safety: all methods, from any thread but (where they wait) the server's own loops.
class HttpServer {
 public:
  // The loops must outlive the server and be running, or start to run before the server is
  // destroyed: the destructor waits for them. So join a LoopPool after its servers are gone.
  HttpServer(std::vector<EventLoop*> loops, HttpServerOptions options, HttpHandler handler);
  // As Shutdown() with no grace, and waits for it.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // May be called for several addresses. Returns the address with the port that was given. Errors
  // as ListenSocket::Listen().
  absl::StatusOr<SocketAddress> Listen(absl::string_view address, ListenOptions options = {});
  // The same with a socket that listens already.
  absl::StatusOr<SocketAddress> Listen(ListenSocket socket);

  // Stops accepting, closes idle connections, lets exchanges end (their responses say "Connection:
  // close") until `grace` has passed, then cuts the rest off; then calls `done`, in a loop of the
  // server. Once.
  void Shutdown(absl::Duration grace, absl::AnyInvocable<void()> done);
  // The same, and waits. REQUIRES: called from none of the server's loops.
  void ShutdownAndWait(absl::Duration grace);

  HttpServerStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_SERVER_H_
