#ifndef KRAKEN_STORAGE_GROUP_COMMITTER_H_
#define KRAKEN_STORAGE_GROUP_COMMITTER_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/storage/commit_target.h"

namespace kraken::storage {

// The one thread that uses a database or a journal. Operations that wait when it comes by run in
// one group, whose single fsync makes all of them durable: under load the groups grow by
// themselves, alone an operation waits for nobody. Thread-safe.
class GroupCommitter {
 public:
  struct Options {
    // Operations that may wait.
    size_t max_waiting = 65536;
    // How long a group waits for more after its first operation.
    absl::Duration window = absl::ZeroDuration();
    // For the thread.
    std::string name = "commit";
    // Called on the thread after each successful commit, after the completions.
    std::function<void()> after_commit;
    // Called on the thread after a rollback, before the completions.
    std::function<void()> after_rollback;
  };

  // Reads or writes. An error of its own (not of the target) does not undo others.
  using Operation = absl::AnyInvocable<absl::Status()>;
  // Gets the operation's status once the group is durable, or why it is not. Must be quick, must
  // not wait for another operation.
  using Completion = absl::AnyInvocable<void(const absl::Status&)>;

  // `target` outlives this object.
  GroupCommitter(CommitTarget* target, Options options);
  // Commits what waits.
  ~GroupCommitter();

  // RESOURCE_EXHAUSTED or UNAVAILABLE reach `completion` within the call.
  void Submit(Operation operation, Completion completion);
  // Waits for the commit. REQUIRES: not on the committer's thread.
  absl::Status SubmitAndWait(Operation operation);

 private:
  struct Item {
    Operation operation;
    Completion completion;
    absl::Status status;
  };

  void Run();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return closing_ || !waiting_.empty(); }
  bool IsFull() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  // Empty: closed and drained.
  std::vector<Item> TakeGroup();
  absl::Status CommitGroup(std::vector<Item>& group);

  CommitTarget* const target_;
  const Options options_;
  absl::Mutex mu_;
  std::deque<Item> waiting_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_GROUP_COMMITTER_H_
