#include "kraken/storage/store_core.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/partial_blob_impl.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {
namespace {

FileSystem& OrDefault(FileSystem* file_system) {
  return file_system != nullptr ? *file_system : PosixFileSystem();
}

const Clock& OrDefault(const Clock* clock) {
  return clock != nullptr ? *clock : SystemClock::Get();
}

void RecordAccessTime(int fd, int64_t unix_ns) {
  const struct timespec when = absl::ToTimespec(absl::FromUnixNanos(unix_ns));
  const struct timespec times[2] = {when, when};
  // Lost, it costs a little order among the next victims.
  if (::futimens(fd, times) != 0) return;
}

absl::Status IgnoreNotFound(absl::Status status) {
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

size_t ShardOf(const Digest& digest) {
  return static_cast<size_t>(digest.bytes()[0]) << 8 | digest.bytes()[1];
}

}  // namespace

StoreCore::StoreCore(BlobStoreOptions options, BootId boot_id, UniqueFd lock_file, WorkerPool& pool)
    : options_(std::move(options)),
      files_(OrDefault(options_.file_system)),
      clock_(OrDefault(options_.clock)),
      paths_(options_.root),
      boot_id_(boot_id),
      lock_file_(std::move(lock_file)),
      pool_(pool),
      trash_stamp_(absl::StrCat(absl::ToUnixNanos(SystemClock::Get().Now()), ".")),
      open_(static_cast<size_t>(options_.max_idle_files),
            static_cast<size_t>(options_.max_open_files)) {}

// --- Complete blobs.

absl::StatusOr<std::shared_ptr<const Blob>> StoreCore::OpenBlob(const Digest& digest) {
  const std::string directory = paths_.BlobDirectory(digest);
  const std::string data = JoinPath(directory, kDataFile);
  absl::StatusOr<UniqueFd> fd = files_.Open(data, O_RDONLY);
  if (absl::IsNotFound(fd.status())) {
    return absl::NotFoundError(absl::StrCat("blob ", digest.ToString(), " is not in the store"));
  }
  if (!fd.ok()) return fd.status();
  std::string pieces = JoinPath(directory, kPieceListFile);
  if (absl::IsNotFound(files_.Stat(pieces).status())) {
    return absl::NotFoundError(
        absl::StrCat("blob ", digest.ToString(), " is in the store without its piece list"));
  }
  struct stat info;
  if (::fstat(fd->get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", data));
  return std::make_shared<const Blob>(digest, ByteCount(info.st_size), *std::move(fd),
                                      std::move(pieces));
}

absl::StatusOr<std::shared_ptr<const Blob>> StoreCore::Find(const Digest& digest) {
  while (true) {
    uint64_t removals;
    {
      absl::MutexLock lock(&mu_);
      if (std::shared_ptr<const Blob> blob = open_.Find(digest)) {
        if (BlobIndex::Entry* entry = index_.Find(digest)) RecordAccess(blob, *entry);
        return blob;
      }
      if (!open_.MakeRoom(PartialFiles())) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "blob ", digest.ToString(), ": ", options_.max_open_files, " files are open already"));
      }
      removals = removals_;
    }
    KH_ASSIGN_OR_RETURN(std::shared_ptr<const Blob> blob, OpenBlob(digest));
    struct stat info;
    if (::fstat(blob->fd(), &info) != 0) return ErrnoToStatus(errno, digest.ToString());
    absl::MutexLock lock(&mu_);
    if (evicting_.contains(digest)) {
      return absl::NotFoundError(absl::StrCat("blob ", digest.ToString(), " is being evicted"));
    }
    if (removals_ != removals) continue;  // perhaps of this very blob: look again
    if (std::shared_ptr<const Blob> other = open_.Find(digest)) return other;
    open_.Insert(blob);
    BlobIndex::Entry* entry = index_.Find(digest);
    if (entry == nullptr || entry->kind != BlobKind::kComplete) {
      const int64_t size = blob->size().value();
      const int64_t pieces = size / PieceLengthFor(blob->size()).value() + 1;
      const int64_t recorded = info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
      index_.Put(digest, {.kind = BlobKind::kComplete,
                          .charged_bytes = ChargeOf(size, pieces),
                          .last_access_ns = recorded,
                          .recorded_access_ns = recorded});
      entry = index_.Find(digest);
    }
    RecordAccess(blob, *entry);
    return blob;
  }
}

