#ifndef KRAKEN_BASE_FUZZ_MUTATOR_H_
#define KRAKEN_BASE_FUZZ_MUTATOR_H_

#include <cstddef>
#include <string>
#include <vector>

#include "kraken/base/random.h"

namespace kraken {

// Inputs never grow beyond this: what grows further only makes a fuzz test slow.
inline constexpr size_t kMaxFuzzInputBytes = 64 * 1024;

// Makes hostile inputs out of good ones: flips bits, sets bytes and integers to extreme values,
// cuts, repeats and inserts, and splices in parts of other inputs of the corpus. The same generator
// state gives the same input.
class FuzzMutator {
 public:
  // Both outlive this object.
  FuzzMutator(const std::vector<std::string>* corpus, BitGen* bits)
      : corpus_(corpus), bits_(bits) {}

  // `input` after one to eight random changes.
  std::string Mutate(std::string input);

 private:
  void ChangeOnce(std::string& input);
  void FlipBit(std::string& input);
  void SetByte(std::string& input);
  void SetInteger(std::string& input);
  void Truncate(std::string& input);
  void EraseRange(std::string& input);
  void RepeatRange(std::string& input);
  void InsertBytes(std::string& input);
  void Splice(std::string& input);

  size_t Pick(size_t bound) { return static_cast<size_t>(bits_->Uniform(bound)); }

  const std::vector<std::string>* corpus_;
  BitGen* bits_;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_FUZZ_MUTATOR_H_
