#include "harbor_bridge/reconcile/job_sink.h"

#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "harbor_bridge/work/enqueue_all.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

absl::Status JobSink::Enqueue(const std::vector<ImageWork>& work) {
  struct Call {
    absl::Notification done;
    absl::Status status;
  };
  std::vector<kraken::storage::NewJob> jobs;
  jobs.reserve(work.size());
  for (const ImageWork& item : work) jobs.push_back(item.ToJob(kReconciliationPriority));
  auto call = std::make_shared<Call>();
  EnqueueAll(*queue_, std::move(jobs), [call](const absl::Status& status) {
    call->status = status;
    call->done.Notify();
  });
  call->done.WaitForNotification();
  return call->status;
}

absl::Status JobSink::OnTagGone(const ImageWork& tag) {
  kraken::telemetry::LogInfo("a tag is gone at its Harbor", {{"image", tag.Key()}});
  ImageWork work = tag;
  work.expected = false;
  return Enqueue({work});
}

}  // namespace harbor_bridge
