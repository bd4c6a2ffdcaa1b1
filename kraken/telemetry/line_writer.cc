#include "kraken/telemetry/line_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/telemetry/log.h"

namespace kraken::telemetry {
namespace {

constexpr int kStderr = 2;
constexpr mode_t kFileMode = 0640;
// A buffer that has grown beyond this in a rush is given back.
constexpr size_t kKeepBufferBytes = 128 * 1024;

uint64_t CountLines(absl::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

absl::StatusOr<UniqueFd> OpenFile(const std::string& path) {
  // A pipe without a reader must not make us wait for one.
  UniqueFd fd(::open(path.c_str(),
                     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, kFileMode));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("open ", path));
  }
  return fd;
}

// How many bytes were written.
size_t WriteAll(int fd, absl::string_view text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

// As many whole lines from the start of `text` as go into a pipe in one piece; at least one.
size_t PipePiece(absl::string_view text) {
  if (text.size() <= kMaxLineBytes) return text.size();
  size_t end = text.rfind('\n', kMaxLineBytes - 1);
  if (end == absl::string_view::npos) end = text.find('\n');
  return end == absl::string_view::npos ? text.size() : end + 1;
}

}  // namespace

struct LineWriter::State {
  explicit State(LineWriterOptions writer_options) : options(std::move(writer_options)) {}

  // The thread.
  void Run() ABSL_LOCKS_EXCLUDED(mutex) {
    std::string batch;
    while (true) {
      std::optional<size_t> split;
      {
        absl::MutexLock lock(&mutex);
        AwaitWork();
        if (waiting.empty() && !reopen_at.has_value()) {
          ended = true;
          settled_changed.SignalAll();
          return;
        }
        batch.swap(waiting);
        in_flight_bytes = batch.size();
        split = std::exchange(reopen_at, std::nullopt);
      }
      const absl::string_view text = batch;
      const uint64_t written = Emit(text, split);
      {
        absl::MutexLock lock(&mutex);
        const uint64_t lines = CountLines(text);
        written_lines += written;
        dropped_lines += lines - written;
        settled += lines;
        in_flight_bytes = 0;
        settled_changed.SignalAll();
      }
      batch.clear();
      if (batch.capacity() > kKeepBufferBytes) std::string().swap(batch);
    }
  }

  void AwaitWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    while (waiting.empty() && !reopen_at.has_value() && !stopping) wake.Wait(&mutex);
    const absl::Time deadline = absl::Now() + options.max_delay;
    while (!hurry && !reopen_at.has_value() && !stopping && !IsHalfFull()) {
      if (wake.WaitWithDeadline(&mutex, deadline)) break;
    }
    hurry = false;
  }

  bool IsHalfFull() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return waiting.size() >= options.max_waiting_bytes / 2;
  }

  // Returns how many lines are in a file now.
  uint64_t Emit(absl::string_view text, std::optional<size_t> split) {
    if (!split.has_value()) return EmitText(text);
    uint64_t written = EmitText(text.substr(0, *split));
    if (absl::StatusOr<UniqueFd> opened = OpenFile(options.path); opened.ok()) {
      file = *std::move(opened);
      is_broken = false;
    } else {
      LogWarn("log file can't be opened anew, the old one is written on",
              {{"reason", opened.status()}});
    }
    written += EmitText(text.substr(*split));
    return written;
  }

  uint64_t EmitText(absl::string_view text) {
    if (text.empty()) return 0;
    // Ends a line that did not go through whole, so that it spoils no other.
    if (is_broken && WriteAll(fd(), "\n") == 1) is_broken = false;
    uint64_t written = 0;
    while (!text.empty()) {
      const absl::string_view piece =
          text.substr(0, options.path.empty() ? PipePiece(text) : text.size());
      const size_t bytes = WriteAll(fd(), piece);
      written += CountLines(piece.substr(0, bytes));
      if (bytes < piece.size()) {
        is_broken |= bytes > 0 && piece[bytes - 1] != '\n';
        return written;
      }
      text.remove_prefix(bytes);
    }
    return written;
  }

  int fd() const { return options.path.empty() ? kStderr : file.get(); }

  const LineWriterOptions options;

  // The thread's.
  UniqueFd file;
  bool is_broken = false;  // the file ends in mid-line

  mutable absl::Mutex mutex;
  absl::CondVar wake;
  absl::CondVar settled_changed;
  std::string waiting ABSL_GUARDED_BY(mutex);
  size_t in_flight_bytes ABSL_GUARDED_BY(mutex) = 0;
  // What of `waiting` belongs into the old file.
  std::optional<size_t> reopen_at ABSL_GUARDED_BY(mutex);
  bool hurry ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = false;
  uint64_t accepted ABSL_GUARDED_BY(mutex) = 0;
  uint64_t settled ABSL_GUARDED_BY(mutex) = 0;  // of `accepted`
  uint64_t written_lines ABSL_GUARDED_BY(mutex) = 0;
  uint64_t dropped_lines ABSL_GUARDED_BY(mutex) = 0;
};

absl::StatusOr<std::unique_ptr<LineWriter>> LineWriter::Open(LineWriterOptions options) {
  auto state = std::make_shared<State>(std::move(options));
  if (!state->options.path.empty()) {
    KH_ASSIGN_OR_RETURN(state->file, OpenFile(state->options.path));
  }
  return std::unique_ptr<LineWriter>(new LineWriter(std::move(state)));
}

LineWriter::LineWriter(std::shared_ptr<State> state)
    : state_(std::move(state)), thread_([state = state_] { state->Run(); }) {}

LineWriter::~LineWriter() {
  bool ended;
  {
    absl::MutexLock lock(&state_->mutex);
    state_->stopping = true;
    state_->wake.Signal();
    const absl::Time deadline = absl::Now() + state_->options.close_timeout;
    while (!state_->ended && !state_->settled_changed.WaitWithDeadline(&state_->mutex, deadline)) {
    }
    ended = state_->ended;
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LineWriter::Write(absl::string_view line) {
  KH_CHECK(!line.empty() && line.back() == '\n');
  absl::MutexLock lock(&state_->mutex);
  const size_t before = state_->waiting.size();
  if (before + state_->in_flight_bytes + line.size() > state_->options.max_waiting_bytes) {
    ++state_->dropped_lines;
    return;
  }
  const bool was_half_full = state_->IsHalfFull();
  state_->waiting.append(line.data(), line.size());
  ++state_->accepted;
  if (before == 0 || (!was_half_full && state_->IsHalfFull())) state_->wake.Signal();
}

void LineWriter::Reopen() {
  if (state_->options.path.empty()) return;
  absl::MutexLock lock(&state_->mutex);
  state_->reopen_at = state_->waiting.size();
  state_->wake.Signal();
}

bool LineWriter::Flush(absl::Duration timeout) {
  absl::MutexLock lock(&state_->mutex);
  const uint64_t target = state_->accepted;
  state_->hurry = true;
  state_->wake.Signal();
  const absl::Time deadline = absl::Now() + timeout;
  while (state_->settled < target) {
    if (state_->settled_changed.WaitWithDeadline(&state_->mutex, deadline)) break;
  }
  return state_->settled >= target;
}

uint64_t LineWriter::written_lines() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->written_lines;
}

uint64_t LineWriter::dropped_lines() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->dropped_lines;
}

}  // namespace kraken::telemetry
