#include "kraken/base/fuzz_mutator.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken {
namespace {

TEST(FuzzMutatorTest, SeedRepeatsTheRun) {
  const std::vector<std::string> corpus = {"hello world", "", "{\"a\": [1, 2, 3]}"};
  SeededBitGen bits1(5);
  SeededBitGen bits2(5);
  FuzzMutator first(&corpus, &bits1);
  FuzzMutator second(&corpus, &bits2);
  for (int i = 0; i < 1000; ++i) {
    const std::string& input = corpus[i % corpus.size()];
    ASSERT_EQ(first.Mutate(input), second.Mutate(input));
  }
}

TEST(FuzzMutatorTest, MutationsVaryInContentAndLength) {
  const std::vector<std::string> corpus = {"a rather short input", "another"};
  SeededBitGen bits(1);
  FuzzMutator mutator(&corpus, &bits);
  std::set<std::string> seen;
  bool shorter = false;
  bool longer = false;
  for (int i = 0; i < 1000; ++i) {
    const std::string mutated = mutator.Mutate(corpus[0]);
    shorter |= mutated.size() < corpus[0].size();
    longer |= mutated.size() > corpus[0].size();
    seen.insert(mutated);
  }
  EXPECT_GT(seen.size(), 900u);
  EXPECT_TRUE(shorter);
  EXPECT_TRUE(longer);
}

TEST(FuzzMutatorTest, InputsStayBounded) {
  const std::vector<std::string> corpus = {std::string(kMaxFuzzInputBytes, 'x')};
  SeededBitGen bits(1);
  FuzzMutator mutator(&corpus, &bits);
  for (int i = 0; i < 100; ++i) EXPECT_LE(mutator.Mutate(corpus[0]).size(), kMaxFuzzInputBytes);
}

}  // namespace
}  // namespace kraken
