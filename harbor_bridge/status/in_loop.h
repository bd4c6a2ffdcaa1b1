#ifndef HARBOR_BRIDGE_STATUS_IN_LOOP_H_
#define HARBOR_BRIDGE_STATUS_IN_LOOP_H_

#include <functional>

#include "absl/synchronization/notification.h"
#include "kraken/net/event_loop.h"

namespace harbor_bridge {

// Runs `fn` in the loop, after all that was posted before, and waits for it. REQUIRES: another
// thread runs the loop.
inline void RunInLoop(kraken::net::EventLoop* loop, const std::function<void()>& fn) {
  absl::Notification done;
  loop->Post([&fn, &done] {
    fn();
    done.Notify();
  });
  done.WaitForNotification();
}

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_IN_LOOP_H_