void StoreCore::RecordAccess(const std::shared_ptr<const Blob>& blob, BlobIndex::Entry& entry) {
  entry.last_access_ns = std::max(entry.last_access_ns, NowNanoseconds());
  const int64_t interval = absl::ToInt64Nanoseconds(options_.touch_interval);
  if (entry.last_access_ns - entry.recorded_access_ns < interval) return;
  entry.recorded_access_ns = entry.last_access_ns;
  // Lost when the pool is full: the order of eviction after a restart is then a little worse.
  pool_.Submit([blob, ns = entry.last_access_ns] { RecordAccessTime(blob->fd(), ns); })
      .IgnoreError();
}

bool StoreCore::Contains(const Digest& digest) {
  {
    absl::MutexLock lock(&mu_);
    if (open_.Find(digest) != nullptr) return true;
  }
  return IsWhole(digest);
}

bool StoreCore::IsWhole(const Digest& digest) const {
  const std::string directory = paths_.BlobDirectory(digest);
  return files_.Stat(JoinPath(directory, kDataFile)).ok() &&
         files_.Stat(JoinPath(directory, kPieceListFile)).ok();
}

absl::Status StoreCore::Settle(const Digest& digest) {
  const size_t shard = ShardOf(digest);
  {
    absl::MutexLock lock(&mu_);
    if (settled_shards_[shard]) return absl::OkStatus();
  }
  const absl::Status synced = files_.SyncDirectory(paths_.Shard(digest));
  // Without a shard there is no blob that could come back.
  if (!synced.ok()) return IgnoreNotFound(synced);
  KH_RETURN_IF_ERROR(EnsureShard(digest));
  absl::MutexLock lock(&mu_);
  settled_shards_.set(shard);
  return absl::OkStatus();
}

void StoreCore::Touch(const Digest& digest) {
  {
    absl::MutexLock lock(&mu_);
    BlobIndex::Entry* entry = index_.Find(digest);
    const int64_t interval = absl::ToInt64Nanoseconds(options_.touch_interval);
    if (entry != nullptr && NowNanoseconds() - entry->recorded_access_ns < interval) {
      entry->last_access_ns = std::max(entry->last_access_ns, NowNanoseconds());
      return;
    }
  }
  Find(digest).status().IgnoreError();
}

void StoreCore::Demote(const Digest& digest) {
  {
    absl::MutexLock lock(&mu_);
    if (BlobIndex::Entry* entry = index_.Find(digest)) {
      // The next reader is on record at once, whatever `touch_interval`.
      entry->last_access_ns = 0;
      entry->recorded_access_ns = 0;
    }
  }
  const std::string path = JoinPath(paths_.BlobDirectory(digest), kDataFile);
  const absl::StatusOr<UniqueFd> fd = files_.Open(path, O_RDONLY);
  if (fd.ok()) RecordAccessTime(fd->get(), 0);
}

absl::Status StoreCore::SetKeep(const Digest& digest, bool keep) {
  const std::string directory = paths_.BlobDirectory(digest);
  const std::string path = JoinPath(directory, kKeepFile);
  if (!IsWhole(digest)) {
    return absl::NotFoundError(absl::StrCat("blob ", digest.ToString(), " is not in the store"));
  }
  KH_RETURN_IF_ERROR(Settle(digest));
  if (keep) {
    KH_RETURN_IF_ERROR(files_.Open(path, O_CREAT | O_WRONLY).status());
  } else {
    KH_RETURN_IF_ERROR(IgnoreNotFound(files_.Unlink(path)));
  }
  KH_RETURN_IF_ERROR(files_.SyncDirectory(directory));
  absl::MutexLock lock(&mu_);
  if (BlobIndex::Entry* entry = index_.Find(digest)) entry->keep = keep;
  return absl::OkStatus();
}

