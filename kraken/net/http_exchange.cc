#include "kraken/net/http_exchange.h"

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"
#include "kraken/net/server_connection.h"

namespace kraken::net {
namespace {

// What ReadBody() reserves at once of a declared length; a lie costs no more.
constexpr uint64_t kMaxReserve = 64 * 1024;

}  // namespace

HttpExchange::HttpExchange(Key, LoopHandle loop, std::shared_ptr<ServerConnection> connection,
                           uint64_t id, std::shared_ptr<const HttpPeer> peer)
    : loop_(std::move(loop)), owner_(connection), id_(id), peer_(std::move(peer)) {}

HttpExchange::~HttpExchange() {
  if (connection_ == nullptr) return;
  // Whoever dropped the last reference may be in any thread.
  loop_.Post([owner = owner_, id = id_, context = std::move(context_)]() mutable {
    if (const auto connection = owner.lock()) {
      connection->OnExchangeAbandoned(id, std::move(context));
    }
  });
}

ServerConnection* HttpExchange::Live() const {
  KH_CHECK(loop_.IsInLoopThread());
  return connection_;
}

absl::string_view HttpExchange::path_param(absl::string_view name) const {
  for (const auto& [key, value] : path_params_) {
    if (key == name) return value;
  }
  return "";
}

const SocketAddress& HttpExchange::client_address() const {
  return context_.forwarded != nullptr ? context_.forwarded->address : peer_->address;
}

absl::string_view HttpExchange::client_scheme() const {
  if (context_.forwarded != nullptr && !context_.forwarded->scheme.empty()) {
    return context_.forwarded->scheme;
  }
  return peer_->tls ? "https" : "http";
}

absl::string_view HttpExchange::client_host() const {
  if (context_.forwarded != nullptr && !context_.forwarded->host.empty()) {
    return context_.forwarded->host;
  }
  return context_.head.headers.GetOr("Host");
}

bool HttpExchange::Post(absl::AnyInvocable<void(HttpExchange&)> fn) {
  return loop_.Post([self = shared_from_this(), fn = std::move(fn)]() mutable { fn(*self); });
}

bool HttpExchange::over() const { return Live() == nullptr; }

void HttpExchange::OnCancel(absl::AnyInvocable<void(const absl::Status&)> fn) {
  if (Live() != nullptr) on_cancel_ = std::move(fn);
}

void HttpExchange::OnBody(BodyCallback fn) {
  ServerConnection* connection = Live();
  if (connection == nullptr) return;
  on_body_ = std::move(fn);
  connection->BodyWanted(this);
}

void HttpExchange::ReadBody(WholeBodyCallback fn) {
  std::string body;
  body.reserve(std::min({declared_body_bytes_.value_or(0), max_body_bytes_, kMaxReserve}));
  OnBody([fn = std::move(fn), body = std::move(body)](absl::string_view data, bool end) mutable {
    body.append(data.data(), data.size());
    if (end) fn(std::move(body));
  });
}

void HttpExchange::PauseBody() {
  if (ServerConnection* connection = Live()) connection->PauseBody();
}

void HttpExchange::ResumeBody() {
  if (ServerConnection* connection = Live()) connection->ResumeBody();
}

void HttpExchange::Respond(int status, const HeaderMap& headers, absl::string_view body) {
  if (ServerConnection* connection = Live()) connection->Respond(this, status, headers, body);
}

void HttpExchange::Respond(const HttpResponse& response) {
  Respond(response.status, response.headers, response.body);
}

void HttpExchange::RespondError(int status, absl::string_view message, const HeaderMap& extra) {
  if (ServerConnection* connection = Live()) connection->RespondError(this, status, message, extra);
}

void HttpExchange::StartResponse(int status, const HeaderMap& headers,
                                 absl::optional<uint64_t> content_length) {
  if (ServerConnection* connection = Live()) {
    connection->StartResponse(this, status, headers, content_length);
  }
}

bool HttpExchange::Write(absl::string_view data) {
  ServerConnection* connection = Live();
  return connection != nullptr && connection->Write(this, data);
}

bool HttpExchange::SendFile(int fd, uint64_t offset, uint64_t length,
                            std::shared_ptr<const void> keep_alive) {
  ServerConnection* connection = Live();
  return connection != nullptr &&
         connection->SendFile(this, fd, offset, length, std::move(keep_alive));
}

void HttpExchange::OnDrained(absl::AnyInvocable<void()> fn) {
  ServerConnection* connection = Live();
  if (connection == nullptr) return;
  on_drained_ = std::move(fn);
  connection->SchedulePump();
}

uint64_t HttpExchange::pending_bytes() const {
  ServerConnection* connection = Live();
  return connection == nullptr ? 0 : connection->pending_bytes();
}

void HttpExchange::Finish() {
  if (ServerConnection* connection = Live()) connection->Finish(this);
}

void HttpExchange::Reset(absl::string_view reason) {
  if (ServerConnection* connection = Live()) connection->Reset(this, reason);
}

}  // namespace kraken::net
