#include "kraken/swarm/piece_map.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken::swarm {
namespace {

constexpr size_t kWordBytes = 8;

uint64_t LoadBigEndian64(const char* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < kWordBytes; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

void AppendBigEndian64(uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

}  // namespace

PieceMap::PieceMap(PieceCount size) : size_(size.value()) {
  KH_CHECK(size_ >= 0 && size_ <= kMaxPieces);
  if (size_ > 0) words_ = std::make_unique<uint64_t[]>(WordCount(size_));
}

PieceMap PieceMap::Full(PieceCount size) {
  PieceMap map(size);
  map.AddAll();
  return map;
}

PieceMap::PieceMap(const PieceMap& other) : PieceMap(other.size()) {
  std::copy_n(other.words_.get(), WordCount(size_), words_.get());
  count_ = other.count_;
}

PieceMap& PieceMap::operator=(const PieceMap& other) {
  if (this != &other) *this = PieceMap(other);
  return *this;
}

PieceMap::PieceMap(PieceMap&& other) noexcept
    : size_(std::exchange(other.size_, 0)),
      count_(std::exchange(other.count_, 0)),
      words_(std::move(other.words_)) {}

PieceMap& PieceMap::operator=(PieceMap&& other) noexcept {
  size_ = std::exchange(other.size_, 0);
  count_ = std::exchange(other.count_, 0);
  words_ = std::move(other.words_);
  return *this;
}

uint64_t PieceMap::LastWordMask() const {
  const int used = size_ % 64;
  return used == 0 ? ~uint64_t{0} : (uint64_t{1} << used) - 1;
}

absl::StatusOr<PieceMap> PieceMap::FromWireBytes(absl::string_view bytes, PieceCount size) {
  PieceMap map(size);
  const size_t words = WordCount(map.size_);
  if (bytes.size() != (words + 1) * kWordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("bitfield: ", bytes.size(), " bytes for ", size.value(), " pieces"));
  }
  const uint64_t bits = LoadBigEndian64(bytes.data());
  if (bits != static_cast<uint64_t>(size.value())) {
    return absl::InvalidArgumentError(
        absl::StrCat("bitfield: of ", bits, " pieces, the torrent has ", size.value()));
  }
  for (size_t i = 0; i < words; ++i) {
    map.words_[i] = LoadBigEndian64(bytes.data() + (i + 1) * kWordBytes);
    map.count_ += std::popcount(map.words_[i]);
  }
  if (words > 0 && (map.words_[words - 1] & ~map.LastWordMask()) != 0) {
    return absl::InvalidArgumentError("bitfield: a bit past the last piece is set");
  }
  return map;
}

std::string PieceMap::ToWireBytes() const {
  std::string out;
  out.reserve((WordCount(size_) + 1) * kWordBytes);
  AppendBigEndian64(static_cast<uint64_t>(size_), out);
  for (uint64_t word : words()) AppendBigEndian64(word, out);
  return out;
}

bool PieceMap::Add(PieceIndex piece) {
  KH_DCHECK(IsValidIndex(piece, size()));
  uint64_t& word = words_[piece.value() >> 6];
  const uint64_t bit = uint64_t{1} << (piece.value() & 63);
  if ((word & bit) != 0) return false;
  word |= bit;
  ++count_;
  return true;
}

bool PieceMap::Remove(PieceIndex piece) {
  KH_DCHECK(IsValidIndex(piece, size()));
  uint64_t& word = words_[piece.value() >> 6];
  const uint64_t bit = uint64_t{1} << (piece.value() & 63);
  if ((word & bit) == 0) return false;
  word &= ~bit;
  --count_;
  return true;
}

void PieceMap::AddAll() {
  if (size_ == 0) return;
  const size_t words = WordCount(size_);
  std::fill_n(words_.get(), words, ~uint64_t{0});
  words_[words - 1] = LastWordMask();
  count_ = size_;
}

void PieceMap::Clear() {
  std::fill_n(words_.get(), WordCount(size_), uint64_t{0});
  count_ = 0;
}

bool PieceMap::Intersects(const PieceMap& other) const {
  KH_DCHECK(size_ == other.size_);
  const size_t words = WordCount(size_);
  for (size_t i = 0; i < words; ++i) {
    if ((words_[i] & other.words_[i]) != 0) return true;
  }
  return false;
}

PieceIndex PieceMap::FirstAtOrAfter(PieceIndex from) const {
  for (int32_t at = from.value(); at < size_;) {
    const uint64_t rest = words_[at >> 6] >> (at & 63);
    if (rest != 0) return PieceIndex(at + std::countr_zero(rest));
    at = (at | 63) + 1;
  }
  return PieceIndex(size_);
}

PieceIndex PieceMap::FirstMissingAtOrAfter(PieceIndex from) const {
  for (int32_t at = from.value(); at < size_;) {
    const uint64_t rest = ~words_[at >> 6] >> (at & 63);
    if (rest != 0) return PieceIndex(std::min(size_, at + std::countr_zero(rest)));
    at = (at | 63) + 1;
  }
  return PieceIndex(size_);
}

bool operator==(const PieceMap& a, const PieceMap& b) {
  return a.size_ == b.size_ && a.count_ == b.count_ &&
         std::equal(a.words().begin(), a.words().end(), b.words().begin());
}

}  // namespace kraken::swarm
