#include "harbor_bridge/work/body_budget.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/check.h"

namespace harbor_bridge {

void BodyBudget::Room::ShrinkTo(size_t bytes) {
  if (bytes >= bytes_) return;
  budget_->GiveBack(bytes_ - bytes);
  bytes_ = bytes;
}

void BodyBudget::Room::Release() {
  if (budget_ != nullptr) budget_->GiveBack(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

BodyBudget::~BodyBudget() {
  absl::MutexLock lock(&mu_);
  KH_CHECK(used_ == 0 && line_.empty() && readers_.empty());
}

std::optional<BodyBudget::Room> BodyBudget::TryTake(size_t bytes) {
  bytes = std::min(bytes, max_bytes_);
  absl::MutexLock lock(&mu_);
  if (!line_.empty() || bytes > max_bytes_ - used_) return std::nullopt;
  Use(bytes);
  return Room(this, bytes);
}

void BodyBudget::Take(size_t bytes, kraken::MonotonicTime now, Done done) {
  Enter({.bytes = std::min(bytes, max_bytes_), .since = now, .done = std::move(done)}, now);
}

BodyBudget::Room BodyBudget::TakeAndWait(size_t bytes) {
  Room room;
  absl::Notification taken;
  const kraken::MonotonicTime now = kraken::SystemClock::Get().MonotonicNow();
  Enter({.bytes = std::min(bytes, max_bytes_),
         .since = now,
         .may_be_refused = false,
         .done =
             [&room, &taken](absl::StatusOr<Room> given) {
               room = *std::move(given);
               taken.Notify();
             }},
        now);
  taken.WaitForNotification();
  return room;
}

void BodyBudget::Reader::End() {
  if (budget_ == nullptr) return;
  GiveUp unused;
  {
    absl::MutexLock lock(&budget_->mu_);
    auto it = budget_->readers_.find(id_);
    if (it != budget_->readers_.end()) {
      // What it refers to goes when the lock has gone.
      unused = std::move(it->second.give_up);
      budget_->readers_.erase(it);
    }
  }
  budget_ = nullptr;
}

BodyBudget::Reader BodyBudget::BeginReading(kraken::MonotonicTime now, GiveUp give_up) {
  absl::MutexLock lock(&mu_);
  readers_.emplace(++last_reader_, Reading{.since = now, .give_up = std::move(give_up)});
  return Reader(this, last_reader_);
}

std::vector<BodyBudget::Waiter> BodyBudget::Expire(kraken::MonotonicTime now) {
  std::vector<Waiter> expired;
  while (!line_.empty() && line_.front().may_be_refused && now - line_.front().since > patience_) {
    expired.push_back(std::move(line_.front()));
    line_.pop_front();
  }
  return expired;
}

std::vector<BodyBudget::GiveUp> BodyBudget::Slow(kraken::MonotonicTime now) {
  std::vector<GiveUp> slow;
  while (!line_.empty() && !readers_.empty() && now - readers_.begin()->second.since > patience_) {
    slow.push_back(std::move(readers_.begin()->second.give_up));
    readers_.erase(readers_.begin());
  }
  return slow;
}

void BodyBudget::Enter(Waiter waiter, kraken::MonotonicTime now) {
  std::vector<Waiter> refused;
  std::vector<Waiter> admitted;
  std::vector<GiveUp> slow;
  {
    absl::MutexLock lock(&mu_);
    refused = Expire(now);
    if (waiter.may_be_refused && line_.size() >= kMaxWaiting) {
      refused.push_back(std::move(waiter));
    } else {
      line_.push_back(std::move(waiter));
    }
    admitted = Admit();
    slow = Slow(now);
  }
  for (GiveUp& give_up : slow) give_up();
  for (Waiter& one : refused) {
    one.done(absl::ResourceExhaustedError(
        "as many bodies as there is memory for are being taken in; come again"));
  }
  Answer(std::move(admitted));
}

void BodyBudget::GiveBack(size_t bytes) {
  std::vector<Waiter> admitted;
  {
    absl::MutexLock lock(&mu_);
    used_ -= bytes;
    admitted = Admit();
  }
  Answer(std::move(admitted));
}

void BodyBudget::Use(size_t bytes) {
  used_ += bytes;
  peak_ = std::max(peak_, used_);
}

std::vector<BodyBudget::Waiter> BodyBudget::Admit() {
  std::vector<Waiter> admitted;
  while (!line_.empty() && line_.front().bytes <= max_bytes_ - used_) {
    Use(line_.front().bytes);
    admitted.push_back(std::move(line_.front()));
    line_.pop_front();
  }
  return admitted;
}

void BodyBudget::Answer(std::vector<Waiter> admitted) {
  for (Waiter& waiter : admitted) waiter.done(Room(this, waiter.bytes));
}

size_t BodyBudget::used_bytes() const {
  absl::MutexLock lock(&mu_);
  return used_;
}

size_t BodyBudget::peak_bytes() const {
  absl::MutexLock lock(&mu_);
  return peak_;
}

size_t BodyBudget::waiting() const {
  absl::MutexLock lock(&mu_);
  return line_.size();
}

}  // namespace harbor_bridge
