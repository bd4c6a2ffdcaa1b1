#include "kraken/storage/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/partial_blob_impl.h"
#include "kraken/storage/partial_files.h"
#include "kraken/storage/piece_list.h"
#include "kraken/storage/store_core.h"
#include "kraken/storage/store_loader.h"

namespace kraken::storage {
namespace {

class BlobStoreImpl final : public BlobStore {
 public:
  explicit BlobStoreImpl(std::shared_ptr<StoreCore> core) : core_(std::move(core)) {}
  ~BlobStoreImpl() override { core_->Close(); }

  absl::StatusOr<std::shared_ptr<const Blob>> Find(const Digest& digest) override {
    return core_->Find(digest);
  }
  bool Contains(const Digest& digest) override { return core_->Contains(digest); }
  absl::StatusOr<std::shared_ptr<PartialBlob>> OpenPartial(
      const Digest& digest, std::optional<ByteCount> size,
      const OpenPartialOptions& options) override;
  std::shared_ptr<PartialBlob> FindPartial(const Digest& digest) override;
  absl::Status PutSmall(const Digest& digest, absl::Span<const uint8_t> bytes) override;
  absl::StatusOr<std::string> GetSmall(const Digest& digest) override;
  absl::Status Delete(const Digest& digest, bool force) override;
  absl::Status SetKeep(const Digest& digest, bool keep) override {
    const DigestLock lock(core_->digest_locks(), digest);
    return core_->SetKeep(digest, keep);
  }
  absl::StatusOr<bool> IsKept(const Digest& digest) override;
  void Touch(const Digest& digest) override { core_->Touch(digest); }
  void Demote(const Digest& digest) override { core_->Demote(digest); }
  absl::StatusOr<std::vector<Digest>> List(std::optional<Digest> after, int limit) override;
  bool ContainsPartial(const Digest& digest) override {
    return core_->files().Stat(core_->paths().PartialDirectory(digest)).ok();
  }
  absl::StatusOr<std::vector<Digest>> ListPartials() override;
  void EvictIfNeeded() override { core_->EvictIfNeeded(); }
  BlobStoreStats stats() override { return core_->stats(); }
  void WaitUntilLoaded() override { core_->AwaitLoaded(); }

 private:
  absl::Status WriteSmall(const Digest& digest, absl::Span<const uint8_t> bytes,
                          const std::string& directory);
  absl::StatusOr<std::vector<std::string>> SortedNames(const std::string& directory,
                                                       std::string_view from);

