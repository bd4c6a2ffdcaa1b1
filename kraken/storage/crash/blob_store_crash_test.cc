// Kills a process that stores blobs before each of its file-system operations in turn, and looks at
// what the next process finds. (blob_store_power_loss_test.cc cuts the power.)

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/crash/crash_scenario.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/crash/scratch_tree.h"

namespace kraken::storage {
namespace {

constexpr int kMaxOperations = 2000;

BlobStoreOptions OptionsFor(const CrashScenario& scenario, const ScratchTree& scratch) {
  BlobStoreOptions options;
  options.root = scratch.path() + "/store";
  options.quota = scenario.Quota();
  options.high_watermark = options.low_watermark = 1;
  return options;
}

BlobStoreOptions WithoutQuota(BlobStoreOptions options) {
  options.quota = ByteCount(0);
  return options;
}

// Runs a life in a child that ends before its operation number `fatal`. Returns whether it came to
// the end, and what was promised.
bool RunChild(const BlobStoreOptions& options, const CrashScenario& scenario, int fatal,
              std::string* promises) {
  int pipe_fds[2];
  KH_CHECK(::pipe2(pipe_fds, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  KH_CHECK(child >= 0);
  if (child == 0) {
    ::close(pipe_fds[0]);
    std::atomic<int> operations{0};
    FaultFileSystem files([&operations, fatal](std::string_view, const std::string&) {
      if (operations.fetch_add(1) == fatal) ::kill(::getpid(), SIGKILL);
      return absl::OkStatus();
    });
    BlobStoreOptions own = options;
    own.file_system = &files;
    const absl::Status status = scenario.Live(own, /*tries=*/1, [&pipe_fds](char promise) {
      KH_CHECK(::write(pipe_fds[1], &promise, 1) == 1);
    });
    if (!status.ok()) fprintf(stderr, "child: %s\n", status.ToString().c_str());
    ::_exit(status.ok() ? 0 : 1);
  }
  ::close(pipe_fds[1]);
  char promise;
  while (::read(pipe_fds[0], &promise, 1) == 1) promises->push_back(promise);
  ::close(pipe_fds[0]);
  int wait_status;
  KH_CHECK(::waitpid(child, &wait_status, 0) == child);
  if (WIFSIGNALED(wait_status)) {
    EXPECT_EQ(WTERMSIG(wait_status), SIGKILL);
    return false;
  }
  EXPECT_EQ(WEXITSTATUS(wait_status), 0);
  return true;
}

TEST(BlobStoreCrashTest, KilledBeforeAnyOperationWhatIsThereIsCompleteOrResumableOrGone) {
  const CrashScenario scenario;
  bool completed = false;
  int fatal = 0;
  for (; !completed && fatal < kMaxOperations; ++fatal) {
    SCOPED_TRACE(absl::StrCat("killed before operation ", fatal));
    const ScratchTree scratch;
    const BlobStoreOptions options = OptionsFor(scenario, scratch);
    std::string promises;
    completed = RunChild(options, scenario, fatal, &promises);
    scenario.ExpectSound(WithoutQuota(options), promises);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_TRUE(completed);
  EXPECT_GT(fatal, 100);
}

TEST(BlobStoreCrashTest, KilledAgainAndAgainTheWorkGetsDone) {
  const CrashScenario scenario;
  const ScratchTree scratch;
  const BlobStoreOptions options = OptionsFor(scenario, scratch);
  // Each life gets a little further than the last.
  bool completed = false;
  for (int fatal = 5; !completed && fatal < kMaxOperations; fatal += 9) {
    std::string promises;
    completed = RunChild(options, scenario, fatal, &promises);
  }
  EXPECT_TRUE(completed);
  scenario.ExpectSound(WithoutQuota(options), "mpausd");
}

}  // namespace
}  // namespace kraken::storage
