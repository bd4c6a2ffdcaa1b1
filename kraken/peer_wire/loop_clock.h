#ifndef KRAKEN_PEER_WIRE_LOOP_CLOCK_H_
#define KRAKEN_PEER_WIRE_LOOP_CLOCK_H_

#include <functional>
#include <utility>

#include "kraken/net/event_loop.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/instant.h"

namespace kraken::peer_wire {

// The engine's time and wake-up, on the control loop.
class LoopClock final : public swarm::SwarmClock {
 public:
  LoopClock(net::EventLoop* loop, std::function<void()> on_timer)
      : loop_(loop), on_timer_(std::move(on_timer)) {}
  ~LoopClock() override { Cancel(); }

  swarm::Instant Now() const override {
    return swarm::Instant::FromNanos(
        absl::ToInt64Nanoseconds(net::EventLoop::MonotonicNow().since_origin()));
  }

  void WakeAt(swarm::Instant when) override {
    Cancel();
    if (when == swarm::Instant::Never()) return;
    timer_ = loop_->RunAfter(absl::Nanoseconds(when - Now()), [this] {
      timer_ = net::TimerId::kNone;
      on_timer_();
    });
  }

 private:
  void Cancel() {
    if (timer_ != net::TimerId::kNone) loop_->CancelTimer(timer_);
    timer_ = net::TimerId::kNone;
  }

  net::EventLoop* const loop_;
  const std::function<void()> on_timer_;
  net::TimerId timer_ = net::TimerId::kNone;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_LOOP_CLOCK_H_
