#ifndef KRAKEN_NET_SHUTDOWN_SIGNALS_H_
#define KRAKEN_NET_SHUTDOWN_SIGNALS_H_

#include <csignal>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/event_loop.h"

namespace kraken::net {

// Turns SIGTERM and SIGINT into a call in a loop, by a signalfd; SIGHUP too if somebody wants it.
//
// Make it in main() before any thread is started: it blocks the signals in the calling thread, and
// threads inherit that. At most one per process. Destroying it lets the signals act as before.
class ShutdownSignals : private FdHandler {
 public:
  // `on_signal` runs in `loop` for each signal, with its number; a second one usually means that
  // the operator will not wait for a graceful end.
  // `on_hangup` runs for each SIGHUP; without it that signal is left alone.
  ShutdownSignals(EventLoop* loop, absl::AnyInvocable<void(int signal_number)> on_signal,
                  absl::AnyInvocable<void()> on_hangup = nullptr);
  ~ShutdownSignals() override;

 private:
  void OnFdReady(FdEvents events) override;

  absl::AnyInvocable<void(int)> on_signal_;
  absl::AnyInvocable<void()> on_hangup_;
  sigset_t handled_;
  UniqueFd fd_;
  std::unique_ptr<FdWatcher> watcher_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_SHUTDOWN_SIGNALS_H_