void StoreCore::StampAccess(int fd) const { RecordAccessTime(fd, NowNanoseconds()); }

absl::Status StoreCore::EnsureShard(const Digest& digest) {
  const size_t shard = ShardOf(digest);
  {
    absl::MutexLock lock(&mu_);
    if (durable_shards_[shard]) return absl::OkStatus();
  }
  // Directories that are there already may have been made a moment ago, by another thread or by a
  // process that was killed: that they are durable is only known of those that we have synced.
  bool created;
  const std::string outer = paths_.OuterShard(digest);
  KH_RETURN_IF_ERROR(files_.MakeDirectory(outer, &created));
  KH_RETURN_IF_ERROR(files_.MakeDirectory(paths_.Shard(digest), &created));
  KH_RETURN_IF_ERROR(files_.SyncDirectory(outer));
  KH_RETURN_IF_ERROR(files_.SyncDirectory(paths_.blobs()));
  absl::MutexLock lock(&mu_);
  durable_shards_.set(shard);
  return absl::OkStatus();
}

absl::Status StoreCore::Install(const Digest& digest, const std::string& directory,
                                const std::string& parent, bool* directory_gone) {
  *directory_gone = false;
  const std::string target = paths_.BlobDirectory(digest);
  KH_RETURN_IF_ERROR(EnsureShard(digest));
  KH_RETURN_IF_ERROR(files_.SyncDirectory(directory));
  absl::Status renamed = files_.Rename(directory, target);
  if (absl::IsAlreadyExists(renamed) || absl::IsFailedPrecondition(renamed)) {
    // Remains of a blob that somebody took apart by hand are in the way.
    KH_RETURN_IF_ERROR(files_.Rename(target, TrashName()));
    renamed = files_.Rename(directory, target);
  }
  // A network file system may carry a rename out and report that it failed.
  if (!renamed.ok() && !(absl::IsNotFound(files_.Stat(directory).status()) && IsWhole(digest))) {
    return renamed;
  }
  absl::Status synced = files_.SyncDirectory(paths_.Shard(digest));
  if (synced.ok()) synced = files_.SyncDirectory(parent);
  if (synced.ok()) return absl::OkStatus();
  // What the disk holds now nobody knows.
  *directory_gone = true;
  RemoveBlob(digest, /*durable=*/false).IgnoreError();
  return synced;
}

absl::StatusOr<std::shared_ptr<const Blob>> StoreCore::Installed(const Digest& digest,
                                                                 const Installation& what) {
  const int64_t now = NowNanoseconds();
  {
    absl::MutexLock lock(&mu_);
    auto it = partials_.find(digest);
    if (it != partials_.end() && it->second.raw == what.partial) partials_.erase(it);
    index_.Put(digest, {.kind = BlobKind::kComplete,
                        .keep = what.keep,
                        .charged_bytes = ChargeOf(what.size, what.piece_count),
                        .last_access_ns = now,
                        .recorded_access_ns = now});
    ++committed_blobs_;
  }
  return Find(digest);
}

absl::Status StoreCore::RemoveBlob(const Digest& digest, bool durable) {
  const std::string doomed = TrashName();
  {
    absl::MutexLock lock(&mu_);
    open_.Forget(digest);
    settled_shards_.reset(ShardOf(digest));
  }
  absl::Status renamed = files_.Rename(paths_.BlobDirectory(digest), doomed);
  if (!renamed.ok() && !absl::IsNotFound(renamed)) return renamed;
  {
    absl::MutexLock lock(&mu_);
    ++removals_;
    open_.Forget(digest);  // opened meanwhile
    // Also what somebody else has taken away is not there any more.
    BlobIndex::Entry* entry = index_.Find(digest);
    if (entry != nullptr && entry->kind == BlobKind::kComplete) index_.Remove(digest);
  }
  KH_RETURN_IF_ERROR(renamed);
  if (durable) KH_RETURN_IF_ERROR(files_.SyncDirectory(paths_.Shard(digest)));
  return DeleteTree(doomed);
}