  const std::shared_ptr<StoreCore> core_;
};

// FAILED_PRECONDITION when `partial`, which is open, is not what the caller asks for.
absl::Status CheckSameShape(const PartialBlob& partial, std::optional<ByteCount> size,
                            const OpenPartialOptions& options) {
  const std::optional<PieceLayout> layout = partial.layout();
  if (size.has_value() && layout.has_value() && layout->size() != *size) {
    return absl::FailedPreconditionError(absl::StrCat("blob ", partial.digest().ToString(),
                                                      " is arriving with ", layout->size().value(),
                                                      " bytes, not ", size->value()));
  }
  const int64_t wanted = options.piece_length.value();
  if (wanted != 0 && wanted != partial.piece_length().value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("blob ", partial.digest().ToString(), " is arriving in pieces of ",
                     partial.piece_length().value(), " bytes, not ", wanted));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<PartialBlob>> BlobStoreImpl::OpenPartial(
    const Digest& digest, std::optional<ByteCount> size, const OpenPartialOptions& options) {
  std::shared_ptr<PartialBlobImpl> open = core_->FindPartial(digest);
  if (open == nullptr || open->abandoned()) {
    open = nullptr;
    const DigestLock lock(core_->digest_locks(), digest);
    open = core_->AwaitPartial(digest);
    if (open != nullptr && open->abandoned()) {
      open->RemoveAbandoned();
      open = nullptr;
    }
    if (open == nullptr) {
      if (core_->Contains(digest)) {
        KH_RETURN_IF_ERROR(core_->Settle(digest));
        return absl::AlreadyExistsError(
            absl::StrCat("blob ", digest.ToString(), " is complete already"));
      }
      KH_RETURN_IF_ERROR(core_->CheckOpenFiles());
      KH_ASSIGN_OR_RETURN(std::shared_ptr<PartialBlobImpl> made,
                          OpenPartialFiles(core_, digest, size, options));
      core_->RegisterPartial(made);
      return made;
    }
  }
  KH_RETURN_IF_ERROR(CheckSameShape(*open, size, options));
  if (size.has_value() && !open->layout().has_value()) KH_RETURN_IF_ERROR(open->SetSize(*size));
  if (options.keep) KH_RETURN_IF_ERROR(open->SetKeep(true));
  return open;
}

std::shared_ptr<PartialBlob> BlobStoreImpl::FindPartial(const Digest& digest) {
  std::shared_ptr<PartialBlobImpl> partial = core_->FindPartial(digest);
  return partial != nullptr && partial->abandoned() ? nullptr : partial;
}

absl::Status BlobStoreImpl::WriteSmall(const Digest& digest, absl::Span<const uint8_t> bytes,
                                       const std::string& directory) {
  FileSystem& files = core_->files();
  const ByteCount size(static_cast<int64_t>(bytes.size()));
  // One piece: it needs no states.
  KH_ASSIGN_OR_RETURN(const PieceLayout layout,
                      PieceLayout::Create(size, ByteCount(kMaxPieceLength)));
  KH_ASSIGN_OR_RETURN(const PieceList list, PieceList::Create(digest, layout, {}, ""));
  bool created;
  KH_RETURN_IF_ERROR(files.MakeDirectory(directory, &created));
  for (const auto& [name, content] :
       {std::pair<std::string_view, std::string>(
            kDataFile, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())),
        std::pair<std::string_view, std::string>(kPieceListFile, list.Encode())}) {
    const std::string path = JoinPath(directory, name);
    KH_ASSIGN_OR_RETURN(const UniqueFd fd, files.Open(path, O_CREAT | O_TRUNC | O_WRONLY));
    KH_RETURN_IF_ERROR(files.WriteMetadata(fd.get(), 0, content, path));
    core_->StampAccess(fd.get());
    KH_RETURN_IF_ERROR(files.Sync(fd.get(), path));
  }
  return absl::OkStatus();
}

absl::Status BlobStoreImpl::PutSmall(const Digest& digest, absl::Span<const uint8_t> bytes) {
  if (bytes.size() > kMaxSmallBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "blob ", digest.ToString(), " has ", bytes.size(), " bytes, more than ", kMaxSmallBytes));
  }
  if (Sha256Digest(bytes) != digest) {
    return absl::InvalidArgumentError(
        absl::StrCat("the bytes given as blob ", digest.ToString(), " do not have this digest"));
  }
  const DigestLock lock(core_->digest_locks(), digest);
  if (core_->Contains(digest)) return core_->Settle(digest);
  const auto size = static_cast<int64_t>(bytes.size());
  const bool arriving = core_->FindPartial(digest) != nullptr;
  if (!arriving) {
    absl::Status removed = core_->RemovePartialDirectory(digest, /*durable=*/false);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    KH_RETURN_IF_ERROR(core_->Reserve(digest, ChargeOf(size, 1)));
  }
  const std::string directory = core_->TrashName();
  absl::Status status = WriteSmall(digest, bytes, directory);
  bool gone = false;
  if (status.ok()) status = core_->Install(digest, directory, core_->paths().trash(), &gone);
  if (status.ok()) {
    // Too many open files, at worst: it is stored all the same.
    core_->Installed(digest, {.size = size}).status().IgnoreError();
    return status;
  }
  if (!arriving) core_->ForgetReservation(digest);
  if (!gone) core_->DeleteTree(directory).IgnoreError();
  return status;
}

absl::StatusOr<std::string> BlobStoreImpl::GetSmall(const Digest& digest) {
  KH_ASSIGN_OR_RETURN(const std::shared_ptr<const Blob> blob, core_->Find(digest));
  if (blob->size().value() > static_cast<int64_t>(kMaxSmallBytes)) {
    return absl::ResourceExhaustedError(absl::StrCat("blob ", digest.ToString(), " has ",
                                                     blob->size().value(), " bytes, more than ",
                                                     kMaxSmallBytes));
  }
  std::string content(static_cast<size_t>(blob->size().value()), '\0');
  KH_RETURN_IF_ERROR(blob->ReadAt(
      ByteOffset(0), absl::MakeSpan(reinterpret_cast<uint8_t*>(content.data()), content.size())));
  return content;
}

absl::Status BlobStoreImpl::Delete(const Digest& digest, bool force) {
  const DigestLock lock(core_->digest_locks(), digest);
  const bool complete = core_->Contains(digest);
  if (complete) {
    const std::string directory = core_->paths().BlobDirectory(digest);
    if (!force && core_->files().Stat(JoinPath(directory, kKeepFile)).ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("blob ", digest.ToString(), " must be kept, it is not written back yet"));
    }
    KH_RETURN_IF_ERROR(core_->RemoveBlob(digest, /*durable=*/true));
  } else {
    KH_RETURN_IF_ERROR(core_->Settle(digest));
  }
  if (core_->FindPartial(digest) == nullptr) {
    absl::Status removed = core_->RemovePartialDirectory(digest, /*durable=*/true);
    if (removed.ok() || !absl::IsNotFound(removed)) return removed;
  }
  if (complete) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("blob ", digest.ToString(), " is not in the store"));
}

absl::StatusOr<bool> BlobStoreImpl::IsKept(const Digest& digest) {
  const std::string directory = core_->paths().BlobDirectory(digest);
  KH_RETURN_IF_ERROR(core_->files().Stat(directory).status());
  return core_->files().Stat(JoinPath(directory, kKeepFile)).ok();
}

