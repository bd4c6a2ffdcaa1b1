#include "kraken/net/client_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken::net {
namespace {

// What one connection may move before the loop's other work gets its turn.
constexpr uint64_t kOutputBudget = 2 << 20;
constexpr int kReadsPerTurn = 16;
constexpr size_t kKeepInputBytes = 2048;

}  // namespace

ClientConnection::ClientConnection(EventLoop* loop, std::unique_ptr<Transport> transport,
                                   HttpLimits limits, Event on_idle, Event on_closed)
    : loop_(loop),
      transport_(std::move(transport)),
      limits_(limits),
      on_idle_(std::move(on_idle)),
      on_closed_(std::move(on_closed)),
      parser_(limits) {}

ClientConnection::~ClientConnection() { KH_CHECK(state_ == State::kClosed); }

void ClientConnection::Start() {
  watcher_ = std::make_unique<FdWatcher>(loop_, transport_->fd(), static_cast<FdHandler*>(this),
                                         FdWatcher::Mode::kEdgeReadWrite);
}

void ClientConnection::Attach(std::shared_ptr<ClientStream> stream) {
  KH_CHECK(state_ == State::kIdle);
  stream_ = std::move(stream);
  state_ = State::kHead;
  paused_ = false;
  answered_ = false;
  drained_told_ = false;
  keep_ = false;
  ++requests_;
  parser_.Reset();
  SchedulePump();
}

void ClientConnection::Detach() {
  stream_.reset();
  Close();
}

void ClientConnection::Close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  stream_.reset();
  watcher_.reset();
  transport_.reset();
  on_idle_ = nullptr;
  Event on_closed = std::move(on_closed_);
  on_closed(this);
}

bool ClientConnection::IsStale() const {
  bool half = false;
  return transport_->PeerHasClosed(&half);
}

void ClientConnection::SetPaused(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  if (!paused) SchedulePump();
}

