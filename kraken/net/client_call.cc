#include "kraken/net/client_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"
#include "kraken/net/http_body_decoder.h"
#include "kraken/net/loop_time.h"

namespace kraken::net {
namespace {

// Fields that the client writes itself.
bool IsOwnField(absl::string_view name) {
  return absl::EqualsIgnoreCase(name, "Content-Length") ||
         absl::EqualsIgnoreCase(name, "Transfer-Encoding") || absl::EqualsIgnoreCase(name, "Host");
}

bool MethodHasBody(absl::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

ClientCall::ClientCall(EventLoop* loop, Owner* owner, HttpClientRequest request,
                       HttpCallbacks callbacks, const HttpClientOptions& options)
    : loop_(loop),
      owner_(owner),
      request_(std::move(request)),
      callbacks_(std::move(callbacks)),
      high_watermark_(options.write_high_watermark_bytes),
      user_agent_(options.user_agent),
      max_body_(request_.max_body_bytes.value_or(HttpClientRequest::kUnlimited)) {}

ClientCall::~ClientCall() { loop_->CancelTimer(timer_); }

absl::Duration ClientCall::connect_time_left() const {
  return request_.timeouts.connect - absl::Nanoseconds(MonotonicNs() - start_ns_);
}

void ClientCall::Begin() {
  start_ns_ = progress_ns_ = MonotonicNs();
  chunked_ = request_.streamed_body && !request_.streamed_body_bytes.has_value();
  body_left_ = request_.streamed_body_bytes.value_or(0);
  BuildRequest();
  UpdateDeadline();
}

void ClientCall::BuildRequest() {
  output_.Clear();
  std::string* out = output_.TailBuffer();
  absl::StrAppend(out, request_.method, " ", request_.url.target,
                  " HTTP/1.1\r\nHost: ", request_.url.host_header(), "\r\n");
  for (const HeaderMap::Field field : request_.headers) {
    if (IsOwnField(field.name) || !IsHeaderName(field.name) || !IsHeaderValue(field.value)) {
      continue;
    }
    absl::StrAppend(out, field.name, ": ", field.value, "\r\n");
  }
  if (!user_agent_.empty() && !request_.headers.Has("User-Agent")) {
    absl::StrAppend(out, "User-Agent: ", user_agent_, "\r\n");
  }
  if (chunked_) {
    absl::StrAppend(out, "Transfer-Encoding: chunked\r\n");
  } else if (request_.streamed_body) {
    absl::StrAppend(out, "Content-Length: ", *request_.streamed_body_bytes, "\r\n");
  } else if (!request_.body.empty() || MethodHasBody(request_.method)) {
    absl::StrAppend(out, "Content-Length: ", request_.body.size(), "\r\n");
  }
  absl::StrAppend(out, "\r\n");
  output_.Append(request_.body);
  body_finished_ = !request_.streamed_body;
}

void ClientCall::OnConnection(ClientConnection* connection) {
  connector_.reset();
  connection_ = connection;
  phase_ = Phase::kSending;
  progress_ns_ = MonotonicNs();
  connection_->Attach(shared_from_this());
  UpdateDeadline();
}

absl::Status ClientCall::Describe(const absl::Status& status) const {
  return Annotate(status, absl::StrCat(request_.method, " ", request_.url.ToLogString()));
}

HttpCallbacks ClientCall::End() {
  phase_ = Phase::kOver;
  loop_->CancelTimer(std::exchange(timer_, TimerId::kNone));
  connector_.reset();
  output_.Clear();
  if (ClientConnection* connection = std::exchange(connection_, nullptr)) connection->Detach();
  if (Owner* owner = std::exchange(owner_, nullptr)) owner->OnCallOver(this);
  return std::exchange(callbacks_, HttpCallbacks());
}

void ClientCall::Finish(const absl::Status& status) {
  if (over()) return;
  const auto self = shared_from_this();
  HttpCallbacks callbacks = End();
  if (callbacks.on_done) callbacks.on_done(status);
}

void ClientCall::Fail(const absl::Status& status) { Finish(Describe(status)); }

void ClientCall::Abandon() {
  if (over()) return;
  const auto self = shared_from_this();
  owner_ = nullptr;
  End();
}

void ClientCall::Cancel() {
  if (over()) return;
  const auto self = shared_from_this();
  End();
}

void ClientCall::Pause() {
  if (over()) return;
  paused_ = true;
  if (connection_ != nullptr) connection_->SetPaused(true);
}

void ClientCall::Resume() {
  if (over()) return;
  paused_ = false;
  progress_ns_ = MonotonicNs();
  if (connection_ != nullptr) connection_->SetPaused(false);
  UpdateDeadline();
}

bool ClientCall::Write(absl::string_view data) {
  if (over() || body_finished_) return false;
  if (!chunked_) {
    if (data.size() > body_left_) {
      // Not inside a call of the caller's.
      loop_->Defer([self = shared_from_this()] {
        self->Fail(absl::InvalidArgumentError("the body is longer than announced"));
      });
      return false;
    }
    body_left_ -= data.size();
  }
  if (data.empty()) return output_.pending_memory() < high_watermark_;
  if (output_.empty()) progress_ns_ = MonotonicNs();
  char line[kMaxChunkLine];
  if (chunked_) output_.Append(absl::string_view(line, FormatChunkLine(data.size(), line)));
  output_.Append(data);
  if (chunked_) output_.Append("\r\n");
  if (connection_ != nullptr) connection_->SchedulePump();
  UpdateDeadline();
  return output_.pending_memory() < high_watermark_;
}

void ClientCall::FinishBody() {
  if (over() || body_finished_) return;
  if (!chunked_ && body_left_ > 0) {
    loop_->Defer([self = shared_from_this()] {
      self->Fail(absl::InvalidArgumentError("the body is shorter than announced"));
    });
    return;
  }
  if (chunked_) output_.Append("0\r\n\r\n");
  body_finished_ = true;
  progress_ns_ = MonotonicNs();
  if (connection_ != nullptr) connection_->SchedulePump();
  UpdateDeadline();
}

void ClientCall::OnProgress() {
  progress_ns_ = MonotonicNs();
  UpdateDeadline();
}

void ClientCall::OnOutputDrained() {
  UpdateDeadline();
  // May end the call, and with it destroy the callbacks' owner.
  if (!callbacks_.on_drained) return;
  auto fn = std::move(callbacks_.on_drained);
  callbacks_.on_drained = nullptr;
  fn();
  if (!over() && !callbacks_.on_drained) callbacks_.on_drained = std::move(fn);
}

bool ClientCall::TooLong(uint64_t bytes) {
  if (bytes <= max_body_) return false;
  Fail(absl::ResourceExhaustedError(
      absl::StrCat("the answer is longer than ", max_body_, " bytes")));
  return true;
}

void ClientCall::OnHead(const HttpResponseHead& head, const BodyFraming& framing) {
  phase_ = Phase::kBody;
  progress_ns_ = MonotonicNs();
  if (framing.kind == BodyFraming::Kind::kLength && TooLong(framing.length)) return;
  UpdateDeadline();
  if (!callbacks_.on_head) return;
  auto fn = std::move(callbacks_.on_head);
  callbacks_.on_head = nullptr;
  fn(head);
}

void ClientCall::OnData(absl::string_view data) {
  received_ += data.size();
  if (TooLong(received_) || !callbacks_.on_body) return;
  auto fn = std::move(callbacks_.on_body);
  callbacks_.on_body = nullptr;
  fn(data);
  if (!over()) callbacks_.on_body = std::move(fn);
}

void ClientCall::OnComplete() {
  connection_ = nullptr;
  Finish(absl::OkStatus());
}

void ClientCall::OnError(const absl::Status& status, bool unanswered) {
  const bool reused = connection_ != nullptr && connection_->reused();
  connection_ = nullptr;
  if (over()) return;
  if (unanswered && reused && !retried_ && !request_.streamed_body &&
      IsIdempotentMethod(request_.method) && owner_ != nullptr) {
    retried_ = true;
    phase_ = Phase::kWaiting;
    BuildRequest();
    UpdateDeadline();
    owner_->RetryCall(shared_from_this());
    return;
  }
  Fail(status);
}

void ClientCall::UpdateDeadline() {
  if (over()) return;
  const HttpTimeouts& timeouts = request_.timeouts;
  int64_t deadline = DeadlineAfter(start_ns_, timeouts.total);
  switch (phase_) {
    case Phase::kWaiting:
      // A connector keeps the time itself, and can say more.
      if (connector_ == nullptr) {
        deadline = std::min(deadline, DeadlineAfter(start_ns_, timeouts.connect));
      }
      break;
    case Phase::kSending:
      if (!output_.empty()) {
        deadline = std::min(deadline, DeadlineAfter(progress_ns_, timeouts.progress));
      } else if (body_finished_) {
        deadline = std::min(deadline, DeadlineAfter(progress_ns_, timeouts.head));
      }
      break;
    case Phase::kBody:
      if (!paused_) deadline = std::min(deadline, DeadlineAfter(progress_ns_, timeouts.progress));
      break;
    case Phase::kOver:
      return;
  }
  deadline_ns_ = deadline;
  if (deadline == kNever || (timer_ != TimerId::kNone && timer_ns_ <= deadline)) return;
  loop_->CancelTimer(timer_);
  timer_ns_ = deadline;
  timer_ = loop_->RunAfter(absl::Nanoseconds(std::max<int64_t>(deadline - MonotonicNs(), 0)),
                           [this] { OnTimer(); });
}

void ClientCall::OnTimer() {
  timer_ = TimerId::kNone;
  const auto self = shared_from_this();
  // Progress moves deadlines without a look at the timer.
  UpdateDeadline();
  const int64_t now = MonotonicNs();
  if (now < deadline_ns_) return;
  if (now >= DeadlineAfter(start_ns_, request_.timeouts.total)) {
    return Fail(absl::DeadlineExceededError(
        absl::StrCat("not done within ", absl::FormatDuration(request_.timeouts.total))));
  }
  switch (phase_) {
    case Phase::kWaiting:
      return Fail(absl::DeadlineExceededError(
          absl::StrCat("no connection within ", absl::FormatDuration(request_.timeouts.connect))));
    case Phase::kSending:
      return Fail(absl::DeadlineExceededError(
          output_.empty()
              ? absl::StrCat("no answer within ", absl::FormatDuration(request_.timeouts.head))
              : absl::StrCat("the server took no more of the request for ",
                             absl::FormatDuration(request_.timeouts.progress))));
    case Phase::kBody:
      return Fail(absl::DeadlineExceededError(absl::StrCat(
          "no more of the answer for ", absl::FormatDuration(request_.timeouts.progress), " after ",
          received_, " bytes")));
    case Phase::kOver:
      return;
  }
}

}  // namespace kraken::net
