#include "kraken/storage/group_committer.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/status_macros.h"

namespace kraken::storage {
namespace {

constexpr size_t kMaxGroup = 4096;
constexpr size_t kMaxThreadNameBytes = 15;

}  // namespace

GroupCommitter::GroupCommitter(CommitTarget* target, Options options)
    : target_(target), options_(std::move(options)), thread_([this] { Run(); }) {}

GroupCommitter::~GroupCommitter() {
  {
    absl::MutexLock lock(&mu_);
    closing_ = true;
  }
  thread_.join();
}

void GroupCommitter::Submit(Operation operation, Completion completion) {
  absl::Status refused;
  {
    absl::MutexLock lock(&mu_);
    if (closing_) {
      refused = absl::UnavailableError(absl::StrCat(target_->path(), " is closing"));
    } else if (waiting_.size() >= options_.max_waiting) {
      refused = absl::ResourceExhaustedError(
          absl::StrCat(target_->path(), ": ", waiting_.size(), " operations wait already"));
    } else {
      waiting_.push_back({std::move(operation), std::move(completion), absl::OkStatus()});
      return;
    }
  }
  completion(refused);
}

absl::Status GroupCommitter::SubmitAndWait(Operation operation) {
  absl::Notification done;
  absl::Status result;
  Submit(std::move(operation), [&done, &result](const absl::Status& status) {
    result = status;
    done.Notify();
  });
  done.WaitForNotification();
  return result;
}

bool GroupCommitter::IsFull() const { return closing_ || waiting_.size() >= kMaxGroup; }

std::vector<GroupCommitter::Item> GroupCommitter::TakeGroup() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &GroupCommitter::HasWork));
  if (options_.window > absl::ZeroDuration()) {
    mu_.AwaitWithTimeout(absl::Condition(this, &GroupCommitter::IsFull), options_.window);
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxGroup));
  std::vector<Item> group(std::make_move_iterator(waiting_.begin()),
                          std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return group;
}

absl::Status GroupCommitter::CommitGroup(std::vector<Item>& group) {
  KH_RETURN_IF_ERROR(target_->Begin());
  for (Item& item : group) {
    item.status = item.operation();
    // What the target could not do may be half done.
    KH_RETURN_IF_ERROR(target_->TakeFailure());
  }
  return target_->Commit();
}

void GroupCommitter::Run() {
  pthread_setname_np(pthread_self(), options_.name.substr(0, kMaxThreadNameBytes).c_str());
  while (true) {
    std::vector<Item> group = TakeGroup();
    if (group.empty()) return;
    const absl::Status committed = CommitGroup(group);
    if (!committed.ok()) {
      target_->Rollback();
      if (options_.after_rollback != nullptr) options_.after_rollback();
    }
    for (Item& item : group) item.completion(committed.ok() ? item.status : committed);
    if (committed.ok() && options_.after_commit != nullptr) options_.after_commit();
  }
}

}  // namespace kraken::storage
