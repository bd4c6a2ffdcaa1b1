#ifndef KRAKEN_REGISTRY_TESTING_SCRIPTED_SERVER_H_
#define KRAKEN_REGISTRY_TESTING_SCRIPTED_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"

namespace kraken::registry::testing {

// An HTTP server of a test's own, for faults that a real registry does not have. Listens on
// 127.0.0.1 and keeps the head of each request.
class ScriptedServer {
 public:
  // Runs in the server's loop; `index` counts requests from 0.
  using Handler = std::function<void(std::shared_ptr<net::HttpExchange>, int index)>;

  explicit ScriptedServer(Handler handler, std::shared_ptr<const net::TlsContext> tls = nullptr);
  ~ScriptedServer();

  const net::Url& url() const { return url_; }
  std::vector<net::HttpRequestHead> requests() const;

 private:
  void Handle(std::shared_ptr<net::HttpExchange> exchange);

  const Handler handler_;
  mutable absl::Mutex mutex_;
  std::vector<net::HttpRequestHead> requests_ ABSL_GUARDED_BY(mutex_);
  net::LoopThread loop_{"scripted"};
  net::HttpServer server_;
  net::Url url_;
};

}  // namespace kraken::registry::testing

#endif  // KRAKEN_REGISTRY_TESTING_SCRIPTED_SERVER_H_
