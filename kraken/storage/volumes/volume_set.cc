#include "kraken/storage/volumes/volume_set.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/digest_lock.h"
#include "kraken/storage/forwarding_file_system.h"
#include "kraken/storage/volumes/volume_placement.h"

namespace kraken::storage {
namespace {

// A disk that is full, broken, or read-only since it broke.
bool IsVolumeTrouble(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsDataLoss(status) ||
         absl::IsPermissionDenied(status);
}

// A volume's file system, which remembers when it last failed.
class WatchedFileSystem final : public ForwardingFileSystem {
 public:
  WatchedFileSystem(FileSystem& base, const Clock& clock, absl::Duration unhealthy_time)
      : ForwardingFileSystem(base), clock_(clock), unhealthy_time_(unhealthy_time) {}

  bool healthy() const {
    absl::MutexLock lock(&mu_);
    return !failed_at_.has_value() || clock_.MonotonicNow() - *failed_at_ >= unhealthy_time_;
  }
  void NoteFailure() {
    absl::MutexLock lock(&mu_);
    failed_at_ = clock_.MonotonicNow();
  }

  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) override {
    absl::StatusOr<UniqueFd> fd = base_.Open(path, flags);
    if (IsVolumeTrouble(fd.status())) NoteFailure();
    return fd;
  }
  absl::Status MakeDirectory(const std::string& path, bool* created) override {
    return Noted(base_.MakeDirectory(path, created));
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Noted(base_.Rename(from, to));
  }
  absl::Status Unlink(const std::string& path) override { return Noted(base_.Unlink(path)); }
  absl::Status RemoveDirectory(const std::string& path) override {
    return Noted(base_.RemoveDirectory(path));
  }
  absl::Status Sync(int fd, const std::string& path) override {
    return Noted(base_.Sync(fd, path));
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return Noted(base_.SyncDirectory(path));
  }
  absl::Status Allocate(int fd, uint64_t size, const std::string& path, bool* reserved) override {
    return Noted(base_.Allocate(fd, size, path, reserved));
  }
  absl::Status Truncate(int fd, uint64_t size, const std::string& path) override {
    return Noted(base_.Truncate(fd, size, path));
  }
  absl::Status WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                             const std::string& path) override {
    return Noted(base_.WriteMetadata(fd, offset, bytes, path));
  }
  absl::StatusOr<struct stat> Stat(const std::string& path) override {
    absl::StatusOr<struct stat> info = base_.Stat(path);
    if (IsVolumeTrouble(info.status())) NoteFailure();
    return info;
  }

 private:
  absl::Status Noted(absl::Status status) {
    if (IsVolumeTrouble(status)) NoteFailure();
    return status;
  }

  const Clock& clock_;
  const absl::Duration unhealthy_time_;
  mutable absl::Mutex mu_;
  std::optional<MonotonicTime> failed_at_ ABSL_GUARDED_BY(mu_);
};

struct Volume {
  std::shared_ptr<WatchedFileSystem> files;
  std::unique_ptr<BlobStore> store;
};

// What several volumes said, none of which could do it.
class Refusals {
 public:
  void Add(const absl::Status& status) {
    if (first_.ok()) first_ = status;
    messages_.emplace_back(status.message());
  }
  absl::Status status() const {
    return absl::Status(first_.code(), absl::StrJoin(messages_, "; "));
  }

 private:
  absl::Status first_;
  std::vector<std::string> messages_;
};

absl::Status NotFound(const Digest& digest) {
  return absl::NotFoundError(
      absl::StrCat("blob ", digest.ToString(), " is on none of the store's volumes"));
}

// Thread-safe: its parts are, and a lock per digest sees to it that one blob is begun in one place.
class VolumeSet final : public BlobStore {
 public:
  VolumeSet(std::vector<Volume> volumes, VolumePlacement placement, int lost)
      : volumes_(std::move(volumes)), placement_(std::move(placement)), lost_(lost) {}

  absl::StatusOr<std::shared_ptr<const Blob>> Find(const Digest& digest) override {
    return FirstFound<std::shared_ptr<const Blob>>(
        digest, [&digest](BlobStore& store) { return store.Find(digest); });
  }
  bool Contains(const Digest& digest) override { return HolderOf(digest) != nullptr; }

