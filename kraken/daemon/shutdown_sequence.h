#ifndef KRAKEN_DAEMON_SHUTDOWN_SEQUENCE_H_
#define KRAKEN_DAEMON_SHUTDOWN_SEQUENCE_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "kraken/net/event_loop.h"

namespace kraken::daemon {

// Takes a process down step by step: each begins when the last has ended, so that what is used is
// stopped after its users. Belongs to its loop's thread.
class ShutdownSequence {
 public:
  using Done = absl::AnyInvocable<void()>;

  explicit ShutdownSequence(net::EventLoop* loop) : loop_(loop) {}
  // Joins the thread of a blocking step. REQUIRES: Run()'s `done` was called, or Run() never was.
  ~ShutdownSequence();

  // `step` is called in the loop and calls its argument, on any thread, when it has ended.
  void Add(absl::string_view name, absl::AnyInvocable<void(Done)> step);
  // `step` blocks and gets a thread, while the loop goes on.
  void AddBlocking(absl::string_view name, absl::AnyInvocable<void()> step);

  // Calls `done` in the loop after the last step. Once.
  void Run(Done done);

 private:
  struct Step {
    std::string name;
    absl::AnyInvocable<void(Done)> run;
  };

  void Next();

  net::EventLoop* const loop_;
  std::vector<Step> steps_;
  size_t next_ = 0;
  Done done_;
  std::thread thread_;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SHUTDOWN_SEQUENCE_H_
