#ifndef KRAKEN_TELEMETRY_LINE_WRITER_H_
#define KRAKEN_TELEMETRY_LINE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kraken::telemetry {

struct LineWriterOptions {
  // A file, opened with O_APPEND and made if it is missing (mode 0640); empty: stderr.
  std::string path;
  // Of lines that wait to be written; what comes when so many do is dropped.
  size_t max_waiting_bytes = 1 << 20;
  // How long a line may wait for others to go with it.
  absl::Duration max_delay = absl::Milliseconds(100);
  // What the destructor waits for a file that takes nothing.
  absl::Duration close_timeout = absl::Seconds(2);
};

// Writes lines to a file on a thread of its own, so that nobody ever waits for a disk: what does
// not fit into its memory while the disk is slow, or what can't be written, is dropped and counted.
// While nothing is written the thread sleeps.
//
// Thread-safe.
class LineWriter {
 public:
  // The status of open(2), with the path.
  static absl::StatusOr<std::unique_ptr<LineWriter>> Open(LineWriterOptions options);
  // Writes what waits, for as long as the options allow.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Never blocks on the file. REQUIRES: `line` ends with its only newline.
  void Write(absl::string_view line);

  // Opens the path anew, as its file was renamed or removed: what was written before this call goes
  // to the old file, what comes after it to the new one. A file that can't be opened leaves things
  // as they are, with a line in the process's log.
  void Reopen();
  // Waits until what was written before is in the file, or dropped. False: it took longer.
  bool Flush(absl::Duration timeout);

  uint64_t written_lines() const;
  uint64_t dropped_lines() const;

 private:
  struct State;

  explicit LineWriter(std::shared_ptr<State> state);

  // The thread's too, as it may be stuck in a write when this object goes.
  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_LINE_WRITER_H_
