#include "kraken/net/server_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_util.h"
#include "kraken/net/loop_time.h"

namespace kraken::net {
namespace {

// What one connection may move before the loop's other work gets its turn.
constexpr uint64_t kOutputBudget = 2 << 20;
constexpr int kReadsPerTurn = 16;
// Body that nobody wanted, read away so that the connection can be kept; with more it is closed.
constexpr uint64_t kMaxSkipBytes = 256 * 1024;
// Read away after our end, at most, and for how long.
constexpr uint64_t kMaxLingerBytes = 16 << 20;
constexpr absl::Duration kLingerTime = absl::Seconds(5);
// An input buffer larger than this is freed when it is empty.
constexpr size_t kKeepInputBytes = 2048;

}  // namespace

ServerConnection::ServerConnection(EventLoop* loop, std::shared_ptr<ServerShared> shared,
                                   std::unique_ptr<Transport> transport,
                                   std::shared_ptr<HttpPeer> peer)
    : loop_(loop),
      shared_(std::move(shared)),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      parser_(shared_->options.limits) {}

ServerConnection::~ServerConnection() { KH_CHECK(state_ == State::kClosed); }

void ServerConnection::Start() {
  phase_start_ns_ = MonotonicNs();
  watcher_ = std::make_unique<FdWatcher>(loop_, transport_->fd(), static_cast<FdHandler*>(this),
                                         FdWatcher::Mode::kEdgeReadWrite);
  parser_.Reset();
  // The first edge comes at once: a new socket is writable.
  UpdateDeadline();
}

void ServerConnection::DrainAndClose() {
  close_after_ = true;
  if (state_ == State::kIdle || state_ == State::kHandshake) Close();
}

void ServerConnection::Abort(const absl::Status& reason) {
  const auto self = shared_from_this();
  if (state_ == State::kClosed) return;
  const bool cut = response_body_ != Body::kNotStarted;
  Detach(reason);
  if (cut && state_ != State::kClosed) transport_->ResetOnClose();
  Close();
}

void ServerConnection::OnFdReady(FdEvents events) {
  // TLS may have to read in order to write, and the other way round.
  const bool both = transport_->is_tls();
  readable_ |= events.readable || both;
  writable_ |= events.writable || both;
  peer_closed_ |= events.peer_closed;
  const auto self = shared_from_this();
  Pump();
  // The edge of a client's going away may come with its request, or while nothing is being read.
  if (events.readable && state_ == State::kExchange && !WantsInput()) CheckPeerGone();
}

void ServerConnection::CheckPeerGone() {
  bool half = false;
  if (!transport_->PeerHasClosed(&half)) return;
  if (half && !shared_->options.half_close_cancels) return;
  Detach(absl::CancelledError(absl::StrCat("client ", peer_->address.ToString(), " went away")));
  Close();
}

void ServerConnection::SchedulePump() {
  if (pumping_) {
    pump_again_ = true;
    return;
  }
  if (pump_scheduled_ || state_ == State::kClosed) return;
  pump_scheduled_ = true;
  loop_->Defer([self = shared_from_this()] {
    self->pump_scheduled_ = false;
    self->Pump();
  });
}

void ServerConnection::Pump() {
  if (pumping_ || state_ == State::kClosed) return;
  const auto self = shared_from_this();
  pumping_ = true;
  uint64_t budget = kOutputBudget;
  bool yield = false;
  for (int turn = 0; state_ != State::kClosed; ++turn) {
    pump_again_ = false;
    bool progress = PumpHandshake();
    progress |= PumpOutput(&budget, &yield);
    progress |= PumpInput();
    if (!progress && !pump_again_) break;
    if (yield || turn == kReadsPerTurn) {
      yield = true;
      break;
    }
  }
  pumping_ = false;
  if (state_ == State::kClosed) return;
  if (yield) SchedulePump();
  UpdateDeadline();
}

bool ServerConnection::PumpHandshake() {
  if (state_ != State::kHandshake) return false;
  const IoResult result = transport_->Handshake();
  if (result.kind == IoResult::Kind::kWouldBlock) return false;
  if (!result.ok()) {
    ServerShared::Count(shared_->counters.tls_handshake_failures);
    // The alert that says why must not be overtaken by a reset.
    StartClosing(/*linger=*/true);
    return true;
  }
  peer_->certificate = transport_->peer_certificate();
  state_ = State::kIdle;
  phase_start_ns_ = MonotonicNs();
  return true;
}

bool ServerConnection::PumpOutput(uint64_t* budget, bool* yield) {
  if (state_ == State::kClosed || state_ == State::kHandshake || state_ == State::kLinger) {
    return false;
  }
  if (output_.empty() && !transport_->HasUnflushed()) {
    const State before = state_;
    const auto exchange = exchange_.lock();
    const bool drained_wanted = exchange != nullptr && exchange->on_drained_ != nullptr;
    if (!drained_wanted && !response_finished_ && state_ != State::kFlush) return false;
    OnOutputDrained();
    return drained_wanted || state_ != before;
  }
  if (!writable_) return false;
  uint64_t sent = 0;
  const OutputQueue::Result result = output_.Send(transport_.get(), *budget, &sent);
  *budget -= std::min(*budget, sent);
  if (sent > 0) last_write_ns_ = MonotonicNs();
  switch (result) {
    case OutputQueue::Result::kDrained:
      OnOutputDrained();
      return true;
    case OutputQueue::Result::kBlocked:
      writable_ = false;
      return sent > 0;
    case OutputQueue::Result::kYield:
      *yield = true;
      return true;
    case OutputQueue::Result::kError:
      OnTransportError();
      return true;
  }
  return false;
}

void ServerConnection::OnOutputDrained() {
  if (const auto exchange = exchange_.lock(); exchange != nullptr && exchange->on_drained_) {
    auto fn = std::move(exchange->on_drained_);
    exchange->on_drained_ = nullptr;
    fn();
    // It may have queued more, or ended the exchange.
    if (state_ == State::kClosed || !output_.empty()) return;
  }
  if (state_ == State::kFlush) {
    StartClosing(/*linger=*/true);
  } else if (state_ == State::kExchange && response_finished_) {
    CompleteExchange();
  }
}

bool ServerConnection::WantsInput() const {
  switch (state_) {
    case State::kIdle:
    case State::kHead:
    case State::kSkipBody:
    case State::kLinger:
      return true;
    case State::kExchange: {
      if (decoder_.done() || body_paused_ || body_ended_) return false;
      const auto exchange = exchange_.lock();
      return exchange != nullptr && exchange->on_body_ != nullptr;
    }
    case State::kHandshake:
    case State::kFlush:
    case State::kClosed:
      return false;
  }
  return false;
}

bool ServerConnection::PumpInput() {
  if (state_ == State::kExchange && body_refused_) {
    body_refused_ = false;
    RefuseBody();
    return true;
  }
  if (state_ == State::kExchange && decoder_.done() && !body_ended_ && !body_paused_) {
    const auto exchange = exchange_.lock();
    if (exchange != nullptr && exchange->on_body_) {
      DeliverBody(exchange.get(), "", /*end=*/true);
      return true;
    }
  }
  if (!WantsInput()) return false;
  if (input_start_ < input_.size()) {
    const State before = state_;
    const uint64_t id_before = exchange_id_;
    const size_t consumed = Process(absl::string_view(input_).substr(input_start_));
    input_start_ += consumed;
    if (input_start_ == input_.size()) {
      input_.clear();
      input_start_ = 0;
      if (input_.capacity() > kKeepInputBytes) input_.shrink_to_fit();
    }
    if (consumed > 0 || state_ != before || exchange_id_ != id_before) return true;
  }
  return readable_ && ReadSome();
}

bool ServerConnection::ReadSome() {
  const absl::Span<char> buffer = loop_->scratch();
  const IoResult result = state_ == State::kLinger
                              ? transport_->ReadRaw(buffer.data(), buffer.size())
                              : transport_->Read(buffer.data(), buffer.size());
  switch (result.kind) {
    case IoResult::Kind::kWouldBlock:
      readable_ = false;
      return false;
    case IoResult::Kind::kEof:
      OnInputEnd();
      return true;
    case IoResult::Kind::kError:
      OnTransportError();
      return true;
    case IoResult::Kind::kOk:
      break;
  }
  last_read_ns_ = MonotonicNs();
  const absl::string_view data(buffer.data(), result.bytes);
  if (input_.empty()) {
    const size_t consumed = Process(data);
    if (state_ != State::kClosed) input_.assign(data.substr(consumed));
    input_start_ = 0;
    // A read that leaves room has taken all there was, unless an end or a reset came with it. Where
    // a whole answer waits to be written, that will tell; else another read must.
    const bool all_taken = result.bytes < buffer.size() && !peer_closed_;
    if (all_taken && state_ == State::kExchange && response_finished_ && !transport_->is_tls()) {
      readable_ = false;
    }
  } else {
    input_.erase(0, input_start_);
    input_start_ = 0;
    input_.append(data.data(), data.size());
  }
  return true;
}

size_t ServerConnection::Process(absl::string_view input) {
  size_t total = 0;
  while (total < input.size() && WantsInput()) {
    const State before = state_;
    const absl::string_view rest = input.substr(total);
    size_t consumed = 0;
    switch (state_) {
      case State::kIdle:
      case State::kHead:
        consumed = TakeHead(rest);
        break;
      case State::kExchange:
        consumed = TakeBody(rest);
        break;
      case State::kSkipBody:
        consumed = SkipBody(rest);
        break;
      case State::kLinger:
        consumed = rest.size();
        skipped_ += consumed;
        if (skipped_ > kMaxLingerBytes) Close();
        break;
      case State::kHandshake:
      case State::kFlush:
      case State::kClosed:
        return total;
    }
    total += consumed;
    if (consumed == 0 && state_ == before) break;
  }
  return total;
}

size_t ServerConnection::TakeHead(absl::string_view input) {
  if (close_after_) {
    Close();
    return input.size();
  }
  size_t consumed = 0;
  switch (parser_.Parse(input, &consumed)) {
    case HttpParseState::kNeedMore:
      if (state_ == State::kIdle && parser_.started()) {
        state_ = State::kHead;
        phase_start_ns_ = MonotonicNs();
      }
      break;
    case HttpParseState::kError:
      FailRequest(parser_.error());
      break;
    case HttpParseState::kDone:
      BeginExchange();
      break;
  }
  return consumed;
}

size_t ServerConnection::SkipBody(absl::string_view input) {
  const HttpBodyDecoder::Step step = decoder_.Next(input);
  skipped_ += step.data.size();
  if (step.kind == HttpBodyDecoder::Kind::kError || skipped_ > kMaxSkipBytes) {
    StartClosing(/*linger=*/true);
  } else if (decoder_.done()) {
    state_ = State::kIdle;
    phase_start_ns_ = MonotonicNs();
  }
  return step.consumed;
}

void ServerConnection::OnInputEnd() {
  readable_ = false;
  if (state_ == State::kExchange) {
    Detach(absl::CancelledError(
        absl::StrCat("client ", peer_->address.ToString(), " ended the connection in mid-body")));
    if (state_ != State::kClosed) transport_->ResetOnClose();
  }
  Close();
}

void ServerConnection::OnTransportError() {
  const absl::Status error = transport_->error();
  if (error.code() == absl::StatusCode::kDataLoss) transport_->ResetOnClose();
  Detach(error.code() == absl::StatusCode::kDataLoss
             ? error
             : absl::CancelledError(
                   absl::StrCat("client ", peer_->address.ToString(), ": ", error.message())));
  Close();
}

void ServerConnection::StartClosing(bool linger) {
  if (state_ == State::kClosed) return;
  // With nothing left unread, closing at once cannot become a reset that overtakes the response.
  if (!linger) return Close();
  transport_->ShutdownWrite();
  state_ = State::kLinger;
  phase_start_ns_ = MonotonicNs();
  skipped_ = 0;
}

void ServerConnection::Close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  Detach(absl::CancelledError("connection closed"));
  state_ = State::kClosed;
  watcher_.reset();
  loop_->CancelTimer(std::exchange(timer_, TimerId::kNone));
  output_.Clear();
  finished_.reset();
  transport_.reset();
  shared_->OnConnectionClosed(this);
}

