#ifndef HARBOR_BRIDGE_WORK_PREHEAT_JOBS_H_
#define HARBOR_BRIDGE_WORK_PREHEAT_JOBS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/image_work.h"
#include "harbor_bridge/work/job_board.h"
#include "kraken/base/clock.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/job.h"

namespace harbor_bridge {

// The key of a job. No Harbor and no repository has a '#' in its name.
std::string PreheatKey(absl::string_view harbor, uint64_t id);
bool IsPreheatKey(absl::string_view key);

// Does what Harbor's preheat provider "dragonfly" asks for: one job each time, whose end Harbor
// waits for. The credential that comes with a job is kept in memory, for that job alone, and
// forgotten at its end or when it has expired; after a restart a job is done with the Harbor's own.
// Thread-safe.
class PreheatJobs {
 public:
  // Credentials kept at a time; a job beyond is done with the Harbor's own.
  static constexpr size_t kMaxTokens = 10'000;
  // Harbor's tokens are good for half an hour.
  static constexpr absl::Duration kTokenLifetime = absl::Minutes(30);

  // All outlive it.
  PreheatJobs(const Harbors* harbors, const ImagePrefetch* prefetch, const kraken::Clock* clock)
      : harbors_(harbors), prefetch_(prefetch), clock_(clock) {}

  // Before the job is put into the queue under this key.
  void KeepToken(const std::string& key, std::string token) ABSL_LOCKS_EXCLUDED(mu_);
  void ForgetToken(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);

  // Gives up a job that is being done; false: none is.
  bool Cancel(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);

  // Does one job; blocks. What was done, in a line. Errors as ImagePrefetch; FAILED_PRECONDITION,
  // which ends it at once, if the image is not there, or nobody lets us pull it, or the job was
  // cancelled.
  absl::StatusOr<std::string> Run(const kraken::storage::Job& job, JobBoard::Entry& board,
                                  const kraken::registry::Cancellation& stop)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Token {
    std::string text;
    absl::Time expires;
  };

  std::string FindToken(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<ImageFinding> Prefetch(const std::string& key, const ImageWork& work,
                                        JobBoard::Entry& board,
                                        const kraken::registry::Cancellation& cancellation);

  const Harbors* const harbors_;
  const ImagePrefetch* const prefetch_;
  const kraken::Clock* const clock_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Token> tokens_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, kraken::registry::Cancellation> running_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_PREHEAT_JOBS_H_
