#include "kraken/storage/crash/power_loss_outcomes.h"

#include <fcntl.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

constexpr size_t kBlockBytes = 4096;
constexpr size_t kSectorBytes = 512;

FileContent Mixed(const DiskState::File& file, size_t unit_bytes,
                  const std::function<bool(size_t unit, size_t units)>& is_new) {
  std::string content = file.current->bytes;
  const std::string& old = file.durable->bytes;
  const size_t units = (content.size() + unit_bytes - 1) / unit_bytes;
  for (size_t unit = 0; unit < units; ++unit) {
    if (is_new(unit, units)) continue;
    const size_t end = std::min(content.size(), (unit + 1) * unit_bytes);
    for (size_t i = unit * unit_bytes; i < end; ++i) {
      content[i] = i < old.size() ? old[i] : '\0';
    }
  }
  return std::make_shared<const FileBytes>(std::move(content));
}

FileContent RemainsOf(const DiskState::File& file, FileRemains remains) {
  if (file.durable == file.current) return file.current;
  switch (remains) {
    case FileRemains::kOld:
      return file.durable;
    case FileRemains::kNew:
      return file.current;
    case FileRemains::kSizeOnly:
      return Mixed(file, kBlockBytes, [](size_t, size_t) { return false; });
    case FileRemains::kFirstHalf:
      return Mixed(file, kBlockBytes, [](size_t unit, size_t units) { return 2 * unit < units; });
    case FileRemains::kSecondHalf:
      return Mixed(file, kBlockBytes, [](size_t unit, size_t units) { return 2 * unit >= units; });
    case FileRemains::kSectors:
      return Mixed(file, kSectorBytes, [](size_t unit, size_t) { return unit % 2 == 0; });
  }
  KH_CHECK(false);
  return nullptr;
}

using Entries = std::map<NodeId, std::map<std::string, NodeId>>;

void AddTree(const DiskState& state, const PowerLossOutcome& outcome, const Entries& entries,
             NodeId directory, const std::string& prefix,
             std::map<std::string, FileContent>& tree) {
  const auto it = entries.find(directory);
  if (it == entries.end()) return;
  for (const auto& [name, child] : it->second) {
    const std::string path = absl::StrCat(prefix, name);
    const auto file = state.files.find(child);
    if (file == state.files.end()) {
      tree[path + "/"] = nullptr;
      AddTree(state, outcome, entries, child, path + "/", tree);
      continue;
    }
    const auto exception = outcome.exceptions.find(child);
    tree[path] = RemainsOf(
        file->second, exception == outcome.exceptions.end() ? outcome.files : exception->second);
  }
}

// Collects outcomes for one state.
class Collector {
 public:
  explicit Collector(const DiskState& state) : count_(state.changes.size()) {
    for (const auto& [node, file] : state.files) {
      if (file.durable != file.current) dirty_.push_back(node);
    }
  }

  void AddFew() {
    Add("nothing survives", None(), FileRemains::kOld);
    Add("everything survives", All(), FileRemains::kNew);
    Add("metadata alone survives", All(), FileRemains::kSizeOnly);
    Add("names alone survive", All(), FileRemains::kOld);
    Add("data alone survives", None(), FileRemains::kNew);
  }
  void AddChanges() {
    for (const FileRemains files : {FileRemains::kOld, FileRemains::kNew}) {
      const std::string_view data = files == FileRemains::kOld ? "without data" : "with data";
      for (size_t i = 0; i < count_; ++i) {
        std::vector<bool> alone = None();
        alone[i] = true;
        Add(absl::StrCat("change ", i, " alone survives, ", data), alone, files);
        std::vector<bool> missing = All();
        missing[i] = false;
        Add(absl::StrCat("change ", i, " is lost, ", data), missing, files);
        std::vector<bool> first = All();
        std::fill(first.begin() + static_cast<std::ptrdiff_t>(i), first.end(), false);
        Add(absl::StrCat("the first ", i, " changes survive, ", data), first, files);
      }
    }
  }
  void AddFiles() {
    for (const NodeId node : dirty_) {
      Add(absl::StrCat("file ", node, " is lost"), All(), FileRemains::kNew,
          {{node, FileRemains::kOld}});
      for (const FileRemains torn : {FileRemains::kNew, FileRemains::kFirstHalf,
                                     FileRemains::kSecondHalf, FileRemains::kSectors}) {
        for (const FileRemains others : {FileRemains::kOld, FileRemains::kNew}) {
          Add(absl::StrCat("file ", node, " torn as ", static_cast<int>(torn), ", others as ",
                           static_cast<int>(others)),
              All(), others, {{node, torn}});
        }
      }
    }
  }
  std::vector<PowerLossOutcome> Take() { return std::move(outcomes_); }

