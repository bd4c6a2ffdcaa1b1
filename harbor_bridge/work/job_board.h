#ifndef HARBOR_BRIDGE_WORK_JOB_BOARD_H_
#define HARBOR_BRIDGE_WORK_JOB_BOARD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace harbor_bridge {

// How far a job is. Totals are 0 until Harbor has said what the image is.
struct JobProgress {
  std::string step;  // "asking Harbor", "prefetching", …
  int64_t blobs_done = 0;
  int64_t blobs_total = 0;
  int64_t bytes_done = 0;
  int64_t bytes_total = 0;
  // That have all of it, of those that are to have it. While they fetch, blobs and bytes are those
  // of all of them together.
  int64_t agents_done = 0;
  int64_t agents_asked = 0;
};

// A job that runs or has ended.
struct JobView {
  std::string key;
  std::string harbor;
  JobProgress progress;
  absl::Time begun;
  // Of one that has ended.
  absl::Time ended;
  bool ok = false;
  std::string result;  // or the error
};

// What is worked on now and what ended last, in memory; the queue keeps a job's result or error.
// Thread-safe.
class JobBoard {
 public:
  static constexpr size_t kMaxRecent = 50;

  // Who works on a job says through it how far he is. While it lives the job is on the board, and
  // when it goes the job has ended. Thread-safe, but for End().
  class Entry {
   public:
    Entry(JobBoard* board, std::string key, std::string harbor);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    void SetStep(absl::string_view step);
    void SetTotals(int64_t blobs, int64_t bytes);
    void SetDone(int64_t blobs, int64_t bytes);
    void SetAgents(int64_t done, int64_t asked);
    // How it ended: the result, or the error.
    void End(bool ok, std::string result);

   private:
    JobBoard* const board_;
    const std::string key_;
    bool ok_ = false;
    std::string result_ = "given up";
  };

  std::vector<JobView> Running() const ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<JobProgress> ProgressOf(const std::string& key) const ABSL_LOCKS_EXCLUDED(mu_);

  // Attempts that ended, the newest first.
  std::vector<JobView> Recent() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable absl::Mutex mu_;
  std::map<std::string, JobView> running_ ABSL_GUARDED_BY(mu_);
  std::deque<JobView> recent_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_JOB_BOARD_H_
