#include "kraken/access/edge_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/file_io.h"

namespace kraken::access {
namespace {

constexpr size_t kNameBytes = 16;

absl::uint128 NameFromBytes(const uint8_t* bytes) {
  absl::uint128 name = 0;
  for (size_t i = 0; i < kNameBytes; ++i) name = name << 8 | bytes[i];
  return name;
}

absl::uint128 NameOf(const Namespace& ns, const Digest& digest) {
  Sha256 hash;
  hash.Update(ns.ToString());
  hash.Update("\n");
  hash.Update(digest.bytes());
  return NameFromBytes(hash.Finish().bytes().data());
}

template <typename Names>
std::string ToBytes(const Names& names) {
  std::string bytes;
  bytes.reserve(names.size() * kNameBytes);
  for (const absl::uint128 name : names) {
    for (int shift = 120; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(static_cast<uint8_t>(name >> shift)));
    }
  }
  return bytes;
}

// Behind what the file holds; with O_TRUNC in its place.
absl::Status WriteTo(const std::string& path, int flags, absl::string_view bytes) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  const off_t end = lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return ErrnoToStatus(errno, absl::StrCat("seek ", path));
  return storage::WriteFully(
      fd.get(), end,
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), path);
}

absl::Status Replace(const std::string& path, absl::string_view bytes) {
  const std::string draft = absl::StrCat(path, ".new");
  KH_RETURN_IF_ERROR(WriteTo(draft, O_TRUNC, bytes));
  if (rename(draft.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return ErrnoToStatus(errno, absl::StrCat("rename ", draft));
}

// Of a whole file; what is beyond `max_names`, or half a name, is left out.
absl::StatusOr<std::vector<absl::uint128>> ReadNames(const std::string& path, size_t max_names) {
  std::vector<absl::uint128> names;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return names;
    return ErrnoToStatus(errno, absl::StrCat("open ", path));
  }
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return ErrnoToStatus(errno, absl::StrCat("seek ", path));
  const size_t count = std::min(max_names, static_cast<size_t>(size) / kNameBytes);
  std::vector<uint8_t> bytes(count * kNameBytes);
  KH_RETURN_IF_ERROR(storage::ReadFully(fd.get(), 0, absl::MakeSpan(bytes), path));
  names.reserve(count);
  for (size_t i = 0; i < count; ++i) names.push_back(NameFromBytes(&bytes[i * kNameBytes]));
  return names;
}

std::string OldPath(const std::string& path) { return absl::StrCat(path, ".old"); }

}  // namespace

absl::Status EdgeTable::UseFile(std::string path) {
  absl::MutexLock file_lock(&file_mutex_);
  KH_ASSIGN_OR_RETURN(const std::vector<Name> young, ReadNames(path, max_generation_));
  KH_ASSIGN_OR_RETURN(const std::vector<Name> old, ReadNames(OldPath(path), max_generation_));
  KH_RETURN_IF_ERROR(WriteTo(path, 0, ""));
  path_ = std::move(path);
  absl::MutexLock lock(&mutex_);
  has_file_ = true;
  young_.insert(young.begin(), young.end());
  old_.insert(old.begin(), old.end());
  // Half a name at the end would garble all that are appended to it.
  rewrite_ = true;
  return absl::OkStatus();
}

void EdgeTable::Add(const Namespace& ns, const Digest& digest) {
  const Name name = NameOf(ns, digest);
  absl::MutexLock lock(&mutex_);
  Use(name);
}

bool EdgeTable::Contains(const Namespace& ns, const Digest& digest) {
  const Name name = NameOf(ns, digest);
  absl::MutexLock lock(&mutex_);
  if (young_.contains(name)) return true;
  if (!old_.contains(name)) return false;
  Use(name);
  return true;
}

void EdgeTable::Use(Name name) {
  if (!young_.insert(name).second) return;
  if (has_file_) unwritten_.push_back(name);
  if (young_.size() < max_generation_) return;
  old_ = std::exchange(young_, {});
  unwritten_.clear();
  rewrite_ = has_file_;
}

bool EdgeTable::dirty() const {
  absl::MutexLock lock(&mutex_);
  return rewrite_ || !unwritten_.empty();
}

absl::Status EdgeTable::Flush() {
  absl::MutexLock file_lock(&file_mutex_);
  std::string young;
  std::string old;
  bool rewrite = false;
  {
    absl::MutexLock lock(&mutex_);
    rewrite = std::exchange(rewrite_, false);
    const std::vector<Name> unwritten = std::exchange(unwritten_, {});
    young = rewrite ? ToBytes(young_) : ToBytes(unwritten);
    if (rewrite) old = ToBytes(old_);
  }
  absl::Status status;
  if (rewrite) {
    status = Replace(OldPath(path_), old);
    if (status.ok()) status = Replace(path_, young);
  } else if (!young.empty()) {
    status = WriteTo(path_, 0, young);
  }
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    rewrite_ = true;
  }
  return status;
}

size_t EdgeTable::size() const {
  absl::MutexLock lock(&mutex_);
  return young_.size() + old_.size();
}

}  // namespace kraken::access