absl::StatusOr<std::vector<std::string>> BlobStoreImpl::SortedNames(const std::string& directory,
                                                                    std::string_view from) {
  std::vector<std::string> names;
  absl::Status listed = core_->files().List(directory, [&names, from](std::string_view name) {
    if (name >= from) names.emplace_back(name);
    return true;
  });
  if (!listed.ok() && !absl::IsNotFound(listed)) return listed;
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<Digest>> BlobStoreImpl::List(std::optional<Digest> after, int limit) {
  std::vector<Digest> digests;
  const std::string from = after.has_value() ? after->hex() : "";
  const std::string& blobs = core_->paths().blobs();
  KH_ASSIGN_OR_RETURN(const auto outers, SortedNames(blobs, from.substr(0, 2)));
  for (const std::string& outer : outers) {
    const bool first_outer = !from.empty() && outer == from.substr(0, 2);
    KH_ASSIGN_OR_RETURN(const auto inners,
                        SortedNames(JoinPath(blobs, outer), first_outer ? from.substr(2, 2) : ""));
    for (const std::string& inner : inners) {
      KH_ASSIGN_OR_RETURN(const auto names,
                          SortedNames(absl::StrCat(blobs, "/", outer, "/", inner), from));
      for (const std::string& name : names) {
        if (static_cast<int>(digests.size()) >= limit) return digests;
        const absl::StatusOr<Digest> digest = Digest::FromHex(name);
        if (digest.ok() && name != from) digests.push_back(*digest);
      }
    }
  }
  return digests;
}

absl::StatusOr<std::vector<Digest>> BlobStoreImpl::ListPartials() {
  KH_ASSIGN_OR_RETURN(const auto names, SortedNames(core_->paths().partials(), ""));
  std::vector<Digest> digests;
  for (const std::string& name : names) {
    if (const absl::StatusOr<Digest> digest = Digest::FromHex(name); digest.ok()) {
      digests.push_back(*digest);
    }
  }
  return digests;
}

// --- Opening.

absl::Status CheckOptions(const BlobStoreOptions& options) {
  if (options.root.empty()) return absl::FailedPreconditionError("the store has no directory");
  if (!(options.low_watermark > 0 && options.low_watermark <= options.high_watermark &&
        options.high_watermark <= 1)) {
    return absl::FailedPreconditionError(
        absl::StrCat("store ", options.root, ": watermarks must be 0 < low <= high <= 1"));
  }
  if (options.quota.value() < 0 || options.min_free.value() < 0 || options.max_idle_files < 0 ||
      options.max_open_files < 4 || options.max_idle_files > options.max_open_files) {
    return absl::FailedPreconditionError(
        absl::StrCat("store ", options.root, ": a limit is out of range"));
  }
  return absl::OkStatus();
}

absl::Status CheckWritable(const std::string& directory) {
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the store's directory ", directory,
                   " is not writable: ", ErrnoToStatus(errno, "access").message()));
}

absl::Status MakeDirectories(FileSystem& files, const StorePaths& paths) {
  for (const std::string& directory :
       {paths.root(), paths.blobs(), paths.partials(), paths.trash()}) {
    bool created;
    if (const absl::Status made = files.MakeDirectory(directory, &created); !made.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("can't create the store's directory ", directory, ": ", made.message()));
    }
    KH_RETURN_IF_ERROR(CheckWritable(directory));
  }
  KH_RETURN_IF_ERROR(files.SyncDirectory(paths.root()));
  // The name of the root itself, which a process that was killed may have made a moment ago.
  const absl::Status synced = files.SyncDirectory(paths.Parent());
  // Who may only pass through the parent has not made the root.
  return absl::IsPermissionDenied(synced) ? absl::OkStatus() : synced;
}

absl::StatusOr<UniqueFd> TakeLock(FileSystem& files, const StorePaths& paths) {
  absl::StatusOr<UniqueFd> fd = files.Open(paths.lock(), O_CREAT | O_RDWR);
  if (!fd.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("the store's directory ", paths.root(),
                                                      " is not writable: ", fd.status().message()));
  }
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return fd;
  return absl::FailedPreconditionError(
      absl::StrCat("the store ", paths.root(), " is in use by another process"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(BlobStoreOptions options,
                                                           WorkerPool& pool) {
  KH_RETURN_IF_ERROR(CheckOptions(options));
  FileSystem& files = options.file_system != nullptr ? *options.file_system : PosixFileSystem();
  const StorePaths paths(options.root);
  KH_RETURN_IF_ERROR(MakeDirectories(files, paths));
  KH_ASSIGN_OR_RETURN(UniqueFd lock, TakeLock(files, paths));
  KH_ASSIGN_OR_RETURN(const BootId boot_id, ReadBootId(options.boot_id_path));
  auto core = std::make_shared<StoreCore>(std::move(options), boot_id, std::move(lock), pool);
  StartLoading(core);
  return std::make_unique<BlobStoreImpl>(std::move(core));
}

}  // namespace kraken::storage
