#include "harbor_bridge/status/job_watches.h"

#include <iterator>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/status/bridge_messages.h"
#include "kraken/base/status_util.h"

namespace harbor_bridge {
namespace {

namespace v1 = kraken::rpc::v1;

bool HasEnded(const v1::BridgeJob& job) {
  return job.state() == v1::BRIDGE_JOB_STATE_DONE || job.state() == v1::BRIDGE_JOB_STATE_DEAD;
}

v1::BridgeJob Forgotten(const std::string& key) {
  v1::BridgeJob job;
  job.set_key(key);
  job.set_state(v1::BRIDGE_JOB_STATE_FORGOTTEN);
  return job;
}

}  // namespace

JobWatches::JobWatches(kraken::net::EventLoop* loop, kraken::WorkerPool* workers,
                       const BridgeAdmin* admin)
    : loop_(loop), workers_(workers), admin_(admin), alive_(std::make_shared<JobWatches*>(this)) {}

JobWatches::~JobWatches() {
  *alive_ = nullptr;
  Close();
}

void JobWatches::Watch(const std::vector<std::string>& keys, std::shared_ptr<JobOutlet> outlet) {
  DropEnded();
  if (closed_) return outlet->Finish(absl::UnavailableError("the bridge stops"));
  if (streams_.size() == kMaxWatches) {
    return outlet->Finish(absl::ResourceExhaustedError(
        absl::StrCat(kMaxWatches, " watch already; ask again later, or list jobs")));
  }
  Stream stream{.outlet = std::move(outlet), .open = {}};
  for (const std::string& key : keys) stream.open[key] = "";
  streams_.push_back(std::move(stream));
  loop_->CancelTimer(timer_);
  Tick();
}

void JobWatches::Tick() {
  timer_ = kraken::net::TimerId::kNone;
  DropEnded();
  if (closed_ || streams_.empty()) return;
  timer_ = loop_->RunAfter(kInterval, [this] { Tick(); });
  if (reading_) return;
  std::set<std::string> keys;
  for (const Stream& stream : streams_) {
    if (stream.outlet->queued() > 0) continue;
    for (const auto& [key, said] : stream.open) keys.insert(key);
  }
  if (keys.empty()) return;
  reading_ = true;
  const absl::Status submitted = workers_->Submit(
      [alive = alive_, handle = loop_->handle(), admin = admin_, keys = std::move(keys)] {
        Found found;
        for (const std::string& key : keys) {
          const absl::StatusOr<JobDetails> details = admin->FindJob(key);
          if (details.ok()) {
            found.emplace(key, ToProto(*details));
          } else {
            found.emplace(key, kraken::Annotate(details.status(), key));
          }
        }
        handle.Post([alive, found = std::move(found)] {
          if (*alive != nullptr) (*alive)->OnFound(found);
        });
      });
  if (!submitted.ok()) reading_ = false;
}

void JobWatches::OnFound(const Found& found) {
  reading_ = false;
  for (Stream& stream : streams_) Tell(stream, found);
  DropEnded();
}

void JobWatches::Tell(Stream& stream, const Found& found) {
  // One that was busy when the jobs were read may have more of them than it has room for.
  if (stream.outlet->queued() > 0) return;
  for (auto it = stream.open.begin(); it != stream.open.end();) {
    const auto news = found.find(it->first);
    bool has_ended = false;
    if (news == found.end()) {
      // It began to watch after the jobs were read.
    } else if (news->second.ok()) {
      std::string said = news->second->SerializeAsString();
      if (said != it->second) stream.outlet->Write(*news->second);
      it->second = std::move(said);
      has_ended = HasEnded(*news->second);
    } else if (absl::IsNotFound(news->second.status())) {
      if (it->second.empty()) return stream.outlet->Finish(news->second.status());
      stream.outlet->Write(Forgotten(it->first));
      has_ended = true;
    }
    it = has_ended ? stream.open.erase(it) : std::next(it);
  }
  if (stream.open.empty()) stream.outlet->Finish(absl::OkStatus());
}

void JobWatches::DropEnded() {
  std::erase_if(streams_, [](const Stream& stream) { return stream.outlet->ended(); });
}

void JobWatches::Close() {
  closed_ = true;
  if (timer_ != kraken::net::TimerId::kNone) loop_->CancelTimer(timer_);
  timer_ = kraken::net::TimerId::kNone;
  for (const Stream& stream : streams_) {
    stream.outlet->Finish(absl::UnavailableError("the bridge stops"));
  }
  streams_.clear();
}

}  // namespace harbor_bridge
