#include "harbor_bridge/lease/redis_lease.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/random.h"
#include "kraken/rpc/write_epoch.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

using kraken::redis::RedisValue;
using Question = LeaseMachine::Question;

constexpr absl::Duration kReleasePatience = absl::Seconds(1);
// Lua counts exactly as far as this.
constexpr uint64_t kMaxEpoch = uint64_t{1} << 53;

std::string OwnerOf(const std::string& bridge) {
  kraken::SystemBitGen random;
  return absl::StrCat(
      bridge, "#",
      absl::Hex(random.Uniform(std::numeric_limits<uint64_t>::max()), absl::kZeroPad16));
}

// A Redis that hangs is found out well before the lease ends.
kraken::redis::RedisClientOptions Impatient(kraken::redis::RedisClientOptions redis,
                                            absl::Duration ttl) {
  const absl::Duration patience = ttl / LeaseMachine::kQuestionsPerTtl;
  redis.dial_timeout = std::min(redis.dial_timeout, patience);
  redis.reply_timeout = std::min(redis.reply_timeout, patience);
  redis.reconnect.max_interval =
      std::min(redis.reconnect.max_interval, ttl / LeaseMachine::kRetriesPerTtl);
  redis.reconnect.initial_interval =
      std::min(redis.reconnect.initial_interval, redis.reconnect.max_interval);
  return redis;
}

}  // namespace

RedisLease::RedisLease(kraken::net::EventLoop* loop, RedisLeaseOptions options, OnChange on_change)
    : loop_(loop),
      clock_(*options.clock),
      claim_{.name = options.name, .owner = OwnerOf(options.bridge), .ttl = options.ttl},
      on_change_(std::move(on_change)),
      machine_(options.ttl),
      problem_("Redis has not answered yet"),
      alive_(std::make_shared<RedisLease*>(this)) {
  redis_ = std::make_unique<kraken::redis::RedisClient>(
      loop, Impatient(std::move(options.redis), options.ttl),
      kraken::redis::RedisClient::Events{
          .on_connected =
              [this] {
                {
                  absl::MutexLock lock(&mu_);
                  machine_.OnConnected(Now());
                }
                Pump();
              },
          .on_disconnected = [this](const absl::Status& why) { OnProblem(why); }});
}

RedisLease::~RedisLease() {
  *alive_ = nullptr;
  loop_->CancelTimer(timer_);
}

absl::StatusOr<kraken::rpc::v1::WriteEpoch> RedisLease::Epoch() const {
  {
    absl::MutexLock lock(&mu_);
    if (machine_.held(Now())) {
      kraken::rpc::v1::WriteEpoch epoch;
      epoch.set_lease(claim_.name);
      epoch.set_epoch(machine_.epoch());
      return epoch;
    }
  }
  return absl::AbortedError(view().Describe());
}

absl::Status RedisLease::Ended(const absl::Status& answer) {
  const std::optional<uint64_t> seen = kraken::rpc::SeenEpoch(answer);
  if (!seen.has_value() || *seen >= kMaxEpoch) return answer;
  bool is_news = false;
  {
    absl::MutexLock lock(&mu_);
    is_news = machine_.OnRefused(*seen, Now());
  }
  if (is_news) {
    kraken::telemetry::LogWarn("a write was refused: another bridge has had the lease",
                               {{"lease", claim_.name}, {"reason", answer}});
    loop_->Post([alive = alive_] {
      if (*alive != nullptr) (*alive)->Pump();
    });
  }
  return absl::AbortedError(answer.message());
}

LeaseView RedisLease::view() const {
  absl::MutexLock lock(&mu_);
  const bool held = machine_.held(Now());
  return {.name = claim_.name,
          .held = held,
          .epoch = held ? machine_.epoch() : machine_.highest_epoch(),
          .holder = held ? claim_.owner : machine_.holder(),
          .problem = problem_};
}

// Does what is to be done now, and comes back when there is more.
void RedisLease::Pump() {
  loop_->CancelTimer(timer_);
  if (released_) return;
  Question question = Question::kNone;
  bool held = false;
  {
    absl::MutexLock lock(&mu_);
    question = machine_.Ask(Now());
    held = machine_.held(Now());
  }
  if (question != Question::kNone) Ask(question);
  if (held != std::exchange(told_held_, held)) {
    kraken::telemetry::LogInfo(held ? "this bridge works" : "this bridge is standby",
                               {{"reason", view().Describe()}});
    on_change_(held);
  }
  absl::Duration wait = absl::InfiniteDuration();
  {
    absl::MutexLock lock(&mu_);
    wait = machine_.next(Now()) - Now();
  }
  if (wait < absl::InfiniteDuration()) {
    timer_ = loop_->RunAfter(std::max(wait, absl::ZeroDuration()), [this] { Pump(); });
  }
}

