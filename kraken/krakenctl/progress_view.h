#ifndef KRAKEN_KRAKENCTL_PROGRESS_VIEW_H_
#define KRAKEN_KRAKENCTL_PROGRESS_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/krakenctl/image_pull.h"

namespace kraken::krakenctl {

// "150.3 MB", in powers of 1000; "512 B".
std::string FormatBytes(int64_t bytes);
// "32.1 MB/s".
std::string FormatRate(int64_t bytes, absl::Duration time);

// Shows the progress of a pull as text: a line for each blob that is done, and on a terminal below
// them a bar for each blob that is under way, drawn anew each time. Not thread-safe.
class ProgressView {
 public:
  // `columns`: of the terminal; 0: no bars. `plan` outlives this.
  ProgressView(const PullPlan& plan, int columns) : plan_(plan), columns_(columns) {}

  // What to write so that the reader sees how far it is.
  std::string Update(absl::Span<const PullProgress::Blob> blobs, MonotonicTime now);

 private:
  std::string DoneLine(size_t index, const PullProgress::Blob& blob) const;
  std::string Bar(size_t index, const PullProgress::Blob& blob, MonotonicTime now) const;

  const PullPlan& plan_;
  const int columns_;
  std::vector<bool> told_;  // which are in lines already
  size_t told_count_ = 0;
  size_t bars_ = 0;  // on the screen now
};

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_PROGRESS_VIEW_H_