absl::Status StoreCore::RemovePartialDirectory(const Digest& digest, bool durable) {
  const std::string doomed = TrashName();
  absl::Status renamed = files_.Rename(paths_.PartialDirectory(digest), doomed);
  if (!renamed.ok() && !absl::IsNotFound(renamed)) return renamed;
  {
    absl::MutexLock lock(&mu_);
    ++removals_;
    BlobIndex::Entry* entry = index_.Find(digest);
    if (entry != nullptr && entry->kind == BlobKind::kDormantPartial) index_.Remove(digest);
  }
  KH_RETURN_IF_ERROR(renamed);
  if (durable) KH_RETURN_IF_ERROR(files_.SyncDirectory(paths_.partials()));
  return DeleteTree(doomed);
}

void StoreCore::RemoveWreck(const Digest& digest) {
  if (!digest_locks_.TryLock(digest)) return;
  const std::string directory = paths_.BlobDirectory(digest);
  // Nothing is missing because a disk does not answer.
  const bool missing = absl::IsNotFound(files_.Stat(JoinPath(directory, kDataFile)).status()) ||
                       absl::IsNotFound(files_.Stat(JoinPath(directory, kPieceListFile)).status());
  if (missing) RemoveBlob(digest, /*durable=*/false).IgnoreError();
  digest_locks_.Unlock(digest);
}

void StoreCore::RemoveNeedlessPartial(const Digest& digest) {
  if (!digest_locks_.TryLock(digest)) return;
  bool open;
  {
    absl::MutexLock lock(&mu_);
    open = partials_.contains(digest);
  }
  if (!open && IsWhole(digest)) RemovePartialDirectory(digest, /*durable=*/false).IgnoreError();
  digest_locks_.Unlock(digest);
}

std::string StoreCore::TrashName() {
  return absl::StrCat(paths_.trash(), "/", trash_stamp_, trash_counter_.fetch_add(1));
}

absl::Status StoreCore::DeleteTree(const std::string& directory) {
  std::vector<std::string> names;
  KH_RETURN_IF_ERROR(IgnoreNotFound(files_.List(directory, [&names](std::string_view name) {
    names.emplace_back(name);
    return true;
  })));
  for (const std::string& name : names) {
    KH_RETURN_IF_ERROR(IgnoreNotFound(files_.Unlink(JoinPath(directory, name))));
  }
  return IgnoreNotFound(files_.RemoveDirectory(directory));
}

void StoreCore::EmptyTrash() {
  std::vector<std::string> names;
  files_
      .List(paths_.trash(),
            [this, &names](std::string_view name) {
              if (!absl::StartsWith(name, trash_stamp_)) names.emplace_back(name);
              return true;
            })
      .IgnoreError();
  for (const std::string& name : names) {
    if (closing_) return;
    DeleteTree(JoinPath(paths_.trash(), name)).IgnoreError();
  }
}

// --- Space.

SpaceLimits StoreCore::Limits() const {
  return {.quota_bytes = options_.quota.value(),
          .min_free_bytes = options_.min_free.value(),
          .high_watermark = options_.high_watermark,
          .low_watermark = options_.low_watermark};
}

absl::StatusOr<SpaceUse> StoreCore::Use() {
  KH_ASSIGN_OR_RETURN(const FileSystem::Space space, files_.SpaceOf(paths_.root()));
  absl::MutexLock lock(&mu_);
  return SpaceUse{.used_bytes = index_.complete_bytes() + index_.partial_bytes(),
                  .unallocated_bytes = unallocated_bytes_,
                  .available_bytes = static_cast<int64_t>(space.available_bytes)};
}

absl::Status StoreCore::NoSpace(const Digest& digest, int64_t need, const SpaceUse& use) const {
  const int64_t have = std::max<int64_t>(0, SpaceCapacity(Limits(), use) - use.used_bytes);
  return absl::ResourceExhaustedError(absl::StrCat(
      "blob ", digest.ToString(), " needs ", need, " more bytes in ", paths_.root(), ", which has ",
      have, " (volume: ", use.available_bytes, " free, of them ", options_.min_free.value(),
      " reserved; quota ", options_.quota.value(), ", used ", use.used_bytes, ")"));
}