void RedisLease::Ask(Question question) {
  uint64_t epoch = 0;
  uint64_t highest = 0;
  {
    absl::MutexLock lock(&mu_);
    epoch = machine_.epoch();
    highest = machine_.highest_epoch();
  }
  const bool sent =
      question == Question::kTake
          ? Send(TakeLease(claim_, highest),
                 [this](const absl::StatusOr<RedisValue>& answer) { OnTakeAnswer(answer); })
          : Send(RenewLease(claim_, epoch),
                 [this](const absl::StatusOr<RedisValue>& answer) { OnRenewAnswer(answer); });
  if (sent) return;
  absl::MutexLock lock(&mu_);
  machine_.OnSilence(Now());
}

bool RedisLease::Send(const LeaseCommand& command, kraken::redis::RedisClient::Reply reply) {
  return redis_->Send(std::vector<absl::string_view>(command.begin(), command.end()),
                      std::move(reply));
}

void RedisLease::OnTakeAnswer(const absl::StatusOr<RedisValue>& answer) {
  const absl::StatusOr<TakeAnswer> read =
      answer.ok() ? ReadTakeAnswer(*answer) : absl::StatusOr<TakeAnswer>(answer.status());
  if (!read.ok()) return OnProblem(read.status());
  told_problem_ = false;
  if (released_) {
    if (read->taken) Send(ReleaseLease(claim_, read->epoch), nullptr);
    return;
  }
  {
    absl::MutexLock lock(&mu_);
    problem_.clear();
    if (read->taken) {
      machine_.OnTaken(read->epoch);
    } else {
      machine_.OnOtherHolds(read->holder, read->epoch, read->left, Now());
    }
  }
  Pump();
}

void RedisLease::OnRenewAnswer(const absl::StatusOr<RedisValue>& answer) {
  const absl::StatusOr<bool> ours =
      answer.ok() ? ReadConditionAnswer(*answer) : absl::StatusOr<bool>(answer.status());
  if (!ours.ok()) return OnProblem(ours.status());
  told_problem_ = false;
  {
    absl::MutexLock lock(&mu_);
    problem_.clear();
    if (*ours) {
      machine_.OnRenewed();
    } else {
      machine_.OnLost(Now());
    }
  }
  Pump();
}

void RedisLease::OnProblem(const absl::Status& problem) {
  {
    absl::MutexLock lock(&mu_);
    machine_.OnSilence(Now());
    problem_ = std::string(problem.message());
  }
  // Once, not with each try.
  if (!std::exchange(told_problem_, true)) {
    kraken::telemetry::LogWarn("the lease can't be asked for, or renewed",
                               {{"lease", claim_.name}, {"reason", problem}});
  }
  Pump();
}

void RedisLease::GetWatermarks(std::function<void(absl::StatusOr<Watermarks>)> done) {
  const bool sent =
      Send(harbor_bridge::GetWatermarks(claim_), [done](const absl::StatusOr<RedisValue>& answer) {
        if (answer.ok()) {
          done(ReadWatermarks(*answer));
        } else {
          done(answer.status());
        }
      });
  if (sent) return;
  loop_->Defer([alive = alive_, done] {
    if (*alive != nullptr) done(absl::UnavailableError("Redis is not connected"));
  });
}

void RedisLease::PutWatermarks(const Watermarks& watermarks) {
  const absl::StatusOr<kraken::rpc::v1::WriteEpoch> epoch = Epoch();
  if (!epoch.ok() || watermarks.empty()) return;
  Send(harbor_bridge::PutWatermarks(claim_, epoch->epoch(), watermarks), nullptr);
}

void RedisLease::Release(absl::AnyInvocable<void()> done) {
  uint64_t epoch = 0;
  {
    absl::MutexLock lock(&mu_);
    epoch = machine_.epoch();
    machine_.OnReleased(Now());
  }
  released_ = true;
  loop_->CancelTimer(timer_);
  on_released_ = std::move(done);
  const auto finish = [alive = alive_] {
    if (*alive == nullptr || (*alive)->on_released_ == nullptr) return;
    std::exchange((*alive)->on_released_, nullptr)();
  };
  const bool sent = epoch != 0 && Send(ReleaseLease(claim_, epoch),
                                       [finish](const absl::StatusOr<RedisValue>&) { finish(); });
  timer_ = loop_->RunAfter(sent ? kReleasePatience : absl::ZeroDuration(), finish);
}

}  // namespace harbor_bridge