  absl::StatusOr<std::shared_ptr<PartialBlob>> OpenPartial(
      const Digest& digest, std::optional<ByteCount> size,
      const OpenPartialOptions& options) override {
    absl::StatusOr<std::shared_ptr<PartialBlob>> partial;
    KH_RETURN_IF_ERROR(InOnePlace(digest, [&](BlobStore& store) {
      partial = store.OpenPartial(digest, size, options);
      return partial.status();
    }));
    return partial;
  }
  std::shared_ptr<PartialBlob> FindPartial(const Digest& digest) override {
    for (const Volume& volume : volumes_) {
      if (auto partial = volume.store->FindPartial(digest)) return partial;
    }
    return nullptr;
  }
  absl::Status PutSmall(const Digest& digest, absl::Span<const uint8_t> bytes) override {
    return InOnePlace(digest,
                      [&digest, bytes](BlobStore& store) { return store.PutSmall(digest, bytes); });
  }
  absl::StatusOr<std::string> GetSmall(const Digest& digest) override {
    return FirstFound<std::string>(digest,
                                   [&digest](BlobStore& store) { return store.GetSmall(digest); });
  }

  absl::Status Delete(const Digest& digest, bool force) override {
    const DigestLock lock(digest_locks_, digest);
    absl::Status result = NotFound(digest);
    for (const Volume& volume : volumes_) {
      const absl::Status deleted = volume.store->Delete(digest, force);
      // An error of one volume is heard of, whatever the others say.
      if (!absl::IsNotFound(deleted) && (result.ok() || absl::IsNotFound(result))) result = deleted;
    }
    return result;
  }
  absl::Status SetKeep(const Digest& digest, bool keep) override {
    BlobStore* const holder = HolderOf(digest);
    return holder == nullptr ? NotFound(digest) : holder->SetKeep(digest, keep);
  }
  absl::StatusOr<bool> IsKept(const Digest& digest) override {
    BlobStore* const holder = HolderOf(digest);
    if (holder == nullptr) return NotFound(digest);
    return holder->IsKept(digest);
  }
  void Touch(const Digest& digest) override {
    if (BlobStore* const holder = HolderOf(digest)) holder->Touch(digest);
  }
  void Demote(const Digest& digest) override {
    if (BlobStore* const holder = HolderOf(digest)) holder->Demote(digest);
  }

  absl::StatusOr<std::vector<Digest>> List(std::optional<Digest> after, int limit) override {
    KH_ASSIGN_OR_RETURN(std::vector<Digest> all, Merged([&after, limit](BlobStore& store) {
                          return store.List(after, limit);
                        }));
    if (static_cast<int>(all.size()) > limit) all.resize(static_cast<size_t>(limit));
    return all;
  }
  bool ContainsPartial(const Digest& digest) override {
    return std::any_of(volumes_.begin(), volumes_.end(), [&digest](const Volume& volume) {
      return volume.store->ContainsPartial(digest);
    });
  }
  absl::StatusOr<std::vector<Digest>> ListPartials() override {
    return Merged([](BlobStore& store) { return store.ListPartials(); });
  }

  void EvictIfNeeded() override {
    for (const Volume& volume : volumes_) volume.store->EvictIfNeeded();
  }
  BlobStoreStats stats() override;
  void WaitUntilLoaded() override {
    for (const Volume& volume : volumes_) volume.store->WaitUntilLoaded();
  }

 private:
  // Where the blob belongs first; volumes that fail last.
  std::vector<const Volume*> OrderFor(const Digest& digest) const {
    std::vector<const Volume*> order;
    for (const int i : placement_.OrderFor(digest)) {
      order.push_back(&volumes_[static_cast<size_t>(i)]);
    }
    std::stable_partition(order.begin(), order.end(),
                          [](const Volume* volume) { return volume->files->healthy(); });
    return order;
  }

