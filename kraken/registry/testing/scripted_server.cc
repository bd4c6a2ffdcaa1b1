#include "kraken/registry/testing/scripted_server.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/check.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/net/http_server.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"

namespace kraken::registry::testing {

ScriptedServer::ScriptedServer(Handler handler, std::shared_ptr<const net::TlsContext> tls)
    : handler_(std::move(handler)),
      server_(
          {&loop_.loop()},
          [&tls] {
            net::HttpServerOptions options;
            options.tls = tls;
            return options;
          }(),
          [this](std::shared_ptr<net::HttpExchange> exchange) { Handle(std::move(exchange)); }) {
  const auto address = server_.Listen("127.0.0.1:0");
  KH_CHECK(address.ok());
  const auto url =
      net::Url::Parse(absl::StrCat(tls == nullptr ? "http" : "https", "://", address->ToString()));
  KH_CHECK(url.ok());
  url_ = *url;
}

ScriptedServer::~ScriptedServer() = default;

std::vector<net::HttpRequestHead> ScriptedServer::requests() const {
  absl::MutexLock lock(&mutex_);
  return requests_;
}

void ScriptedServer::Handle(std::shared_ptr<net::HttpExchange> exchange) {
  int index = 0;
  {
    absl::MutexLock lock(&mutex_);
    index = static_cast<int>(requests_.size());
    requests_.push_back(exchange->request());
  }
  handler_(std::move(exchange), index);
}

}  // namespace kraken::registry::testing
