#include "kraken/storage/store_loader.h"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "kraken/base/digest.h"
#include "kraken/storage/blob_index.h"
#include "kraken/storage/partial_blob_impl.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/store_paths.h"

namespace kraken::storage {
namespace {

constexpr int kShards = 256;

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
    if (!info.ok()) return;
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
    if (digest.ok()) CountPartial(core, *digest);
  }
}

void CountShard(StoreCore& core, int shard) {
  const std::string outer = JoinPath(core.paths().blobs(), absl::StrFormat("%02x", shard));
  for (const std::string& inner : NamesIn(core, outer)) {
    for (const std::string& name : NamesIn(core, JoinPath(outer, inner))) {
      if (core.closing()) return;
      const absl::StatusOr<Digest> digest = Digest::FromHex(name);
      if (digest.ok()) CountBlob(core, *digest);
    }
  }
}

// Counts shard after shard, each as a task of its own.
void CountFrom(std::shared_ptr<StoreCore> core, int shard) {
  while (shard < kShards && !core->closing()) {
    CountShard(*core, shard++);
    if (core->pool().Submit([core, shard] { CountFrom(core, shard); }).ok()) return;
    // The pool is busy: go on here.
  }
  if (!core->closing()) core->EvictIfNeeded();
  core->SetLoaded();
}

}  // namespace

void StartLoading(const std::shared_ptr<StoreCore>& core) {
  const absl::Status submitted = core->pool().Submit([core] {
    core->EmptyTrash();
    CountPartials(*core);
    CountFrom(core, 0);
  });
  if (submitted.ok()) return;
  // No room for the first task: count here rather than not at all.
  core->EmptyTrash();
  CountPartials(*core);
  CountFrom(core, 0);
}

}  // namespace kraken::storage
