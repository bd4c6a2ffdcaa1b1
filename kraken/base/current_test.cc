#include "kraken/base/current.h"

#include <memory>
#include <thread>

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(CurrentTest, NothingIsCurrentBeforeTheFirstSet) { EXPECT_EQ(Current<int>().get(), nullptr); }

TEST(CurrentTest, WhoHasGotAValueKeepsIt) {
  Current<int> current;
  current.Set(std::make_shared<int>(1));
  const std::shared_ptr<const int> first = current.get();
  current.Set(std::make_shared<int>(2));
  EXPECT_EQ(*first, 1);
  EXPECT_EQ(*current.get(), 2);
}

TEST(CurrentTest, AReplacedValueEndsOutsideTheLock) {
  // Its end asks for what is current, which would wait for ever inside the lock.
  Current<int> current;
  int seen = 0;
  current.Set(std::shared_ptr<int>(new int(1), [&](int* value) {
    seen = *current.get();
    delete value;
  }));
  current.Set(std::make_shared<int>(2));
  EXPECT_EQ(seen, 2);
}

TEST(CurrentTest, ReadersSeeWholeValuesWhileItIsReplaced) {
  struct Pair {
    int a;
    int b;
  };
  Current<Pair> current;
  current.Set(std::make_shared<Pair>(Pair{0, 0}));
  std::thread writer([&] {
    for (int i = 1; i <= 10'000; ++i) current.Set(std::make_shared<Pair>(Pair{i, i}));
  });
  for (int last = 0; last < 10'000;) {
    const std::shared_ptr<const Pair> now = current.get();
    ASSERT_EQ(now->a, now->b);
    ASSERT_GE(now->a, last);
    last = now->a;
  }
  writer.join();
}

}  // namespace
}  // namespace kraken
