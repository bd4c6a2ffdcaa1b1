#ifndef KRAKEN_REGISTRY_TESTING_CHILD_PROCESS_H_
#define KRAKEN_REGISTRY_TESTING_CHILD_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kraken::registry::testing {

// A program that a test runs, with what it prints, line by line. It dies with the test: the kernel
// kills it when the thread that started it ends.
//
// Thread-safe, but for Start() and destruction.
class ChildProcess {
 public:
  enum class Stream { kStdout, kStderr };

  // NOT_FOUND if there is no such program.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::vector<std::string>& argv);
  // Kill().
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // What was printed so far.
  std::vector<std::string> Lines(Stream stream) const;

  // Waits until `condition` holds for the lines so far. False: the program ended, or `limit`
  // passed, before it did.
  bool WaitForLines(Stream stream,
                    const std::function<bool(const std::vector<std::string>&)>& condition,
                    absl::Duration limit) const;

  // SIGTERM, then SIGKILL after `grace`; waits for the end. Again: no effect.
  void Terminate(absl::Duration grace);
  // SIGKILL, and waits for the end.
  void Kill();

  pid_t pid() const { return pid_; }

 private:
  struct Output {
    std::vector<std::string> lines;
    std::string partial;
    bool ended = false;
  };

  ChildProcess(pid_t pid, int stdout_fd, int stderr_fd);
  void Read(int fd, Output* output);
  const Output& output(Stream stream) const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stream == Stream::kStdout ? stdout_ : stderr_;
  }
  bool BothEnded() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stdout_.ended && stderr_.ended;
  }

  const pid_t pid_;
  mutable absl::Mutex mutex_;
  Output stdout_ ABSL_GUARDED_BY(mutex_);
  Output stderr_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex reap_mutex_;
  bool reaped_ ABSL_GUARDED_BY(reap_mutex_) = false;
  std::thread stdout_reader_;
  std::thread stderr_reader_;
};

}  // namespace kraken::registry::testing

#endif  // KRAKEN_REGISTRY_TESTING_CHILD_PROCESS_H_
