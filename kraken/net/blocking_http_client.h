#ifndef KRAKEN_NET_BLOCKING_HTTP_CLIENT_H_
#define KRAKEN_NET_BLOCKING_HTTP_CLIENT_H_

#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/net/http_client.h"

namespace kraken::net {

// HttpClient for worker threads that may block: one loop thread and one connection pool inside,
// shared by all callers. Thread-safe. Never call it in an EventLoop.
class BlockingHttpClient {
 public:
  // Bytes that may wait between the socket and a slow sink, per call.
  static constexpr size_t kHandOffBytes = 256 * 1024;

  // Called in the calling thread.
  // An error of on_head or of the sink cancels the call and is what FetchStreaming() returns. While
  // the sink runs, the server is held back once kHandOffBytes wait.
  using HeadCallback = absl::FunctionRef<absl::Status(const HttpResponseHead&)>;
  using Sink = absl::FunctionRef<absl::Status(absl::string_view data)>;
  // Fills the buffer with the next bytes of a streamed request body; 0 ends it. An error cancels.
  using Source = absl::FunctionRef<absl::StatusOr<size_t>(absl::Span<char> buffer)>;

  explicit BlockingHttpClient(HttpClientOptions options);
  // As Shutdown(). REQUIRES: no call is under way, or all of them have been made to return.
  ~BlockingHttpClient();

  // Any HTTP status is a response; errors as HttpCallbacks::on_done.
  absl::StatusOr<HttpResponse> Fetch(HttpClientRequest request);
  // OK: the sink has had the whole body, and may have blocked as long as it liked.
  absl::Status FetchStreaming(HttpClientRequest request, HeadCallback on_head, Sink sink);
  // With a streamed request body; the response is collected. Sets request.streamed_body.
  absl::StatusOr<HttpResponse> Upload(HttpClientRequest request, Source source);

  // Ends every call, now and later, with CANCELLED.
  void Shutdown();
  HttpClientStats stats();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_BLOCKING_HTTP_CLIENT_H_
