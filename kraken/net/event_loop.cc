#include "kraken/net/event_loop.h"

#include <event2/event.h>
#include <sys/time.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "kraken/base/check.h"
#include "kraken/net/post_queue.h"

namespace kraken::net {
namespace {

void IgnoreSigpipe() {
  static const bool done = [] {
    struct sigaction current = {};
    // A handler that the program has set on purpose stays.
    if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
      ::signal(SIGPIPE, SIG_IGN);
    }
    return true;
  }();
  (void)done;
}

event_base* NewBase() {
  event_config* config = event_config_new();
  KH_CHECK(config != nullptr);
  // All wake-ups from other threads come by eventfd, so that libevent itself needs no locks.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
  // A delay is counted from when a timer is set, not from when the callbacks of this round began:
  // else it runs early by their time, and who then asks the clock finds that it is not yet due.
  event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  return base;
}

}  // namespace

bool LoopHandle::Post(absl::AnyInvocable<void()> fn) const {
  return queue_ != nullptr && queue_->Push(std::move(fn));
}

bool LoopHandle::IsInLoopThread() const { return queue_ != nullptr && queue_->IsOwner(); }

struct EventLoop::Timer {
  EventLoop* loop;
  TimerId id;
  absl::AnyInvocable<void()> fn;
  event* ev = nullptr;

  ~Timer() {
    if (ev != nullptr) event_free(ev);
  }
};

EventLoop::EventLoop() : base_(NewBase()), queue_(std::make_shared<PostQueue>()) {
  KH_CHECK(base_ != nullptr);
  IgnoreSigpipe();
  wake_event_ = event_new(base_, queue_->wake_fd(), EV_READ | EV_PERSIST, &EventLoop::OnWake, this);
  deferred_event_ = event_new(base_, -1, 0, &EventLoop::OnDeferred, this);
  KH_CHECK(wake_event_ != nullptr && deferred_event_ != nullptr);
  KH_CHECK(event_add(wake_event_, nullptr) == 0);
}

EventLoop::~EventLoop() {
  // What waited may itself post, defer or set timers while it is destroyed.
  std::vector<PostQueue::Function> waiting = queue_->Close();
  waiting.clear();
  std::vector<absl::AnyInvocable<void()>> deferred = std::move(deferred_);
  deferred.clear();
  auto timers = std::move(timers_);
  timers.clear();
  timers_.clear();
  deferred_.clear();
  event_free(deferred_event_);
  event_free(wake_event_);
  event_base_free(base_);
}

void EventLoop::Run() {
  queue_->SetOwner(std::this_thread::get_id());
  event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
  queue_->SetOwner(std::thread::id());
}

void EventLoop::Stop() {
  queue_->Push([this] { event_base_loopbreak(base_); });
}

bool EventLoop::Post(absl::AnyInvocable<void()> fn) { return queue_->Push(std::move(fn)); }

void EventLoop::Defer(absl::AnyInvocable<void()> fn) {
  KH_CHECK(IsUsableHere());
  deferred_.push_back(std::move(fn));
  if (deferred_.size() > 1) return;
  // A timer that is due, rather than event_active(): descriptors are polled between two rounds, so
  // that work which defers itself again and again starves nobody.
  const timeval now = {0, 0};
  KH_CHECK(event_add(deferred_event_, &now) == 0);
}

void EventLoop::OnDeferred(int, int16_t, void* self) {
  static_cast<EventLoop*>(self)->RunDeferred();
}

void EventLoop::RunDeferred() {
  std::vector<absl::AnyInvocable<void()>> batch = std::move(deferred_);
  deferred_.clear();
  for (auto& fn : batch) fn();
  // Keeps the allocation for the next round, unless functions have come in meanwhile.
  if (deferred_.empty()) {
    batch.clear();
    if (deferred_.empty()) deferred_ = std::move(batch);
  }
}

void EventLoop::OnWake(int, int16_t, void* self) { static_cast<EventLoop*>(self)->DrainPosted(); }

void EventLoop::DrainPosted() {
  std::vector<PostQueue::Function> batch;
  queue_->Take(&batch);
  for (auto& fn : batch) {
    fn();
    fn = nullptr;
  }
}

TimerId EventLoop::RunAfter(absl::Duration delay, absl::AnyInvocable<void()> fn) {
  KH_CHECK(IsUsableHere());
  const TimerId id = static_cast<TimerId>(next_timer_++);
  auto timer = std::make_unique<Timer>();
  timer->loop = this;
  timer->id = id;
  timer->fn = std::move(fn);
  timer->ev = event_new(
      base_, -1, 0,
      [](int, int16_t, void* arg) {
        auto* timer = static_cast<Timer*>(arg);
        timer->loop->RunTimer(timer->id);
      },
      timer.get());
  KH_CHECK(timer->ev != nullptr);
  // An infinite delay is about as long as the epoch: libevent wants a time it can add to now.
  constexpr absl::Duration kLongest = absl::Hours(24 * 365);
  absl::Duration wait = std::clamp(delay, absl::ZeroDuration(), kLongest);
  // libevent's now has whole microseconds.
  if (wait > absl::ZeroDuration()) wait += absl::Microseconds(1);
  const timeval tv = absl::ToTimeval(absl::Ceil(wait, absl::Microseconds(1)));
  KH_CHECK(event_add(timer->ev, &tv) == 0);
  timers_.emplace(id, std::move(timer));
  return id;
}

void EventLoop::RunTimer(TimerId id) {
  auto node = timers_.extract(id);
  if (node.empty()) return;
  node.mapped()->fn();
}

bool EventLoop::CancelTimer(TimerId id) {
  // The function is destroyed when the map is in order again: it may cancel other timers.
  auto node = timers_.extract(id);
  return !node.empty();
}

MonotonicTime EventLoop::MonotonicNow() { return SystemClock::Get().MonotonicNow(); }

bool EventLoop::IsInLoopThread() const { return queue_->IsOwner(); }

bool EventLoop::IsUsableHere() const { return queue_->IsOwner() || queue_->HasNoOwner(); }

EventLoopStats EventLoop::stats() const { return queue_->stats(); }

absl::Span<char> EventLoop::scratch() {
  if (scratch_ == nullptr) scratch_ = std::make_unique<char[]>(kScratchBytes);
  return absl::MakeSpan(scratch_.get(), kScratchBytes);
}

FdWatcher::FdWatcher(EventLoop* loop, int fd, FdHandler* handler, Mode mode) : handler_(handler) {
  KH_CHECK(loop->IsUsableHere());
  const int what = mode == Mode::kEdgeReadWrite ? EV_READ | EV_WRITE | EV_CLOSED | EV_ET : EV_READ;
  event_ = event_new(loop->base(), fd, static_cast<int16_t>(what | EV_PERSIST), &FdWatcher::OnEvent,
                     this);
  KH_CHECK(event_ != nullptr);
  // Fails for a descriptor that is closed or cannot be polled (a file): a mistake of the caller.
  KH_CHECK(event_add(event_, nullptr) == 0);
}

FdWatcher::~FdWatcher() { event_free(event_); }

void FdWatcher::OnEvent(int, int16_t what, void* self) {
  FdEvents events;
  events.peer_closed = (what & EV_CLOSED) != 0;
  events.readable = (what & EV_READ) != 0 || events.peer_closed;
  events.writable = (what & EV_WRITE) != 0;
  static_cast<FdWatcher*>(self)->handler_->OnFdReady(events);
}

}  // namespace kraken::net