  // The volume that has the complete blob, or null.
  BlobStore* HolderOf(const Digest& digest) const {
    for (const Volume* volume : OrderFor(digest)) {
      if (volume->store->Contains(digest)) return volume->store.get();
    }
    return nullptr;
  }

  template <typename T>
  absl::StatusOr<T> FirstFound(const Digest& digest,
                               absl::FunctionRef<absl::StatusOr<T>(BlobStore&)> look) const;
  // Calls `begin` for the volume that has the blob or some of it, else for one after the other
  // until one has room and works.
  absl::Status InOnePlace(const Digest& digest, absl::FunctionRef<absl::Status(BlobStore&)> begin);
  absl::StatusOr<std::vector<Digest>> Merged(
      absl::FunctionRef<absl::StatusOr<std::vector<Digest>>(BlobStore&)> list) const;

  const std::vector<Volume> volumes_;
  const VolumePlacement placement_;
  const int lost_;
  DigestLocks digest_locks_;
};

template <typename T>
absl::StatusOr<T> VolumeSet::FirstFound(
    const Digest& digest, absl::FunctionRef<absl::StatusOr<T>(BlobStore&)> look) const {
  for (const Volume* volume : OrderFor(digest)) {
    absl::StatusOr<T> found = look(*volume->store);
    // A volume that fails costs what is on it: that is not there, for now. Too many open files, or
    // a blob that is too large, is another matter.
    if (found.ok() || absl::IsResourceExhausted(found.status())) return found;
  }
  return NotFound(digest);
}

absl::Status VolumeSet::InOnePlace(const Digest& digest,
                                   absl::FunctionRef<absl::Status(BlobStore&)> begin) {
  const DigestLock lock(digest_locks_, digest);
  std::vector<const Volume*> order = OrderFor(digest);
  for (const Volume* volume : order) {
    if (volume->store->FindPartial(digest) != nullptr || volume->store->Contains(digest)) {
      return begin(*volume->store);
    }
  }
  // What has arrived already is worth more than its place, unless its disk fails.
  std::stable_partition(order.begin(), order.end(), [&digest](const Volume* volume) {
    return volume->files->healthy() && volume->store->ContainsPartial(digest);
  });
  Refusals refusals;
  for (const Volume* volume : order) {
    absl::Status begun = begin(*volume->store);
    if (!IsVolumeTrouble(begun)) return begun;
    volume->files->NoteFailure();
    refusals.Add(begun);
  }
  return refusals.status();
}

