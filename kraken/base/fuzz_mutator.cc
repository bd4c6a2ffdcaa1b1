#include "kraken/base/fuzz_mutator.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace kraken {
namespace {

constexpr size_t kMaxChanges = 8;
constexpr size_t kMaxInsertedBytes = 16;
constexpr size_t kMaxRepetitions = 64;

// Bytes at which parsers branch.
constexpr char kInterestingBytes[] =
    "\0\x01\x7f\x80\xff \t\r\n,.:;/\\\"'{}[]()<>=&%*?#@!|-+_09azAZ~$";

}  // namespace

std::string FuzzMutator::Mutate(std::string input) {
  for (size_t changes = 1 + Pick(kMaxChanges); changes > 0; --changes) ChangeOnce(input);
  if (input.size() > kMaxFuzzInputBytes) input.resize(kMaxFuzzInputBytes);
  return input;
}

void FuzzMutator::ChangeOnce(std::string& input) {
  if (input.empty()) return InsertBytes(input);
  switch (Pick(8)) {
    case 0:
      return FlipBit(input);
    case 1:
      return SetByte(input);
    case 2:
      return SetInteger(input);
    case 3:
      // A cut loses all that lies behind it, so it is rarer than the others.
      return Pick(4) == 0 ? Truncate(input) : EraseRange(input);
    case 4:
      return EraseRange(input);
    case 5:
      return RepeatRange(input);
    case 6:
      return InsertBytes(input);
    default:
      return Splice(input);
  }
}

void FuzzMutator::FlipBit(std::string& input) {
  char& byte = input[Pick(input.size())];
  byte = static_cast<char>(byte ^ (1 << Pick(8)));
}

void FuzzMutator::SetByte(std::string& input) {
  input[Pick(input.size())] = kInterestingBytes[Pick(sizeof(kInterestingBytes) - 1)];
}

// Writes 0, 1, the largest or the smallest value of a 2, 4 or 8 byte integer, big or little endian.
void FuzzMutator::SetInteger(std::string& input) {
  const size_t width = size_t{2} << Pick(3);
  if (input.size() < width) return SetByte(input);
  const uint64_t all = ~uint64_t{0} >> (64 - 8 * width);
  const uint64_t values[] = {0, 1, all, all >> 1, (all >> 1) + 1};
  const uint64_t value = values[Pick(std::size(values))];
  const bool big_endian = Pick(2) == 0;
  const size_t at = Pick(input.size() - width + 1);
  for (size_t i = 0; i < width; ++i) {
    const size_t place = big_endian ? width - 1 - i : i;
    input[at + place] = static_cast<char>(value >> (8 * i));
  }
}

void FuzzMutator::Truncate(std::string& input) { input.resize(Pick(input.size())); }

void FuzzMutator::EraseRange(std::string& input) {
  const size_t at = Pick(input.size());
  input.erase(at, 1 + Pick(std::min<size_t>(input.size() - at, 32)));
}

void FuzzMutator::RepeatRange(std::string& input) {
  const size_t at = Pick(input.size());
  const std::string part = input.substr(at, 1 + Pick(std::min<size_t>(input.size() - at, 32)));
  for (size_t times = 1 + Pick(kMaxRepetitions); times > 0; --times) {
    if (input.size() >= kMaxFuzzInputBytes) return;
    input.insert(at, part);
  }
}

void FuzzMutator::InsertBytes(std::string& input) {
  std::string bytes(1 + Pick(kMaxInsertedBytes), '\0');
  const bool interesting = Pick(2) == 0;
  for (char& byte : bytes) {
    byte = interesting ? kInterestingBytes[Pick(sizeof(kInterestingBytes) - 1)]
                       : static_cast<char>(Pick(256));
  }
  input.insert(Pick(input.size() + 1), bytes);
}

// Overwrites or inserts a part of another input.
void FuzzMutator::Splice(std::string& input) {
  const std::string& other = (*corpus_)[Pick(corpus_->size())];
  if (other.empty()) return;
  const size_t from = Pick(other.size());
  const std::string part = other.substr(from, 1 + Pick(other.size() - from));
  const size_t at = Pick(input.size() + 1);
  if (Pick(2) == 0) {
    input.insert(at, part);
  } else {
    input.replace(at, std::min(part.size(), input.size() - at), part);
  }
}

}  // namespace kraken
