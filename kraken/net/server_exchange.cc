// The part of ServerConnection that concerns one exchange: its beginning, its body, its response.
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_util.h"
#include "kraken/net/forwarded.h"
#include "kraken/net/http_body_decoder.h"
#include "kraken/net/loop_time.h"
#include "kraken/net/request_id.h"
#include "kraken/net/server_connection.h"
#include "kraken/net/url.h"

namespace kraken::net {
namespace {

// A declared body that is longer than this, and that nobody has asked for by the time of the
// response, is not read away to keep the connection.
constexpr uint64_t kMaxUnwantedBody = 64 * 1024;

// Whether closing the socket now would be a reset, as bytes that came would go unread.
bool HasUnreadInput(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// The Date line of the current second.
absl::string_view DateLine() {
  thread_local time_t second = 0;
  thread_local std::string line;
  timespec now;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != second) {
    second = now.tv_sec;
    line = absl::StrCat("Date: ", FormatHttpDate(second), "\r\n");
  }
  return line;
}

// Fields that the connection writes itself.
bool IsOwnField(absl::string_view name) {
  switch (name.size()) {
    case 4:
      return absl::EqualsIgnoreCase(name, "Date");
    case 10:
      return absl::EqualsIgnoreCase(name, "Connection") ||
             absl::EqualsIgnoreCase(name, "Keep-Alive");
    case 14:
      return absl::EqualsIgnoreCase(name, "Content-Length");
    case 17:
      return absl::EqualsIgnoreCase(name, "Transfer-Encoding");
    default:
      return false;
  }
}

}  // namespace

bool ServerConnection::CheckRequest(HttpExchange* exchange, HttpParseError* error) {
  const HttpRequestHead& head = exchange->request();
  BodyFraming framing;
  if (!RequestBodyFraming(head, &framing, error)) return false;
  const size_t hosts = head.headers.Count("Host");
  if (hosts > 1 || (hosts == 0 && head.minor_version >= 1)) {
    *error = {400, hosts > 1 ? "more than one Host" : "Host is missing"};
    return false;
  }
  absl::StatusOr<TargetParts> target = SplitTarget(head.target);
  if (!target.ok()) {
    *error = {400, "malformed request target"};
    return false;
  }
  exchange->path_ = target->path;
  exchange->query_ = target->query;
  continue_wanted_ = false;
  if (const auto expect = head.headers.Get("Expect"); expect.has_value()) {
    if (!absl::EqualsIgnoreCase(*expect, "100-continue")) {
      *error = {417, "unknown expectation"};
      return false;
    }
    continue_wanted_ = head.minor_version >= 1 && framing.kind != BodyFraming::Kind::kNone;
  }
  decoder_ = HttpBodyDecoder(framing, shared_->options.limits);
  if (framing.kind == BodyFraming::Kind::kNone) exchange->declared_body_bytes_ = 0;
  if (framing.kind == BodyFraming::Kind::kLength) exchange->declared_body_bytes_ = framing.length;
  return true;
}

void ServerConnection::BeginExchange() {
  exchange_start_ns_ = MonotonicNs();
  auto exchange = std::make_shared<HttpExchange>(HttpExchange::Key{}, loop_->handle(),
                                                 shared_from_this(), ++exchange_id_, peer_);
  HttpRequestContext& context = exchange->context_;
  context.head = std::move(parser_.head());
  parser_.Reset();
  if (shared_->options.request_ids) request_id_ = RequestIdFor(context.head.headers);
  context.id = request_id_;
  if (peer_->is_trusted_proxy) {
    context.forwarded = std::make_unique<const ForwardedClient>(
        ReadForwarded(context.head.headers, peer_->address, shared_->options.trusted_proxies));
  }
  HttpParseError error;
  if (!CheckRequest(exchange.get(), &error)) return FailRequest(error, &context);
  ServerShared::Count(shared_->counters.requests);

  const HttpRequestHead& head = exchange->request();
  state_ = State::kExchange;
  body_paused_ = false;
  body_ended_ = false;
  body_refused_ = false;
  head_only_ = head.method == "HEAD";
  http10_ = head.minor_version == 0;
  keep_alive_named_ = http10_ && head.headers.HasToken("Connection", "keep-alive");
  response_body_ = Body::kNotStarted;
  response_queued_ = 0;
  response_finished_ = false;
  skipped_ = 0;
  abandoned_.reset();
  response_status_ = 0;
  last_read_ns_ = last_write_ns_ = exchange_start_ns_;
  if (!KeepsAlive(head.minor_version, head.headers) ||
      shared_->draining.load(std::memory_order_relaxed)) {
    close_after_ = true;
  }
  exchange->max_body_bytes_ = shared_->options.max_body_bytes;
  exchange->connection_ = this;
  exchange_ = exchange;
  attached_ = true;
  shared_->handler(std::move(exchange));
}

void ServerConnection::FailRequest(const HttpParseError& error, const HttpRequestContext* request) {
  ServerShared::Count(shared_->counters.bad_requests);
  if (request == nullptr) request_id_ = shared_->options.request_ids ? NewRequestId() : "";
  HttpExchangeSummary summary;
  summary.status = error.status;
  summary.end = absl::InvalidArgumentError(error.message);
  Report(request, std::move(summary));
  head_only_ = false;
  http10_ = false;
  response_body_ = Body::kNotStarted;
  QueueError(error.status, error.message);
}

void ServerConnection::QueueError(int status, absl::string_view message) {
  close_after_ = true;
  const HttpResponse response = MakeErrorResponse(status, message);
  AppendHead(response.status, response.headers, response.body.size(), /*with_length=*/true);
  if (!head_only_) output_.Append(response.body);
  last_write_ns_ = MonotonicNs();
  state_ = State::kFlush;
  SchedulePump();
}

HttpResponse ServerConnection::MakeErrorResponse(int status, absl::string_view message) const {
  if (shared_->options.error_body) return shared_->options.error_body(status, message);
  HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  response.body = absl::StrCat(message, "\n");
  return response;
}

void ServerConnection::Detach(const absl::Status& status) {
  if (!std::exchange(attached_, false)) return;
  std::shared_ptr<HttpExchange> exchange = exchange_.lock();
  exchange_.reset();
  std::shared_ptr<HttpExchange> finished = std::move(finished_);
  finished_.reset();
  absl::AnyInvocable<void(const absl::Status&)> on_cancel;
  if (exchange != nullptr) {
    exchange->connection_ = nullptr;
    exchange->body_bytes_sent_ =
        response_queued_ - std::min(response_queued_, output_.pending_bytes());
    on_cancel = std::move(exchange->on_cancel_);
    exchange->on_cancel_ = nullptr;
  }
  HttpExchangeSummary summary;
  summary.end = status;
  summary.status = response_status_;
  if (exchange != nullptr) {
    summary.request_body_bytes = exchange->body_bytes_received_;
    summary.response_body_bytes = exchange->body_bytes_sent_;
  }
  summary.duration = absl::Nanoseconds(MonotonicNs() - exchange_start_ns_);
  Report(exchange != nullptr      ? &exchange->context_
         : abandoned_.has_value() ? &*abandoned_
                                  : nullptr,
         std::move(summary));
  if (!status.ok() && on_cancel) on_cancel(status);
  if (exchange != nullptr) {
    // They may own the exchange.
    auto on_body = std::move(exchange->on_body_);
    auto on_drained = std::move(exchange->on_drained_);
    exchange->on_body_ = nullptr;
    exchange->on_drained_ = nullptr;
  }
}

void ServerConnection::Report(const HttpRequestContext* request,
                              HttpExchangeSummary summary) const {
  if (!shared_->options.on_exchange_end) return;
  summary.peer = peer_.get();
  summary.client = &peer_->address;
  summary.request = request;
  if (request != nullptr) {
    if (request->forwarded != nullptr) summary.client = &request->forwarded->address;
    if (const auto target = SplitTarget(request->head.target); target.ok()) {
      summary.path = target->path;
    }
  }
  shared_->options.on_exchange_end(summary);
}

void ServerConnection::FailExchange(int http_status, absl::string_view message,
                                    const absl::Status& status) {
  if (response_body_ != Body::kNotStarted) return Abort(status);
  response_status_ = http_status;
  if (const auto exchange = exchange_.lock(); exchange != nullptr) {
    exchange->response_status_ = http_status;
  }
  Detach(status);
  if (state_ != State::kClosed) QueueError(http_status, message);
}

void ServerConnection::OnExchangeAbandoned(uint64_t id, HttpRequestContext context) {
  if (state_ != State::kExchange || id != exchange_id_ || !exchange_.expired()) return;
  if (response_finished_) return;
  abandoned_ = std::move(context);
  FailExchange(500, "the request was dropped", absl::InternalError("exchange dropped by handler"));
}

void ServerConnection::CompleteExchange() {
  Detach(absl::OkStatus());
  if (state_ == State::kClosed) return;
  const bool unread = !decoder_.done() || input_start_ < input_.size() ||
                      (readable_ && HasUnreadInput(transport_->fd()));
  // An HTTP/1.0 client that was told no length knows the end by it.
  if (close_after_ || response_body_ == Body::kUntilClose ||
      shared_->draining.load(std::memory_order_relaxed)) {
    return StartClosing(/*linger=*/unread);
  }
  phase_start_ns_ = MonotonicNs();
  state_ = decoder_.done() ? State::kIdle : State::kSkipBody;
  last_read_ns_ = phase_start_ns_;
  if (state_ == State::kIdle) transport_->ReleaseIdleBuffers();
}

void ServerConnection::BodyWanted(HttpExchange* exchange) {
  if (exchange->declared_body_bytes_.value_or(0) > exchange->max_body_bytes_) {
    body_refused_ = true;
    return SchedulePump();
  }
  if (continue_wanted_ && response_body_ == Body::kNotStarted) {
    output_.Append("HTTP/1.1 100 Continue\r\n\r\n");
    continue_wanted_ = false;
  }
  last_read_ns_ = last_write_ns_ = MonotonicNs();
  SchedulePump();
}

void ServerConnection::RefuseBody() {
  const auto exchange = exchange_.lock();
  const std::string message = absl::StrCat(
      "the request's body is longer than ",
      exchange == nullptr ? shared_->options.max_body_bytes : exchange->max_body_bytes_, " bytes");
  FailExchange(413, message, absl::ResourceExhaustedError(message));
}

void ServerConnection::ResumeBody() {
  if (!body_paused_) return;
  body_paused_ = false;
  last_read_ns_ = MonotonicNs();
  SchedulePump();
}

size_t ServerConnection::TakeBody(absl::string_view input) {
  const auto exchange = exchange_.lock();
  if (exchange == nullptr) return 0;
  const HttpBodyDecoder::Step step = decoder_.Next(input);
  switch (step.kind) {
    case HttpBodyDecoder::Kind::kData:
      continue_wanted_ = false;
      exchange->body_bytes_received_ += step.data.size();
      if (exchange->body_bytes_received_ > exchange->max_body_bytes_) {
        RefuseBody();
        break;
      }
      DeliverBody(exchange.get(), step.data, decoder_.done());
      break;
    case HttpBodyDecoder::Kind::kDone:
      DeliverBody(exchange.get(), "", /*end=*/true);
      break;
    case HttpBodyDecoder::Kind::kError:
      FailExchange(decoder_.error().status, decoder_.error().message,
                   absl::InvalidArgumentError(absl::StrCat("client ", peer_->address.ToString(),
                                                           ": ", decoder_.error().message)));
      break;
    case HttpBodyDecoder::Kind::kNeedMore:
      break;
  }
  return step.consumed;
}

bool ServerConnection::DeliverBody(HttpExchange* exchange, absl::string_view data, bool end) {
  body_ended_ = end;
  // The callback may end the exchange, which destroys what exchange->on_body_ holds then.
  HttpExchange::BodyCallback fn = std::move(exchange->on_body_);
  exchange->on_body_ = nullptr;
  fn(data, end);
  const bool live = exchange->connection_ == this;
  if (live && !end && !exchange->on_body_) exchange->on_body_ = std::move(fn);
  return live;
}

void ServerConnection::AppendHead(int status, const HeaderMap& headers,
                                  absl::optional<uint64_t> content_length, bool with_length) {
  std::string* out = output_.TailBuffer();
  absl::StrAppend(out, "HTTP/1.1 ", status, " ", ReasonPhrase(status), "\r\n", DateLine());
  for (const HeaderMap::Field field : headers) {
    if (IsOwnField(field.name)) {
      if (absl::EqualsIgnoreCase(field.name, "Connection") &&
          absl::EqualsIgnoreCase(field.value, "close")) {
        close_after_ = true;
      }
      continue;
    }
    if (!IsHeaderName(field.name) || !IsHeaderValue(field.value)) continue;
    absl::StrAppend(out, field.name, ": ", field.value, "\r\n");
  }
  if (!request_id_.empty()) {
    absl::StrAppend(out, kRequestIdField, ": ", request_id_, "\r\n");
  }
  if (with_length) {
    if (content_length.has_value()) {
      absl::StrAppend(out, "Content-Length: ", *content_length, "\r\n");
    } else if (!http10_) {
      absl::StrAppend(out, "Transfer-Encoding: chunked\r\n");
    } else {
      close_after_ = true;
    }
  }
  if (close_after_) {
    absl::StrAppend(out, "Connection: close\r\n");
  } else if (keep_alive_named_) {
    absl::StrAppend(out, "Connection: keep-alive\r\n");
  }
  absl::StrAppend(out, "\r\n");
}

void ServerConnection::StartResponse(HttpExchange* exchange, int status, const HeaderMap& headers,
                                     absl::optional<uint64_t> content_length) {
  KH_CHECK(status >= 200 && status <= 999);
  if (response_body_ != Body::kNotStarted) return;
  // A client that still waits for "100 Continue" may or may not send its body after a final answer.
  const bool unwanted =
      !decoder_.done() && !exchange->on_body_ &&
      exchange->declared_body_bytes_.value_or(kMaxUnwantedBody + 1) > kMaxUnwantedBody;
  if (continue_wanted_ || unwanted || shared_->draining.load(std::memory_order_relaxed)) {
    close_after_ = true;
  }
  response_status_ = exchange->response_status_ = status;
  const bool no_body = ResponseHasNoBody(head_only_ ? "HEAD" : "GET", status);
  // Of a 304 the length would be that of the 200; leaving it out is always right.
  const bool with_length = !no_body || head_only_;
  if (no_body) {
    response_body_ = Body::kNone;
  } else if (content_length.has_value()) {
    response_body_ = Body::kLength;
    response_left_ = *content_length;
  } else {
    response_body_ = http10_ ? Body::kUntilClose : Body::kChunked;
  }
  AppendHead(status, headers, content_length, with_length && status != 204 && status != 304);
  last_write_ns_ = MonotonicNs();
  SchedulePump();
}

void ServerConnection::Respond(HttpExchange* exchange, int status, const HeaderMap& headers,
                               absl::string_view body) {
  if (response_body_ != Body::kNotStarted) return;
  StartResponse(exchange, status, headers, body.size());
  if (response_body_ == Body::kLength) Write(exchange, body);
  Finish(exchange);
}

void ServerConnection::RespondError(HttpExchange* exchange, int status, absl::string_view message,
                                    const HeaderMap& extra) {
  HttpResponse response = MakeErrorResponse(status, message);
  for (const HeaderMap::Field field : extra) response.headers.Add(field.name, field.value);
  Respond(exchange, response.status, response.headers, response.body);
}

bool ServerConnection::TakeResponseBytes(HttpExchange* exchange, uint64_t bytes) {
  KH_CHECK(response_body_ != Body::kNotStarted);
  if (response_finished_) return false;
  if (response_body_ == Body::kLength) {
    if (bytes > response_left_) {
      // More than was announced: whatever the client has is not what was meant.
      Reset(exchange, "the handler wrote more than it announced");
      return false;
    }
    response_left_ -= bytes;
  }
  if (output_.empty()) last_write_ns_ = MonotonicNs();
  return response_body_ != Body::kNone && bytes > 0;
}

bool ServerConnection::BelowWatermark() const {
  return output_.pending_memory() < shared_->options.write_high_watermark_bytes &&
         output_.pending_ranges() < HttpExchange::kMaxQueuedRanges;
}

bool ServerConnection::Write(HttpExchange* exchange, absl::string_view data) {
  if (!TakeResponseBytes(exchange, data.size())) return exchange->connection_ == this;
  char line[kMaxChunkLine];
  const bool chunked = response_body_ == Body::kChunked;
  if (chunked) output_.Append(absl::string_view(line, FormatChunkLine(data.size(), line)));
  output_.Append(data);
  if (chunked) output_.Append("\r\n");
  response_queued_ += data.size();
  SchedulePump();
  return BelowWatermark();
}

bool ServerConnection::SendFile(HttpExchange* exchange, int fd, uint64_t offset, uint64_t length,
                                std::shared_ptr<const void> keep_alive) {
  if (!TakeResponseBytes(exchange, length)) return exchange->connection_ == this;
  char line[kMaxChunkLine];
  const bool chunked = response_body_ == Body::kChunked;
  if (chunked) output_.Append(absl::string_view(line, FormatChunkLine(length, line)));
  output_.AppendFile(fd, offset, length, std::move(keep_alive));
  if (chunked) output_.Append("\r\n");
  response_queued_ += length;
  SchedulePump();
  return BelowWatermark();
}

void ServerConnection::Finish(HttpExchange* exchange) {
  KH_CHECK(response_body_ != Body::kNotStarted);
  if (response_finished_) return;
  if (response_body_ == Body::kLength && response_left_ > 0) {
    return Reset(exchange, "the handler wrote less than it announced");
  }
  if (response_body_ == Body::kChunked) output_.Append("0\r\n\r\n");
  response_finished_ = true;
  finished_ = exchange->shared_from_this();
  SchedulePump();
}

void ServerConnection::Reset(HttpExchange* exchange, absl::string_view reason) {
  exchange->on_cancel_ = nullptr;
  if (state_ == State::kClosed) return;
  transport_->ResetOnClose();
  Detach(absl::AbortedError(reason));
  Close();
}

}  // namespace kraken::net
