#include "kraken/base/files/reloadable.h"

#include <utility>

#include "absl/status/statusor.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/sha256.h"

namespace kraken {
namespace {

constexpr size_t kMaxFileBytes = 8 << 20;

}  // namespace

ReloadRegistry& ReloadRegistry::OfProcess() {
  static ReloadRegistry& registry = *new ReloadRegistry();
  return registry;
}

absl::Status ReloadRegistry::Load(const std::shared_ptr<Reloadable>& item) {
  // Before they are read: what changes in between is read once too often, not once too seldom.
  Entry entry = {.item = item, .loaded = {}};
  Look(item->files(), entry.loaded);
  absl::Status status = item->Reload();
  if (!status.ok()) return status;
  absl::MutexLock lock(&mu_);
  for (const auto& [file, fingerprint] : entry.loaded) last_seen_.emplace(file, fingerprint);
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

ReloadReport ReloadRegistry::ReloadChanged() {
  absl::MutexLock lock(&mu_);
  ReloadReport report;
  std::vector<Entry> kept;
  kept.reserve(entries_.size());
  Fingerprints seen;
  for (Entry& entry : entries_) {
    const std::shared_ptr<Reloadable> item = entry.item.lock();
    if (item == nullptr) continue;
    const std::vector<std::string> files = item->files();
    Look(files, seen);
    Fingerprints now;
    for (const std::string& file : files) now[file] = seen[file];
    if (now != entry.loaded) {
      absl::Status status = item->Reload();
      if (status.ok()) {
        entry.loaded = std::move(now);
      } else {
        report.errors.insert(std::string(status.message()));
      }
    }
    kept.push_back(std::move(entry));
  }
  entries_ = std::move(kept);
  for (const auto& [file, fingerprint] : seen) {
    const auto before = last_seen_.find(file);
    if (before != last_seen_.end() && before->second != fingerprint) {
      report.changed_files.insert(file);
    }
  }
  last_seen_ = std::move(seen);
  return report;
}

void ReloadRegistry::Look(const std::vector<std::string>& files, Fingerprints& now) {
  for (const std::string& file : files) {
    const auto [at, is_new] = now.try_emplace(file);
    if (!is_new) continue;
    const absl::StatusOr<std::string> bytes = ReadWholeFile(file, kMaxFileBytes);
    at->second = bytes.ok() ? Sha256Digest(*bytes).ToString() : bytes.status().ToString();
  }
}

}  // namespace kraken
