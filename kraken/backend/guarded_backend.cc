#include "kraken/backend/guarded_backend.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/backend_observer.h"
#include "kraken/base/check.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {

class GuardedBackend::ThrottledSink : public registry::BlobSink {
 public:
  ThrottledSink(GuardedBackend* owner, registry::BlobSink& sink,
                const registry::Cancellation& cancellation)
      : owner_(owner), sink_(sink), cancellation_(cancellation) {}

  absl::optional<ByteOffset> end() const override { return sink_.end(); }
  absl::Status Begin(absl::optional<ByteCount> blob_size) override {
    return sink_.Begin(blob_size);
  }
  absl::Status Write(absl::string_view data) override {
    KH_RETURN_IF_ERROR(sink_.Write(data));
    return owner_->Pace(ByteCount(static_cast<int64_t>(data.size())), cancellation_);
  }

 private:
  GuardedBackend* const owner_;
  registry::BlobSink& sink_;
  const registry::Cancellation& cancellation_;
};

GuardedBackend::GuardedBackend(std::shared_ptr<Backend> inner, const BackendGuards& guards,
                               const Clock* clock)
    : inner_(std::move(inner)),
      guards_(guards),
      clock_(clock),
      name_(inner_->name()),
      bucket_(guards.bytes_per_second, /*burst=*/guards.bytes_per_second, clock->MonotonicNow()) {
  KH_CHECK(guards.max_concurrent >= 1);
}

absl::StatusOr<ByteCount> GuardedBackend::StatBlob(const Namespace& ns, const Digest& digest,
                                                   const registry::Cancellation& cancellation) {
  ByteCount size;
  KH_RETURN_IF_ERROR(Run(BackendObserver::Operation::kStatBlob, cancellation, [&] {
    const absl::StatusOr<ByteCount> result = inner_->StatBlob(ns, digest, cancellation);
    if (result.ok()) size = *result;
    return result.status();
  }));
  return size;
}

absl::Status GuardedBackend::DownloadBlob(const Namespace& ns, const Digest& digest,
                                          ByteOffset offset, registry::BlobSink& sink,
                                          const registry::Cancellation& cancellation) {
  ThrottledSink throttled(this, sink, cancellation);
  return Run(BackendObserver::Operation::kDownloadBlob, cancellation,
             [&] { return inner_->DownloadBlob(ns, digest, offset, throttled, cancellation); });
}

absl::StatusOr<Digest> GuardedBackend::ResolveTag(const Namespace& ns, const Tag& tag,
                                                  const registry::Cancellation& cancellation) {
  Digest digest;
  KH_RETURN_IF_ERROR(Run(BackendObserver::Operation::kResolveTag, cancellation, [&] {
    const absl::StatusOr<Digest> result = inner_->ResolveTag(ns, tag, cancellation);
    if (result.ok()) digest = *result;
    return result.status();
  }));
  return digest;
}

absl::Status GuardedBackend::CheckReady(const registry::Cancellation& cancellation) {
  return inner_->CheckReady(cancellation);
}

absl::Status GuardedBackend::Run(BackendObserver::Operation operation,
                                 const registry::Cancellation& cancellation,
                                 absl::FunctionRef<absl::Status()> request) {
  const MonotonicTime start = clock_->MonotonicNow();
  absl::Status status = Enter(cancellation);
  if (status.ok()) {
    status = request();
    Leave();
  }
  if (guards_.observer != nullptr) {
    guards_.observer->OnRequest(name_, operation, status, clock_->MonotonicNow() - start);
  }
  return status;
}

absl::Status GuardedBackend::Enter(const registry::Cancellation& cancellation) {
  bool cancelled = false;
  // Outlives the lock below: a callback that waits for mutex_ must not be waited for under it.
  const registry::Cancellation::Callback on_cancel(cancellation, [this, &cancelled] {
    absl::MutexLock lock(&mutex_);
    cancelled = true;
  });
  absl::MutexLock lock(&mutex_);
  const auto can_go_on = [this, &cancelled]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return cancelled || running_ < guards_.max_concurrent;
  };
  mutex_.Await(absl::Condition(&can_go_on));
  if (cancelled) {
    return absl::CancelledError(absl::StrCat("cancelled while waiting for backend ", name_));
  }
  ++running_;
  return absl::OkStatus();
}

void GuardedBackend::Leave() {
  absl::MutexLock lock(&mutex_);
  --running_;
}

absl::Status GuardedBackend::Pace(ByteCount bytes, const registry::Cancellation& cancellation) {
  if (guards_.observer != nullptr) guards_.observer->OnBytes(name_, bytes);
  absl::Duration wait;
  {
    absl::MutexLock lock(&mutex_);
    wait = bucket_.Take(static_cast<double>(bytes.value()), clock_->MonotonicNow());
  }
  if (wait <= absl::ZeroDuration()) return absl::OkStatus();
  return Annotate(cancellation.WaitFor(wait), absl::StrCat("backend ", name_));
}

}  // namespace kraken::backend
