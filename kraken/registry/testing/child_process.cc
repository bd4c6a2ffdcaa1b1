#include "kraken/registry/testing/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/base/status_util.h"

namespace kraken::registry::testing {
namespace {

constexpr int kExitCodeOfFailedExec = 127;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe MakePipe() {
  int ends[2];
  KH_CHECK(pipe2(ends, O_CLOEXEC) == 0);
  return {ends[0], ends[1]};
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void Exec(char* const* argv, const Pipe& out, const Pipe& err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out.write_end, STDOUT_FILENO);
  dup2(err.write_end, STDERR_FILENO);
  execv(argv[0], argv);
  _exit(kExitCodeOfFailedExec);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& argv) {
  KH_CHECK(!argv.empty());
  if (access(argv[0].c_str(), X_OK) != 0) return ErrnoToStatus(errno, argv[0]);
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const Pipe out = MakePipe();
  const Pipe err = MakePipe();
  const pid_t pid = fork();
  if (pid == 0) Exec(pointers.data(), out, err);
  const int fork_errno = errno;
  close(out.write_end);
  close(err.write_end);
  if (pid < 0) {
    close(out.read_end);
    close(err.read_end);
    return ErrnoToStatus(fork_errno, "fork");
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, out.read_end, err.read_end));
}

ChildProcess::ChildProcess(pid_t pid, int stdout_fd, int stderr_fd)
    : pid_(pid),
      stdout_reader_([this, stdout_fd] { Read(stdout_fd, &stdout_); }),
      stderr_reader_([this, stderr_fd] { Read(stderr_fd, &stderr_); }) {}

ChildProcess::~ChildProcess() {
  Kill();
  stdout_reader_.join();
  stderr_reader_.join();
}

std::vector<std::string> ChildProcess::Lines(Stream stream) const {
  absl::MutexLock lock(&mutex_);
  return output(stream).lines;
}

bool ChildProcess::WaitForLines(
    Stream stream, const std::function<bool(const std::vector<std::string>&)>& condition,
    absl::Duration limit) const {
  absl::MutexLock lock(&mutex_);
  const Output& out = output(stream);
  const auto decided = [&out, &condition] { return condition(out.lines) || out.ended; };
  mutex_.AwaitWithTimeout(absl::Condition(&decided), limit);
  return condition(out.lines);
}

void ChildProcess::Terminate(absl::Duration grace) {
  {
    absl::MutexLock lock(&reap_mutex_);
    if (reaped_) return;
    kill(pid_, SIGTERM);
  }
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &ChildProcess::BothEnded), grace);
  }
  Kill();
}

void ChildProcess::Kill() {
  absl::MutexLock lock(&reap_mutex_);
  if (reaped_) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
}

void ChildProcess::Read(int fd, Output* output) {
  char buffer[4096];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    absl::MutexLock lock(&mutex_);
    if (count <= 0) {
      output->ended = true;
      break;
    }
    for (const char c : absl::string_view(buffer, static_cast<size_t>(count))) {
      if (c != '\n') {
        output->partial.push_back(c);
        continue;
      }
      output->lines.push_back(std::move(output->partial));
      output->partial.clear();
    }
  }
  close(fd);
}

}  // namespace kraken::registry::testing
