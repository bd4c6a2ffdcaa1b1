#include "harbor_bridge/lease/lease_machine.h"

#include <algorithm>
#include <utility>

namespace harbor_bridge {
namespace {

using kraken::MonotonicTime;

// After the end of another's term, so that Redis has noticed it.
constexpr absl::Duration kAfterEnd = absl::Milliseconds(10);

}  // namespace

LeaseMachine::Question LeaseMachine::Ask(MonotonicTime now) {
  if (asked_ != Question::kNone || now < next_question_) return Question::kNone;
  asked_ = epoch_ != 0 ? Question::kRenew : Question::kTake;
  asked_epoch_ = epoch_;
  sent_ = now;
  return asked_;
}

MonotonicTime LeaseMachine::next(MonotonicTime now) const {
  MonotonicTime next = asked_ == Question::kNone ? next_question_ : MonotonicTime::InfiniteFuture();
  if (held(now)) next = std::min(next, ends_);
  return next;
}

void LeaseMachine::Note(uint64_t epoch) { highest_epoch_ = std::max(highest_epoch_, epoch); }

void LeaseMachine::Hold() {
  ends_ = sent_ + kOwnShare * ttl_;
  next_question_ = sent_ + ttl_ / kQuestionsPerTtl;
  holder_.clear();
}

void LeaseMachine::GiveUp(MonotonicTime now) {
  epoch_ = 0;
  next_question_ = now;
}

void LeaseMachine::OnTaken(uint64_t epoch) {
  asked_ = Question::kNone;
  epoch_ = epoch;
  Note(epoch);
  Hold();
}

void LeaseMachine::OnOtherHolds(absl::string_view holder, uint64_t epoch, absl::Duration left,
                                MonotonicTime now) {
  asked_ = Question::kNone;
  holder_ = std::string(holder);
  Note(epoch);
  absl::Duration wait = ttl_ / kQuestionsPerTtl;
  if (left >= absl::ZeroDuration()) wait = std::min(wait, left + kAfterEnd);
  next_question_ = now + wait;
}

void LeaseMachine::OnRenewed() {
  asked_ = Question::kNone;
  if (epoch_ == 0 || asked_epoch_ != epoch_) return;
  Hold();
}

void LeaseMachine::OnLost(MonotonicTime now) {
  asked_ = Question::kNone;
  if (asked_epoch_ == epoch_) GiveUp(now);
}

void LeaseMachine::OnSilence(MonotonicTime now) {
  asked_ = Question::kNone;
  next_question_ = now + ttl_ / kRetriesPerTtl;
}

void LeaseMachine::OnConnected(MonotonicTime now) { next_question_ = now; }

bool LeaseMachine::OnRefused(uint64_t seen, MonotonicTime now) {
  Note(seen);
  if (epoch_ == 0 || seen <= epoch_) return false;
  GiveUp(now);
  return true;
}

}  // namespace harbor_bridge
