#include "kraken/redis/redis_client.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/net/resolver.h"

namespace kraken::redis {

RedisClient::RedisClient(net::EventLoop* loop, RedisClientOptions options, Events events)
    : loop_(loop),
      options_(std::move(options)),
      events_(std::move(events)),
      address_(absl::StrCat("Redis at ", options_.host, ":", options_.port)),
      backoff_(options_.reconnect, &random_),
      alive_(std::make_shared<RedisClient*>(this)) {
  Connect();
}

RedisClient::~RedisClient() {
  *alive_ = nullptr;
  loop_->CancelTimer(retry_timer_);
  loop_->CancelTimer(timeout_timer_);
}

void RedisClient::Connect() {
  connector_ = net::Connector::Start(
      loop_, &net::Resolver::Default(),
      {.host = options_.host, .port = options_.port, .unix_path = "", .tls = options_.tls},
      options_.dial_timeout, [this](absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
        OnDialled(std::move(transport));
      });
}

void RedisClient::OnDialled(absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
  if (!transport.ok()) return Break(transport.status());
  transport_ = *std::move(transport);
  parser_ = std::make_unique<RedisParser>();
  watcher_ =
      std::make_unique<net::FdWatcher>(loop_, transport_->fd(), static_cast<net::FdHandler*>(this),
                                       net::FdWatcher::Mode::kEdgeReadWrite);
  CheckTimeout();
  if (options_.password.empty()) {
    OnAdmitted();
  } else {
    Authenticate();
  }
}

void RedisClient::Authenticate() {
  std::vector<absl::string_view> words = {"AUTH"};
  if (!options_.username.empty()) words.push_back(options_.username);
  words.push_back(options_.password);
  Enqueue(words, [this](const absl::StatusOr<RedisValue>& answer) {
    if (answer.ok()) {
      OnAdmitted();
    } else if (transport_ != nullptr) {
      Break(absl::PermissionDeniedError(absl::StrCat(
          "it does not take the username and password of the configuration (",
          absl::StripPrefix(answer.status().message(), absl::StrCat(address_, ": ")), ")")));
    }
  });
}

void RedisClient::OnAdmitted() {
  admitted_ = true;
  if (events_.on_connected) events_.on_connected();
}

bool RedisClient::Send(const std::vector<absl::string_view>& words, Reply reply) {
  if (!connected() || unanswered_.size() >= options_.max_unanswered ||
      output_.pending_bytes() >= options_.max_unsent_bytes) {
    return false;
  }
  Enqueue(words, std::move(reply));
  return true;
}

void RedisClient::Enqueue(const std::vector<absl::string_view>& words, Reply reply) {
  AppendRedisCommand(words, output_.TailBuffer());
  unanswered_.push_back({net::EventLoop::MonotonicNow(), std::move(reply)});
  if (!flush_scheduled_) {
    // What is said in one turn of the loop leaves together.
    flush_scheduled_ = true;
    loop_->Defer([alive = alive_] {
      if (*alive == nullptr) return;
      (*alive)->flush_scheduled_ = false;
      (*alive)->Flush();
    });
  }
}

void RedisClient::Flush() {
  if (transport_ == nullptr) return;
  uint64_t sent = 0;
  const auto result = output_.Send(transport_.get(), std::numeric_limits<uint64_t>::max(), &sent);
  if (result == net::OutputQueue::Result::kError) Break(transport_->error());
}

void RedisClient::OnFdReady(net::FdEvents) {
  const std::shared_ptr<RedisClient*> alive = alive_;
  absl::Status status = Receive();
  if (*alive == nullptr) return;
  if (status.ok()) {
    Flush();
  } else {
    Break(status);
  }
}

absl::Status RedisClient::Receive() {
  const std::shared_ptr<RedisClient*> alive = alive_;
  while (transport_ != nullptr) {
    const net::IoResult read = transport_->Read(loop_->scratch().data(), loop_->scratch().size());
    switch (read.kind) {
      case net::IoResult::Kind::kWouldBlock:
        return absl::OkStatus();
      case net::IoResult::Kind::kEof:
        return absl::UnavailableError("closed the connection");
      case net::IoResult::Kind::kError:
        return transport_->error();
      case net::IoResult::Kind::kOk:
        break;
    }
    absl::Status status = parser_->Feed({loop_->scratch().data(), read.bytes});
    if (status.ok()) status = Deliver();
    if (*alive == nullptr || !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RedisClient::Deliver() {
  const std::shared_ptr<RedisClient*> alive = alive_;
  while (*alive != nullptr && transport_ != nullptr) {
    absl::StatusOr<RedisValue> value = parser_->Next();
    if (absl::IsNotFound(value.status())) return absl::OkStatus();
    if (!value.ok()) return value.status();
    if (unanswered_.empty()) {
      if (events_.on_message) events_.on_message(*std::move(value));
      continue;
    }
    if (admitted_) backoff_.Reset();  // it works
    Reply reply = std::move(unanswered_.front().reply);
    unanswered_.pop_front();
    if (reply == nullptr) continue;
    if (value->kind == RedisValue::Kind::kError) {
      reply(absl::FailedPreconditionError(absl::StrCat(address_, ": ", value->text)));
    } else {
      reply(std::move(value));
    }
  }
  return absl::OkStatus();
}

void RedisClient::Break(const absl::Status& status) {
  const absl::Status why(absl::StatusCode::kUnavailable,
                         absl::StrCat(address_, ": ", status.message()));
  admitted_ = false;
  watcher_ = nullptr;
  transport_ = nullptr;
  output_.Clear();
  loop_->CancelTimer(timeout_timer_);
  loop_->CancelTimer(retry_timer_);
  retry_timer_ = loop_->RunAfter(backoff_.NextDelay().value(), [this] { Connect(); });
  std::deque<Unanswered> unanswered = std::exchange(unanswered_, {});
  const std::shared_ptr<RedisClient*> alive = alive_;
  for (Unanswered& command : unanswered) {
    if (command.reply != nullptr) command.reply(why);
    if (*alive == nullptr) return;
  }
  if (events_.on_disconnected) events_.on_disconnected(why);
}

void RedisClient::CheckTimeout() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  if (!unanswered_.empty() && now - unanswered_.front().since >= options_.reply_timeout) {
    return Break(absl::DeadlineExceededError(
        absl::StrCat("no answer for ", absl::FormatDuration(options_.reply_timeout))));
  }
  timeout_timer_ = loop_->RunAfter(options_.reply_timeout / 4, [this] { CheckTimeout(); });
}

}  // namespace kraken::redis