absl::Status StoreCore::Reserve(const Digest& digest, int64_t charge_bytes) {
  // The second turn takes what the evictions of the first one gave.
  for (bool evicted : {false, true}) {
    KH_ASSIGN_OR_RETURN(const SpaceUse use, Use());
    int64_t to_evict = 0;
    int64_t missing = 0;
    {
      absl::MutexLock lock(&mu_);
      BlobIndex::Entry* entry = index_.Find(digest);
      const int64_t need = charge_bytes - (entry != nullptr ? entry->charged_bytes : 0);
      if (evicted && need > 0 && !SpaceFits(Limits(), use, need)) return NoSpace(digest, need, use);
      to_evict = SpaceToEvict(Limits(), use, need);
      missing = use.used_bytes + need - SpaceCapacity(Limits(), use);
      if (evicted || need <= 0 || to_evict == 0) {
        index_.Put(digest, {.kind = BlobKind::kOpenPartial,
                            .charged_bytes = charge_bytes,
                            .last_access_ns = NowNanoseconds(),
                            .recorded_access_ns = NowNanoseconds()});
        return absl::OkStatus();
      }
    }
    Evict(to_evict, missing);
  }
  KH_CHECK(false);
  return absl::InternalError("unreachable");
}

void StoreCore::AddUnallocated(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  unallocated_bytes_ += bytes;
}

void StoreCore::EvictIfNeeded() {
  const absl::StatusOr<SpaceUse> use = Use();
  if (!use.ok()) return;
  const int64_t bytes = SpaceToEvict(Limits(), *use, 0);
  if (bytes > 0) Evict(bytes, 0);
}

void StoreCore::Evict(int64_t bytes, int64_t at_least) {
  absl::MutexLock evicting(&evict_mu_);
  std::vector<Digest> victims;
  int64_t sum = 0;
  {
    absl::MutexLock lock(&mu_);
    victims = index_.Victims(bytes, [this](const Digest& digest) {
      mu_.AssertHeld();
      return open_.IsPinned(digest);
    });
    for (const Digest& victim : victims) sum += index_.Find(victim)->charged_bytes;
  }
  if (sum < at_least) return;
  for (const Digest& victim : victims) EvictOne(victim);
}

void StoreCore::EvictOne(const Digest& digest) {
  if (!digest_locks_.TryLock(digest)) return;
  // Of two truths the file is the firmer one: the background count may not have come by.
  const bool keep = files_.Stat(JoinPath(paths_.BlobDirectory(digest), kKeepFile)).ok();
  int64_t charge = 0;
  BlobKind kind = BlobKind::kComplete;
  bool evict = false;
  {
    absl::MutexLock lock(&mu_);
    if (BlobIndex::Entry* entry = index_.Find(digest)) {
      kind = entry->kind;
      charge = entry->charged_bytes;
      entry->keep = entry->keep || keep;
      evict = kind != BlobKind::kOpenPartial && !entry->keep && !open_.IsPinned(digest);
    }
    if (evict) evicting_.insert(digest);
    if (evict) open_.Forget(digest);
  }
  if (evict) {
    const absl::Status removed = kind == BlobKind::kComplete
                                     ? RemoveBlob(digest, /*durable=*/false)
                                     : RemovePartialDirectory(digest, /*durable=*/false);
    absl::MutexLock lock(&mu_);
    evicting_.erase(digest);
    evict = removed.ok();
  }
  digest_locks_.Unlock(digest);
  if (!evict) return;
  absl::MutexLock lock(&mu_);
  ++evicted_blobs_;
  evicted_bytes_ += static_cast<uint64_t>(charge);
}

// --- Partial blobs.

std::shared_ptr<PartialBlobImpl> StoreCore::FindPartial(const Digest& digest) {
  absl::MutexLock lock(&mu_);
  auto it = partials_.find(digest);
  return it == partials_.end() ? nullptr : it->second.partial.lock();
}

