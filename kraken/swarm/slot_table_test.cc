#include "kraken/swarm/slot_table.h"

#include <string>

#include "gtest/gtest.h"
#include "kraken/swarm/ids.h"

namespace kraken::swarm {
namespace {

TEST(SlotTableTest, AnIdOfAFormerUserOfTheSlotFindsNothing) {
  SlotTable<std::string, LinkId> table;
  const LinkId first = table.Emplace("first");
  EXPECT_TRUE(first.is_valid());
  EXPECT_EQ(*table.Find(first), "first");
  table.Erase(first);
  EXPECT_EQ(table.Find(first), nullptr);
  const LinkId second = table.Emplace("second");
  EXPECT_EQ(second.slot(), first.slot());
  EXPECT_EQ(table.Find(first), nullptr);
  table.Erase(first);
  EXPECT_EQ(*table.Find(second), "second");
  EXPECT_EQ(table.size(), 1u);
}

TEST(SlotTableTest, AnInvalidIdFindsNothing) {
  SlotTable<std::string, LinkId> table;
  EXPECT_EQ(table.Find(LinkId()), nullptr);
  table.Emplace("x");
  EXPECT_EQ(table.Find(LinkId()), nullptr);
  EXPECT_EQ(table.Find(LinkId(7, 1)), nullptr);
}

TEST(SlotTableTest, ValuesStayWhereTheyAre) {
  SlotTable<int, LinkId> table;
  const LinkId id = table.Emplace(42);
  int* const value = table.Find(id);
  for (int i = 0; i < 1'000; ++i) table.Emplace(i);
  EXPECT_EQ(table.Find(id), value);
}

TEST(SlotTableTest, AnyLooksAtValuesThatLive) {
  SlotTable<int, LinkId> table;
  const LinkId seven = table.Emplace(7);
  table.Emplace(8);
  const auto is_seven = [](int value) { return value == 7; };
  EXPECT_TRUE(table.Any(is_seven));
  table.Erase(seven);
  EXPECT_FALSE(table.Any(is_seven));
}

}  // namespace
}  // namespace kraken::swarm
