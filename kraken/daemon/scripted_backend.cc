#include "kraken/daemon/scripted_backend.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/backend/file/file_backend.h"
#include "kraken/base/test_util.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"
#include "re2/re2.h"

namespace kraken::daemon {

class ScriptedBackend::Sink final : public registry::BlobSink {
 public:
  Sink(ScriptedBackend* owner, registry::BlobSink* sink, int64_t offset,
       const registry::Cancellation* cancellation)
      : owner_(owner), sink_(sink), offset_(offset), cancellation_(cancellation) {}

  absl::optional<ByteOffset> end() const override { return sink_->end(); }
  absl::Status Begin(absl::optional<ByteCount> size) override { return sink_->Begin(size); }

  absl::Status Write(absl::string_view data) override {
    while (!data.empty()) {
      absl::StatusOr<size_t> length = owner_->Admit(offset_, data.size(), *cancellation_);
      if (!length.ok()) return length.status();
      absl::Status written = sink_->Write(data.substr(0, *length));
      if (!written.ok()) return written;
      data.remove_prefix(*length);
      offset_ += static_cast<int64_t>(*length);
    }
    return absl::OkStatus();
  }

 private:
  ScriptedBackend* const owner_;
  registry::BlobSink* const sink_;
  int64_t offset_;
  const registry::Cancellation* const cancellation_;
};

ScriptedBackend::ScriptedBackend() : root_(MakeTestDir()) {
  for (const char* folder : {"/blobs", "/blobs/sha256"}) {
    EXPECT_EQ(::mkdir((root_ + folder).c_str(), 0777), 0);
  }
  auto file = backend::FileBackend::Create(root_);
  EXPECT_OK(file);
  file_ = *std::move(file);
  // The router does not own this.
  std::shared_ptr<backend::Backend> self(std::shared_ptr<void>(), this);
  router_ = std::make_unique<backend::NamespaceRouter>(std::vector<backend::NamespaceRouter::Route>{
      {std::make_shared<const re2::RE2>("^[^u]"), std::move(self)}});
}

void ScriptedBackend::Put(const Digest& digest, absl::Span<const uint8_t> bytes) {
  WriteTestFile(absl::StrCat(root_, "/blobs/sha256/", digest.hex()),
                absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void ScriptedBackend::HoldAt(int64_t offset, bool deaf) {
  absl::MutexLock lock(&mu_);
  hold_at_ = offset;
  deaf_ = deaf;
}

void ScriptedBackend::Release() {
  absl::MutexLock lock(&mu_);
  hold_at_.reset();
}

void ScriptedBackend::FailAt(int64_t offset, absl::Status failure) {
  absl::MutexLock lock(&mu_);
  fail_at_ = offset;
  failure_ = std::move(failure);
}

void ScriptedBackend::PretendSize(ByteCount size) {
  absl::MutexLock lock(&mu_);
  pretended_size_ = size;
}

absl::StatusOr<ByteCount> ScriptedBackend::StatBlob(const Namespace& ns, const Digest& digest,
                                                    const registry::Cancellation& cancellation) {
  absl::StatusOr<ByteCount> size = file_->StatBlob(ns, digest, cancellation);
  absl::MutexLock lock(&mu_);
  return size.ok() && pretended_size_.has_value() ? *pretended_size_ : size;
}

absl::Status ScriptedBackend::DownloadBlob(const Namespace& ns, const Digest& digest,
                                           ByteOffset offset, registry::BlobSink& sink,
                                           const registry::Cancellation& cancellation) {
  ends_.Put(sink.end().value_or(ByteOffset(0)).value());
  downloads_.Put(offset.value());
  Sink scripted(this, &sink, offset.value(), &cancellation);
  return file_->DownloadBlob(ns, digest, offset, scripted, cancellation);
}

absl::StatusOr<size_t> ScriptedBackend::Admit(int64_t offset, size_t length,
                                              const registry::Cancellation& cancellation) {
  bool cancelled = false;
  const registry::Cancellation::Callback on_cancel(cancellation, [this, &cancelled] {
    absl::MutexLock lock(&mu_);
    cancelled = true;
  });
  absl::MutexLock lock(&mu_);
  const auto may_go_on = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return !hold_at_.has_value() || offset < *hold_at_ || (cancelled && !deaf_);
  };
  if (!mu_.AwaitWithTimeout(absl::Condition(&may_go_on), rpc::kTestPatience)) {
    return absl::DeadlineExceededError("the test has not released the backend");
  }
  if (cancelled && !deaf_) return absl::CancelledError("the download was cancelled");
  int64_t end = offset + static_cast<int64_t>(length);
  if (!failure_.ok()) {
    if (offset >= fail_at_) return failure_;
    end = std::min(end, fail_at_);
  }
  if (hold_at_.has_value()) end = std::min(end, *hold_at_);
  return static_cast<size_t>(end - offset);
}

}  // namespace kraken::daemon