absl::StatusOr<std::vector<Digest>> VolumeSet::Merged(
    absl::FunctionRef<absl::StatusOr<std::vector<Digest>>(BlobStore&)> list) const {
  std::vector<Digest> all;
  for (const Volume& volume : volumes_) {
    const absl::StatusOr<std::vector<Digest>> some = list(*volume.store);
    if (!some.ok() && !IsVolumeTrouble(some.status())) return some.status();
    if (some.ok()) all.insert(all.end(), some->begin(), some->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

BlobStoreStats VolumeSet::stats() {
  BlobStoreStats sum;
  sum.volumes = volumes_.size() + static_cast<uint64_t>(lost_);
  sum.unhealthy_volumes = static_cast<uint64_t>(lost_);
  sum.loaded = true;
  for (const Volume& volume : volumes_) {
    const BlobStoreStats stats = volume.store->stats();
    sum.blobs += stats.blobs;
    sum.bytes += stats.bytes;
    sum.partials += stats.partials;
    sum.reserved_bytes += stats.reserved_bytes;
    sum.quota_bytes += stats.quota_bytes;
    sum.evicted_blobs += stats.evicted_blobs;
    sum.evicted_bytes += stats.evicted_bytes;
    sum.committed_blobs += stats.committed_blobs;
    sum.open_files += stats.open_files;
    sum.unhealthy_volumes += volume.files->healthy() ? 0 : 1;
    sum.loaded = sum.loaded && stats.loaded;
  }
  return sum;
}

// --- Opening.

FileSystem& FilesOf(const BlobStoreOptions& options) {
  return options.file_system != nullptr ? *options.file_system : PosixFileSystem();
}

absl::Status CheckRoot(const VolumeOptions& options, bool must_be_mount_point) {
  FileSystem& files = FilesOf(options.store);
  const std::string& root = options.store.root;
  const absl::StatusOr<struct stat> info = files.Stat(root);
  if (!info.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("its directory is not there; is the disk mounted? A volume's directory is "
                     "never made: ",
                     info.status().message()));
  }
  if (!must_be_mount_point) return absl::OkStatus();
  const absl::StatusOr<struct stat> parent = files.Stat(root + "/..");
  if (parent.ok() && parent->st_dev != info->st_dev) return absl::OkStatus();
  return absl::FailedPreconditionError("it is no mount point; is the disk mounted?");
}

absl::StatusOr<double> WeightOf(const VolumeOptions& options) {
  if (options.weight > 0) return options.weight;
  if (options.store.quota.value() > 0) return static_cast<double>(options.store.quota.value());
  KH_ASSIGN_OR_RETURN(const FileSystem::Space space,
                      FilesOf(options.store).SpaceOf(options.store.root));
  return static_cast<double>(std::max<uint64_t>(1, space.total_bytes));
}

absl::StatusOr<Volume> OpenVolume(VolumeOptions options, const VolumeSetOptions& set,
                                  const Clock& clock, WorkerPool& pool) {
  KH_RETURN_IF_ERROR(CheckRoot(options, set.must_be_mount_points));
  Volume volume;
  volume.files =
      std::make_shared<WatchedFileSystem>(FilesOf(options.store), clock, set.unhealthy_time);
  options.store.file_system = volume.files.get();
  options.store.keep_alive = volume.files;
  KH_ASSIGN_OR_RETURN(volume.store, BlobStore::Open(std::move(options.store), pool));
  return volume;
}

// Volumes that share a file system count its free space twice.
std::vector<std::string> SharedFileSystems(const std::vector<VolumeOptions>& volumes) {
  std::vector<std::string> warnings;
  for (size_t i = 0; i < volumes.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const auto one = FilesOf(volumes[i].store).Stat(volumes[i].store.root);
      const auto other = FilesOf(volumes[j].store).Stat(volumes[j].store.root);
      if (!one.ok() || !other.ok() || one->st_dev != other->st_dev) continue;
      if (volumes[i].store.quota.value() > 0 && volumes[j].store.quota.value() > 0) continue;
      warnings.push_back(absl::StrCat("volumes ", volumes[j].store.root, " and ",
                                      volumes[i].store.root,
                                      " are on one file system: give each a capacity"));
    }
  }
  return warnings;
}

}  // namespace

absl::StatusOr<OpenedVolumes> OpenVolumes(VolumeSetOptions options, WorkerPool& pool) {
  const Clock& clock = options.clock != nullptr ? *options.clock : SystemClock::Get();
  OpenedVolumes opened{.store = nullptr, .warnings = SharedFileSystems(options.volumes)};
  std::vector<Volume> usable;
  std::vector<VolumePlacement::Volume> places;
  std::vector<std::string> lost;
  for (const VolumeOptions& one : options.volumes) {
    const absl::StatusOr<double> weight = WeightOf(one);
    absl::StatusOr<Volume> volume = OpenVolume(one, options, clock, pool);
    if (volume.ok() && weight.ok()) {
      places.push_back({.label = one.store.root, .weight = *weight});
      usable.push_back(*std::move(volume));
      continue;
    }
    const absl::Status& why = volume.ok() ? weight.status() : volume.status();
    lost.push_back(absl::StrCat("volume ", one.store.root, " cannot be used: ", why.message()));
  }
  if (usable.empty() || (!lost.empty() && !options.allow_missing)) {
    return absl::FailedPreconditionError(lost.empty() ? "the store has no volume"
                                                      : absl::StrJoin(lost, "; "));
  }
  const auto lost_count = static_cast<int>(lost.size());
  opened.warnings.insert(opened.warnings.end(), lost.begin(), lost.end());
  opened.store = std::make_unique<VolumeSet>(std::move(usable), VolumePlacement(std::move(places)),
                                             lost_count);
  return opened;
}

}  // namespace kraken::storage
