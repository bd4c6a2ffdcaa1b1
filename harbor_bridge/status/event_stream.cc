#include "harbor_bridge/status/event_stream.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

namespace harbor_bridge {

// One who listens. The flags are set in his exchange's loop.
struct EventStream::Listener {
  std::shared_ptr<kraken::net::HttpExchange> exchange;
  std::atomic<bool> gone{false};
  // Has not taken what was sent last.
  std::atomic<bool> slow{false};
  bool up_to_date = false;
};

EventStream::EventStream(kraken::net::EventLoop* loop, kraken::WorkerPool* workers,
                         MakeState make_state, absl::Duration interval)
    : loop_(loop),
      workers_(workers),
      make_state_(std::move(make_state)),
      interval_(interval),
      alive_(std::make_shared<EventStream*>(this)) {}

EventStream::~EventStream() {
  *alive_ = nullptr;
  Close();
}

void EventStream::Listen(std::shared_ptr<kraken::net::HttpExchange> exchange) {
  DropGone();
  if (closed_ || listeners_.size() == kMaxListeners) {
    exchange->Post([](kraken::net::HttpExchange& e) {
      e.RespondError(503, "too many listen already, or the bridge stops", {{"Retry-After", "5"}});
    });
    return;
  }
  auto listener = std::make_shared<Listener>();
  listener->exchange = exchange;
  exchange->Post([listener](kraken::net::HttpExchange& e) {
    if (e.over()) {
      listener->gone = true;
      return;
    }
    e.OnCancel([listener](const absl::Status&) { listener->gone = true; });
    e.StartResponse(200,
                    {{"Content-Type", "text/event-stream; charset=utf-8"},
                     {"Cache-Control", "no-store"},
                     {"X-Content-Type-Options", "nosniff"},
                     {"X-Accel-Buffering", "no"}},
                    absl::nullopt);
    e.Write("retry: 2000\n\n");
  });
  listeners_.push_back(std::move(listener));
  loop_->CancelTimer(timer_);
  Tick();
}

void EventStream::Tick() {
  DropGone();
  timer_ = kraken::net::TimerId::kNone;
  if (closed_ || listeners_.empty()) return;
  timer_ = loop_->RunAfter(interval_, [this] { Tick(); });
  if (making_) return;
  making_ = true;
  const absl::Status submitted =
      workers_->Submit([alive = alive_, handle = loop_->handle(), make_state = make_state_] {
        handle.Post([alive, state = make_state()] {
          if (*alive != nullptr) (*alive)->OnState(state);
        });
      });
  if (!submitted.ok()) making_ = false;
}

void EventStream::OnState(const std::string& state) {
  making_ = false;
  const bool is_news = state != last_state_;
  if (is_news) {
    last_state_ = state;
    for (const auto& listener : listeners_) listener->up_to_date = false;
  }
  silent_ = is_news ? absl::ZeroDuration() : silent_ + interval_;
  const bool heartbeat = silent_ >= kHeartbeat;
  if (heartbeat) silent_ = absl::ZeroDuration();
  const std::string event = absl::StrCat("event: snapshot\ndata: ", state, "\n\n");
  for (const auto& listener : listeners_) {
    if (listener->slow) continue;
    if (!listener->up_to_date) {
      listener->up_to_date = true;
      Send(listener, event);
    } else if (heartbeat) {
      Send(listener, ": still here\n\n");
    }
  }
}

void EventStream::Send(const std::shared_ptr<Listener>& listener, const std::string& text) {
  listener->exchange->Post([listener, text](kraken::net::HttpExchange& e) {
    if (e.over()) {
      listener->gone = true;
      return;
    }
    if (e.Write(text)) return;
    listener->slow = true;
    e.OnDrained([listener] { listener->slow = false; });
  });
}

void EventStream::DropGone() {
  const auto is_gone = [](const std::shared_ptr<Listener>& l) { return l->gone.load(); };
  listeners_.erase(std::remove_if(listeners_.begin(), listeners_.end(), is_gone), listeners_.end());
}

void EventStream::Close() {
  closed_ = true;
  loop_->CancelTimer(timer_);
  timer_ = kraken::net::TimerId::kNone;
  for (const auto& listener : listeners_) {
    listener->exchange->Post([](kraken::net::HttpExchange& e) {
      if (!e.over()) e.Finish();
    });
  }
  listeners_.clear();
}

}  // namespace harbor_bridge