std::shared_ptr<PartialBlobImpl> StoreCore::AwaitPartial(const Digest& digest) {
  std::shared_ptr<PartialBlobImpl> partial;
  auto settled = [this, &digest, &partial]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    auto it = partials_.find(digest);
    if (it == partials_.end()) return true;
    partial = it->second.partial.lock();
    return partial != nullptr;
  };
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&settled));
  return partial;
}

size_t StoreCore::PartialFiles() const {
  constexpr size_t kFilesPerPartial = 2;
  return kFilesPerPartial * partials_.size();
}

absl::Status StoreCore::CheckOpenFiles() {
  absl::MutexLock lock(&mu_);
  if (open_.MakeRoom(PartialFiles())) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(options_.max_open_files, " files are open already in ", paths_.root()));
}

void StoreCore::RegisterPartial(const std::shared_ptr<PartialBlobImpl>& partial) {
  absl::MutexLock lock(&mu_);
  partials_[partial->digest()] = {.partial = partial, .raw = partial.get()};
}

bool StoreCore::UnregisterPartial(const PartialBlobImpl* partial, const Digest& digest,
                                  bool dormant) {
  absl::MutexLock lock(&mu_);
  auto it = partials_.find(digest);
  if (it == partials_.end() || it->second.raw != partial) return false;
  partials_.erase(it);
  BlobIndex::Entry* entry = index_.Find(digest);
  if (entry == nullptr || entry->kind != BlobKind::kOpenPartial) return true;
  if (dormant) {
    entry->last_access_ns = NowNanoseconds();
    index_.SetKind(digest, BlobKind::kDormantPartial);
  } else {
    index_.Remove(digest);
  }
  return true;
}

void StoreCore::ForgetReservation(const Digest& digest) {
  const bool on_disk = files_.Stat(paths_.PartialDirectory(digest)).ok();
  absl::MutexLock lock(&mu_);
  BlobIndex::Entry* entry = index_.Find(digest);
  if (entry == nullptr || entry->kind != BlobKind::kOpenPartial) return;
  if (on_disk) {
    index_.SetKind(digest, BlobKind::kDormantPartial);
  } else {
    index_.Remove(digest);
  }
}

// --- The background count.

bool StoreCore::Discovered(const Digest& digest, const BlobIndex::Entry& entry, uint64_t removals) {
  absl::MutexLock lock(&mu_);
  if (removals_ != removals) return false;
  if (BlobIndex::Entry* known = index_.Find(digest)) {
    if (known->kind == BlobKind::kComplete) known->keep = known->keep || entry.keep;
    return true;
  }
  index_.Put(digest, entry);
  return true;
}

uint64_t StoreCore::removals() const {
  absl::MutexLock lock(&mu_);
  return removals_;
}

void StoreCore::SetLoaded() {
  absl::MutexLock lock(&mu_);
  loaded_ = true;
}

void StoreCore::AwaitLoaded() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&loaded_));
}

void StoreCore::Close() {
  closing_ = true;
  AwaitLoaded();
}

BlobStoreStats StoreCore::stats() {
  const absl::StatusOr<SpaceUse> use = Use();
  absl::MutexLock lock(&mu_);
  BlobStoreStats stats;
  stats.blobs = static_cast<uint64_t>(index_.complete_count());
  stats.bytes = static_cast<uint64_t>(index_.complete_bytes());
  stats.partials = static_cast<uint64_t>(index_.partial_count());
  stats.reserved_bytes = static_cast<uint64_t>(index_.partial_bytes());
  stats.quota_bytes = use.ok() ? static_cast<uint64_t>(SpaceCapacity(Limits(), *use)) : 0;
  stats.evicted_blobs = evicted_blobs_;
  stats.evicted_bytes = evicted_bytes_;
  stats.committed_blobs = committed_blobs_;
  stats.open_files = open_.size() + PartialFiles();
  stats.loaded = loaded_;
  return stats;
}

}  // namespace kraken::storage
