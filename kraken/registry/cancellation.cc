#include "kraken/registry/cancellation.h"

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kraken::registry {

Cancellation::Cancellation() : state_(std::make_shared<State>()) {}

void Cancellation::Cancel() {
  absl::MutexLock lock(&state_->mutex);
  if (state_->cancelled) return;
  state_->cancelled = true;
  for (const Callback* callback : state_->callbacks) callback->fn_();
}

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->cancelled;
}

absl::Status Cancellation::status() const {
  return cancelled() ? absl::CancelledError("cancelled") : absl::OkStatus();
}

absl::Status Cancellation::WaitFor(absl::Duration delay) const {
  {
    absl::MutexLock lock(&state_->mutex);
    state_->mutex.AwaitWithTimeout(absl::Condition(&state_->cancelled), delay);
  }
  return status();
}

Cancellation::Callback::Callback(const Cancellation& cancellation, std::function<void()> fn)
    : state_(cancellation.state_), fn_(std::move(fn)) {
  absl::MutexLock lock(&state_->mutex);
  state_->callbacks.insert(this);
  if (state_->cancelled) fn_();
}

Cancellation::Callback::~Callback() {
  absl::MutexLock lock(&state_->mutex);
  state_->callbacks.erase(this);
}

}  // namespace kraken::registry