void ServerConnection::UpdateDeadline() {
  const HttpServerOptions& options = shared_->options;
  int64_t deadline = kNever;
  switch (state_) {
    case State::kHandshake:
    case State::kHead:
      deadline = DeadlineAfter(phase_start_ns_, options.head_timeout);
      break;
    case State::kIdle:
      deadline = DeadlineAfter(phase_start_ns_, options.keep_alive_timeout);
      break;
    case State::kExchange:
    case State::kFlush:
      if (!output_.empty() || (transport_->HasUnflushed())) {
        deadline = DeadlineAfter(last_write_ns_, options.write_progress_timeout);
      }
      if (WantsInput()) {
        deadline = std::min(deadline, DeadlineAfter(last_read_ns_, options.body_progress_timeout));
      }
      break;
    case State::kSkipBody:
      deadline = DeadlineAfter(last_read_ns_, options.body_progress_timeout);
      break;
    case State::kLinger:
      deadline = DeadlineAfter(phase_start_ns_, kLingerTime);
      break;
    case State::kClosed:
      return;
  }
  deadline_ns_ = deadline;
  if (deadline == kNever || (timer_ != TimerId::kNone && timer_ns_ <= deadline)) return;
  loop_->CancelTimer(timer_);
  timer_ns_ = deadline;
  timer_ = loop_->RunAfter(absl::Nanoseconds(std::max<int64_t>(deadline - MonotonicNs(), 0)),
                           [this] { OnTimer(); });
}

void ServerConnection::OnTimer() {
  timer_ = TimerId::kNone;
  const auto self = shared_from_this();
  if (MonotonicNs() >= deadline_ns_) OnDeadline();
  UpdateDeadline();
}

void ServerConnection::OnDeadline() {
  const std::string client = peer_->address.ToString();
  if (state_ != State::kIdle && state_ != State::kLinger) {
    ServerShared::Count(shared_->counters.timeouts);
  }
  switch (state_) {
    case State::kHead:
      FailRequest({408, "the request's head did not arrive in time"});
      break;
    case State::kExchange:
      if (WantsInput() && output_.empty()) {
        FailExchange(408, "the request's body did not arrive in time",
                     absl::DeadlineExceededError(
                         absl::StrCat("client ", client, " sent no more of the request's body")));
      } else {
        Abort(absl::DeadlineExceededError(
            absl::StrCat("client ", client, " took no more of the response")));
      }
      break;
    default:
      Close();
      return;
  }
  Pump();
}

}  // namespace kraken::net