 private:
  std::vector<bool> None() const { return std::vector<bool>(count_, false); }
  std::vector<bool> All() const { return std::vector<bool>(count_, true); }
  void Add(std::string name, std::vector<bool> changes, FileRemains files,
           std::map<NodeId, FileRemains> exceptions = {}) {
    outcomes_.push_back({.name = std::move(name),
                         .changes = std::move(changes),
                         .files = files,
                         .exceptions = std::move(exceptions)});
  }

  const size_t count_;
  std::vector<NodeId> dirty_;
  std::vector<PowerLossOutcome> outcomes_;
};

}  // namespace

std::vector<PowerLossOutcome> PowerLossOutcomes(const DiskState& state, bool few) {
  Collector collector(state);
  collector.AddFew();
  if (!few) {
    collector.AddChanges();
    collector.AddFiles();
  }
  return collector.Take();
}

std::map<std::string, FileContent> TreeAfter(const DiskState& state,
                                             const PowerLossOutcome& outcome) {
  Entries entries = state.directories;
  for (size_t i = 0; i < state.changes.size(); ++i) {
    if (!outcome.changes[i]) continue;
    const DirectoryChange& change = state.changes[i];
    std::map<std::string, NodeId>& directory = entries[change.directory];
    if (change.added) {
      directory[change.name] = change.child;
    } else if (const auto it = directory.find(change.name);
               it != directory.end() && it->second == change.child) {
      directory.erase(it);
    }
  }
  std::map<std::string, FileContent> tree;
  AddTree(state, outcome, entries, 0, "", tree);
  return tree;
}

std::string FingerprintOf(const std::map<std::string, FileContent>& tree) {
  constexpr std::string_view kTrash = "/trash/";
  std::vector<std::string> trash;
  std::string fingerprint;
  for (const auto& [path, content] : tree) {
    const size_t hash = content == nullptr ? 0 : content->hash;
    const size_t in_trash = path.find(kTrash);
    if (in_trash == std::string::npos || in_trash + kTrash.size() == path.size()) {
      absl::StrAppend(&fingerprint, path, ":", hash, "\n");
    } else {
      const size_t within = path.find('/', in_trash + kTrash.size());
      trash.push_back(
          absl::StrCat(within == std::string::npos ? "" : path.substr(within), ":", hash, "\n"));
    }
  }
  std::sort(trash.begin(), trash.end());
  for (const std::string& line : trash) absl::StrAppend(&fingerprint, "trash", line);
  return fingerprint;
}

void WriteTree(const std::map<std::string, FileContent>& tree, const std::string& directory) {
  FileSystem& files = PosixFileSystem();
  // In order of path a directory comes before what it holds.
  for (const auto& [path, content] : tree) {
    std::string full = absl::StrCat(directory, "/", path);
    if (content == nullptr) {
      full.pop_back();
      bool created;
      KH_CHECK(files.MakeDirectory(full, &created).ok());
      continue;
    }
    const absl::StatusOr<UniqueFd> fd = files.Open(full, O_CREAT | O_EXCL | O_WRONLY);
    KH_CHECK(fd.ok());
    KH_CHECK(files.WriteMetadata(fd->get(), 0, content->bytes, full).ok());
  }
}

}  // namespace kraken::storage