void ClientConnection::SchedulePump() {
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

void ClientConnection::OnFdReady(FdEvents events) {
  const bool both = transport_->is_tls();
  readable_ |= events.readable || both;
  writable_ |= events.writable || both;
  peer_closed_ |= events.peer_closed;
  Pump();
}

void ClientConnection::Pump() {
  if (pumping_ || state_ == State::kClosed) return;
  const auto self = shared_from_this();
  pumping_ = true;
  uint64_t budget = kOutputBudget;
  bool yield = false;
  for (int turn = 0; state_ != State::kClosed; ++turn) {
    pump_again_ = false;
    bool progress = PumpOutput(&budget, &yield);
    progress |= PumpInput();
    if (!progress && !pump_again_) break;
    if (yield || turn == kReadsPerTurn) {
      yield = true;
      break;
    }
  }
  pumping_ = false;
  if (yield && state_ != State::kClosed) SchedulePump();
}

bool ClientConnection::PumpOutput(uint64_t* budget, bool* yield) {
  if (state_ == State::kClosed || !write_error_.ok()) return false;
  if (stream_ == nullptr) {
    if (!writable_ || !transport_->HasUnflushed()) return false;
    if (transport_->Flush().kind == IoResult::Kind::kWouldBlock) writable_ = false;
    return false;
  }
  OutputQueue* output = stream_->output();
  if (output->empty() && !transport_->HasUnflushed()) {
    if (drained_told_ || stream_->output_complete()) return false;
    drained_told_ = true;
    const auto stream = stream_;
    stream->OnOutputDrained();
    return true;
  }
  drained_told_ = false;
  if (!writable_) return false;
  uint64_t sent = 0;
  const OutputQueue::Result result = output->Send(transport_.get(), *budget, &sent);
  *budget -= std::min(*budget, sent);
  if (sent > 0) stream_->OnProgress();
  switch (result) {
    case OutputQueue::Result::kDrained:
      return true;
    case OutputQueue::Result::kBlocked:
      writable_ = false;
      return sent > 0;
    case OutputQueue::Result::kYield:
      *yield = true;
      return true;
    case OutputQueue::Result::kError:
      // Perhaps it has answered, with a refusal, before it stopped reading.
      write_error_ = transport_->error();
      readable_ = true;
      return true;
  }
  return false;
}

bool ClientConnection::PumpInput() {
  if (state_ == State::kClosed || (state_ == State::kBody && paused_)) return false;
  // An empty body, or one whose last byte came with the call before.
  if (state_ == State::kBody && decoder_.done()) {
    keep_ = keep_ && input_start_ == input_.size();
    Complete();
    return true;
  }
  if (input_start_ < input_.size()) {
    const State before = state_;
    const size_t consumed = Process(absl::string_view(input_).substr(input_start_));
    input_start_ += consumed;
    if (input_start_ == input_.size()) {
      input_.clear();
      input_start_ = 0;
      if (input_.capacity() > kKeepInputBytes) input_.shrink_to_fit();
    }
    if (consumed > 0 || state_ != before) return true;
  }
  return readable_ && ReadSome();
}

bool ClientConnection::ReadSome() {
  const absl::Span<char> buffer = loop_->scratch();
  const IoResult result = transport_->Read(buffer.data(), buffer.size());
  switch (result.kind) {
    case IoResult::Kind::kWouldBlock:
      readable_ = false;
      if (!write_error_.ok() && stream_ != nullptr) {
        Fail(write_error_);
        return true;
      }
      return false;
    case IoResult::Kind::kEof:
      OnInputEnd();
      return true;
    case IoResult::Kind::kError:
      Fail(write_error_.ok() ? transport_->error() : write_error_);
      return true;
    case IoResult::Kind::kOk:
      break;
  }
  if (stream_ == nullptr) {
    // Nobody asked for this.
    Close();
    return true;
  }
  answered_ = true;
  stream_->OnProgress();
  const absl::string_view data(buffer.data(), result.bytes);
  if (input_.empty()) {
    const size_t consumed = Process(data);
    if (state_ != State::kClosed) input_.assign(data.substr(consumed));
    input_start_ = 0;
  } else {
    input_.erase(0, input_start_);
    input_start_ = 0;
    input_.append(data.data(), data.size());
  }
  return true;
}

size_t ClientConnection::Process(absl::string_view input) {
  size_t total = 0;
  while (total < input.size()) {
    const State before = state_;
    const absl::string_view rest = input.substr(total);
    size_t consumed = 0;
    if (state_ == State::kHead) {
      consumed = TakeHead(rest);
    } else if (state_ == State::kBody && !paused_) {
      consumed = TakeBody(rest);
    } else {
      // Idle: bytes after the response. The caller keeps them, and Complete() has seen to it that
      // the connection carries no other request.
      break;
    }
    total += consumed;
    if (state_ == State::kBody && decoder_.done() && !paused_) {
      keep_ = keep_ && total == input.size();
      Complete();
    }
    if (consumed == 0 && state_ == before) break;
  }
  return total;
}

size_t ClientConnection::TakeHead(absl::string_view input) {
  size_t consumed = 0;
  switch (parser_.Parse(input, &consumed)) {
    case HttpParseState::kNeedMore:
      return consumed;
    case HttpParseState::kError:
      Fail(absl::InternalError(
          absl::StrCat("the answer is not HTTP/1.1: ", parser_.error().message)));
      return consumed;
    case HttpParseState::kDone:
      break;
  }
  const HttpResponseHead head = std::move(parser_.head());
  parser_.Reset();
  if (head.status == 101) {
    Fail(absl::InternalError("the server switched protocols unasked"));
    return consumed;
  }
  if (head.status < 200) return consumed;
  BodyFraming framing;
  HttpParseError error;
  if (!ResponseBodyFraming(stream_->method(), head, &framing, &error)) {
    Fail(absl::InternalError(absl::StrCat("the answer is not HTTP/1.1: ", error.message)));
    return consumed;
  }
  decoder_ = HttpBodyDecoder(framing, limits_);
  keep_ = KeepsAlive(head.minor_version, head.headers) &&
          framing.kind != BodyFraming::Kind::kUntilClose;
  state_ = State::kBody;
  const auto stream = stream_;
  stream->OnHead(head, framing);
  return consumed;
}

size_t ClientConnection::TakeBody(absl::string_view input) {
  const HttpBodyDecoder::Step step = decoder_.Next(input);
  if (step.kind == HttpBodyDecoder::Kind::kError) {
    Fail(absl::InternalError(
        absl::StrCat("the answer's body is malformed: ", decoder_.error().message)));
  } else if (step.kind == HttpBodyDecoder::Kind::kData) {
    const auto stream = stream_;
    stream->OnData(step.data);
  }
  return step.consumed;
}

void ClientConnection::OnInputEnd() {
  readable_ = false;
  if (state_ == State::kIdle) return Close();
  if (state_ == State::kBody && decoder_.EndsWithStream()) return Complete();
  if (!write_error_.ok()) return Fail(write_error_);
  Fail(absl::UnavailableError(state_ == State::kBody
                                  ? "the server closed the connection in mid-body"
                                  : "the server closed the connection without an answer"));
}

void ClientConnection::Complete() {
  const auto stream = std::move(stream_);
  stream_.reset();
  const bool sent = stream->output()->empty() && stream->output_complete();
  if (keep_ && sent && write_error_.ok() && !peer_closed_) {
    state_ = State::kIdle;
    transport_->ReleaseIdleBuffers();
    on_idle_(this);
  } else {
    Close();
  }
  stream->OnComplete();
}

void ClientConnection::Fail(absl::Status status) {
  const auto stream = std::move(stream_);
  stream_.reset();
  Close();
  if (stream != nullptr) stream->OnError(status, !answered_);
}

}  // namespace kraken::net
