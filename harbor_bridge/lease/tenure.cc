#include "harbor_bridge/lease/tenure.h"

#include <utility>

#include "absl/time/clock.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

Tenure::Tenure(kraken::net::EventLoop* loop, Options options, kraken::storage::JobQueue* queue)
    : loop_(loop),
      harbors_(std::move(options.harbors)),
      look_back_(options.look_back),
      lease_(loop, std::move(options.lease), [this](bool held) { OnChange(held); }),
      done_(
          queue, [this] { return lease_.Epoch().ok(); },
          [this](const Watermarks& done) {
            loop_->Post([this, done] { lease_.PutWatermarks(done); });
          },
          options.watermark_interval) {}

void Tenure::Drive(Dispatcher* dispatcher, Reconciler* reconciler) {
  dispatcher_ = dispatcher;
  reconciler_ = reconciler;
  dispatcher_->SetActive(false);
  reconciler_->SetActive(false);
}

void Tenure::OnChange(bool held) {
  dispatcher_->SetActive(held);
  if (!held) return reconciler_->SetActive(false);
  lease_.GetWatermarks([this](const absl::StatusOr<Watermarks>& done) {
    if (lease_.Epoch().ok()) TakeOver(done);
  });
}

void Tenure::TakeOver(const absl::StatusOr<Watermarks>& done) {
  if (!done.ok()) {
    kraken::telemetry::LogWarn("the lease's watermarks are not known; looking back from our own",
                               {{"reason", done.status()}});
    return reconciler_->TakeOver({});
  }
  reconciler_->TakeOver(*done);
  // Where there is none yet, who comes next is to look back no less than this one does.
  Watermarks first;
  const absl::Time look_back = absl::Now() - look_back_;
  for (const std::string& harbor : harbors_) {
    if (!done->contains(harbor)) first[harbor] = look_back;
  }
  lease_.PutWatermarks(first);
}

}  // namespace harbor_bridge
