#include "kraken/krakenctl/image_pull.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/check.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/descriptor.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/media_type.h"

namespace kraken::krakenctl {
namespace {

using registry::Descriptor;
using registry::Manifest;

// An index may point to an index; nobody nests deeper than once.
constexpr int kMaxIndexDepth = 4;

std::string NameOf(const RepositoryName& repository, const Reference& reference) {
  return absl::StrCat(repository.ToString(), reference.is_tag() ? ":" : "@", reference.ToString());
}

// The manifest of an index that is for the platform; an index in the index if none says so.
absl::StatusOr<Descriptor> ChooseManifest(const Manifest& index, const registry::Platform& platform,
                                          const std::string& name) {
  absl::optional<Descriptor> without_platform;
  std::set<std::string> others;
  for (const Descriptor& manifest : index.manifests()) {
    if (!manifest.platform.has_value()) {
      if (!without_platform.has_value()) without_platform = manifest;
    } else if (registry::PlatformMatches(platform, *manifest.platform)) {
      return manifest;
    } else {
      others.insert(manifest.platform->ToString());
    }
  }
  if (without_platform.has_value()) return *without_platform;
  return absl::NotFoundError(
      absl::StrCat(name, " has no image for ", platform.ToString(),
                   others.empty() ? "" : absl::StrCat(", but for ", absl::StrJoin(others, ", ")),
                   ": choose with --platform"));
}

PullPlan PlanFor(const Digest& digest, const Manifest& manifest) {
  PullPlan plan;
  plan.manifest = digest;
  std::set<Digest> seen;
  for (const Descriptor& blob : manifest.References()) {
    if (!seen.insert(blob.digest).second) continue;
    if (registry::IsNonDistributable(blob.media_type)) {
      ++plan.foreign_layers;
    } else {
      plan.blobs.push_back({blob.digest, blob.size});
    }
  }
  return plan;
}

// Hashes a blob's bytes and lets them go.
class HashingSink final : public registry::BlobSink {
 public:
  HashingSink(const PullPlan::Blob& blob, size_t index, PullProgress& progress)
      : blob_(blob), index_(index), progress_(progress) {}

  absl::Status Begin(absl::optional<ByteCount> blob_size) override {
    if (!blob_size.has_value() || *blob_size == blob_.size) return absl::OkStatus();
    return WrongSize(blob_size->value());
  }
  absl::Status Write(absl::string_view data) override {
    hash_.Update(data);
    progress_.Receive(index_, static_cast<int64_t>(data.size()));
    if (hash_.total_bytes() <= static_cast<uint64_t>(blob_.size.value())) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(), " has more than the ",
                                            blob_.size.value(), " bytes that its manifest says"));
  }
  // After the last byte.
  absl::Status Check() {
    const auto size = static_cast<int64_t>(hash_.total_bytes());
    if (size != blob_.size.value()) return WrongSize(size);
    const Digest digest = hash_.Finish();
    if (digest == blob_.digest) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(),
                                            " arrived as something else, ", digest.ToString()));
  }

 private:
  absl::Status WrongSize(int64_t size) const {
    return absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(), " has ", size,
                                            " bytes, but its manifest says ", blob_.size.value()));
  }

  const PullPlan::Blob& blob_;
  const size_t index_;
  PullProgress& progress_;
  Sha256 hash_;
};

absl::Status PullBlob(registry::RegistryClient& client, const RepositoryName& repository,
                      const PullPlan& plan, size_t index, PullProgress& progress,
                      const registry::Cancellation& cancellation) {
  const PullPlan::Blob& blob = plan.blobs[index];
  HashingSink sink(blob, index, progress);
  progress.Begin(index);
  KH_RETURN_IF_ERROR(client.GetBlob(repository, blob.digest, ByteOffset(0), sink, cancellation));
  KH_RETURN_IF_ERROR(sink.Check());
  progress.End(index);
  return absl::OkStatus();
}

// The first error of several threads, which ends the others.
class FirstError {
 public:
  explicit FirstError(registry::Cancellation cancellation)
      : cancellation_(std::move(cancellation)) {}

  void Set(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    if (!status_.ok()) return;
    status_ = status;
    cancellation_.Cancel();
  }
  absl::Status Get() {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  registry::Cancellation cancellation_;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

ByteCount PullPlan::total_size() const {
  ByteCount total;
  for (const Blob& blob : blobs) total += blob.size;
  return total;
}

absl::StatusOr<PullPlan> ResolveImage(registry::RegistryClient& client,
                                      const RepositoryName& repository, const Reference& reference,
                                      const registry::Platform& platform,
                                      const registry::Cancellation& cancellation) {
  Reference next = reference;
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    const std::string name = NameOf(repository, next);
    KH_ASSIGN_OR_RETURN(const registry::FetchedManifest fetched,
                        client.GetManifest(repository, next, cancellation));
    const absl::StatusOr<Manifest> manifest = Manifest::Parse(fetched.body);
    if (!manifest.ok()) return Annotate(manifest.status(), name);
    if (!manifest->is_index()) return PlanFor(fetched.digest, *manifest);
    KH_ASSIGN_OR_RETURN(const Descriptor chosen, ChooseManifest(*manifest, platform, name));
    next = Reference(chosen.digest);
  }
  return absl::FailedPreconditionError(
      absl::StrCat(NameOf(repository, reference), ": indexes nested deeper than ", kMaxIndexDepth));
}

void PullProgress::Begin(size_t blob) {
  absl::MutexLock lock(&mutex_);
  blobs_[blob].state = State::kRunning;
  blobs_[blob].begun = clock_->MonotonicNow();
}

void PullProgress::Receive(size_t blob, int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  blobs_[blob].received_bytes += bytes;
}

void PullProgress::End(size_t blob) {
  absl::MutexLock lock(&mutex_);
  blobs_[blob].state = State::kDone;
  blobs_[blob].ended = clock_->MonotonicNow();
}

std::vector<PullProgress::Blob> PullProgress::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  return blobs_;
}

absl::Status PullBlobs(registry::RegistryClient& client, const RepositoryName& repository,
                       const PullPlan& plan, int parallel_blobs, PullProgress& progress,
                       registry::Cancellation cancellation) {
  KH_CHECK(parallel_blobs > 0 && parallel_blobs <= kMaxParallelBlobs);
  FirstError error(cancellation);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < plan.blobs.size() && !cancellation.cancelled(); i = next++) {
      const absl::Status status = PullBlob(client, repository, plan, i, progress, cancellation);
      if (!status.ok()) return error.Set(status);
    }
  };
  std::vector<std::thread> threads;
  const size_t count = std::min(static_cast<size_t>(parallel_blobs), plan.blobs.size());
  threads.reserve(count);
  for (size_t i = 0; i < count; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  KH_RETURN_IF_ERROR(error.Get());
  return cancellation.status();
}

}  // namespace kraken::krakenctl
