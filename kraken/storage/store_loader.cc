#include "kraken/storage/store_loader.h"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "kraken/base/digest.h"
#include "kraken/storage/blob_index.h"
#include "kraken/storage/partial_blob_impl.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/store_paths.h"

namespace kraken::storage {
namespace {

int64_t ModifiedNanoseconds(const struct stat& info) {
  return info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
}

std::vector<std::string> NamesIn(StoreCore& core, const std::string& directory) {
  std::vector<std::string> names;
  core.files()
      .List(directory,
            [&names](std::string_view name) {
              names.emplace_back(name);
              return true;
            })
      .IgnoreError();
  return names;
}

void CountBlob(StoreCore& core, const Digest& digest) {
  const std::string directory = core.paths().BlobDirectory(digest);
  while (true) {
    const uint64_t removals = core.removals();
    const absl::StatusOr<struct stat> info = core.files().Stat(JoinPath(directory, kDataFile));
    if (!info.ok() || !core.files().Stat(JoinPath(directory, kPieceListFile)).ok()) {
      core.RemoveWreck(digest);
      return;
    }
    const int64_t pieces = info->st_size / PieceLengthFor(ByteCount(info->st_size)).value() + 1;
    const BlobIndex::Entry entry{.kind = BlobKind::kComplete,
                                 .keep = core.files().Stat(JoinPath(directory, kKeepFile)).ok(),
                                 .charged_bytes = ChargeOf(info->st_size, pieces),
                                 .last_access_ns = ModifiedNanoseconds(*info),
                                 .recorded_access_ns = ModifiedNanoseconds(*info)};
    if (core.Discovered(digest, entry, removals)) return;
  }
}

void CountPartial(StoreCore& core, const Digest& digest) {
  const std::string directory = core.paths().PartialDirectory(digest);
  while (true) {
    const uint64_t removals = core.removals();
    if (absl::IsNotFound(core.files().Stat(directory).status())) return;
    const absl::StatusOr<struct stat> data = core.files().Stat(JoinPath(directory, kDataFile));
    const int64_t size = data.ok() ? data->st_size : 0;
    const int64_t age = data.ok() ? ModifiedNanoseconds(*data) : 0;
    const BlobIndex::Entry entry{.kind = BlobKind::kDormantPartial,
                                 .charged_bytes = PartialCharge(size, kMinAutomaticPieceLength),
                                 .last_access_ns = age,
                                 .recorded_access_ns = age};
    if (core.Discovered(digest, entry, removals)) return;
  }
}

void CountPartials(StoreCore& core) {
  for (const std::string& name : NamesIn(core, core.paths().partials())) {
    if (core.closing()) return;
    const absl::StatusOr<Digest> digest = Digest::FromHex(name);
    if (!digest.ok()) continue;
    // A crash came between the whole blob and the removal of what had arrived of it.
    if (core.Contains(*digest)) core.RemoveNeedlessPartial(*digest);
    CountPartial(core, *digest);
  }
}

void CountShard(StoreCore& core, const std::string& outer) {
  for (const std::string& inner : NamesIn(core, outer)) {
    for (const std::string& name : NamesIn(core, JoinPath(outer, inner))) {
      if (core.closing()) return;
      const absl::StatusOr<Digest> digest = Digest::FromHex(name);
      if (digest.ok()) CountBlob(core, *digest);
    }
  }
}

// Counts the blobs below each of `outers`, one after the other, each as a task of its own.
void CountShards(std::shared_ptr<StoreCore> core, std::vector<std::string> outers) {
  while (!outers.empty() && !core->closing()) {
    CountShard(*core, JoinPath(core->paths().blobs(), outers.back()));
    outers.pop_back();
    if (core->pool().Submit([core, outers] { CountShards(core, outers); }).ok()) return;
    // The pool is busy: go on here.
  }
  if (!core->closing()) core->EvictIfNeeded();
  core->SetLoaded();
}

void CountAll(const std::shared_ptr<StoreCore>& core) {
  core->EmptyTrash();
  CountPartials(*core);
  CountShards(core, NamesIn(*core, core->paths().blobs()));
}

}  // namespace

void StartLoading(const std::shared_ptr<StoreCore>& core) {
  // No room for the first task: count here rather than not at all.
  if (!core->pool().Submit([core] { CountAll(core); }).ok()) CountAll(core);
}

}  // namespace kraken::storage
