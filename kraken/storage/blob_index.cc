#include "kraken/storage/blob_index.h"

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::storage {
namespace {

constexpr int64_t kBlockBytes = 4096;
constexpr int64_t kDirectoryBytes = kBlockBytes;
constexpr int64_t kPieceListOverheadBytes = 128;
constexpr int64_t kBytesPerPiece = 32;

int64_t WholeBlocks(int64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes; }

}  // namespace

int64_t ChargeOf(int64_t size, int64_t piece_count) {
  return WholeBlocks(size) + WholeBlocks(kPieceListOverheadBytes + piece_count * kBytesPerPiece) +
         kDirectoryBytes;
}

void BlobIndex::Count(const Entry& entry, int sign) {
  if (entry.kind == BlobKind::kComplete) {
    complete_bytes_ += sign * entry.charged_bytes;
    complete_count_ += sign;
  } else {
    partial_bytes_ += sign * entry.charged_bytes;
  }
}

void BlobIndex::Put(const Digest& digest, const Entry& entry) {
  auto [it, inserted] = entries_.try_emplace(digest, entry);
  if (!inserted) {
    Count(it->second, -1);
    it->second = entry;
  }
  Count(entry, +1);
}

BlobIndex::Entry* BlobIndex::Find(const Digest& digest) {
  auto it = entries_.find(digest);
  return it == entries_.end() ? nullptr : &it->second;
}

void BlobIndex::Remove(const Digest& digest) {
  auto it = entries_.find(digest);
  if (it == entries_.end()) return;
  Count(it->second, -1);
  entries_.erase(it);
}

void BlobIndex::SetKind(const Digest& digest, BlobKind kind) {
  Entry* entry = Find(digest);
  KH_CHECK(entry != nullptr);
  Count(*entry, -1);
  entry->kind = kind;
  Count(*entry, +1);
}

void BlobIndex::SetCharge(const Digest& digest, int64_t charged_bytes) {
  Entry* entry = Find(digest);
  KH_CHECK(entry != nullptr);
  Count(*entry, -1);
  entry->charged_bytes = charged_bytes;
  Count(*entry, +1);
}

std::vector<Digest> BlobIndex::Victims(int64_t bytes,
                                       absl::FunctionRef<bool(const Digest&)> pinned) const {
  // A heap of (age, digest): only as many are sorted as are needed.
  using Candidate = std::pair<int64_t, const Digest*>;
  std::vector<Candidate> heap;
  heap.reserve(entries_.size());
  for (const auto& [digest, entry] : entries_) {
    if (entry.kind == BlobKind::kOpenPartial || entry.keep) continue;
    heap.emplace_back(entry.last_access_ns, &digest);
  }
  const auto younger = [](const Candidate& a, const Candidate& b) {
    return a.first != b.first ? a.first > b.first : *b.second < *a.second;
  };
  std::make_heap(heap.begin(), heap.end(), younger);
  std::vector<Digest> victims;
  int64_t sum = 0;
  while (sum < bytes && !heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), younger);
    const Digest& digest = *heap.back().second;
    heap.pop_back();
    if (pinned(digest)) continue;
    sum += entries_.at(digest).charged_bytes;
    victims.push_back(digest);
  }
  return victims;
}

}  // namespace kraken::storage
