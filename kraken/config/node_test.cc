#include "kraken/config/node.h"

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/yaml_parser.h"

namespace kraken::config {
namespace {

using ::testing::IsNull;

Node Merged(absl::string_view base, absl::string_view overlay) {
  absl::StatusOr<Node> root = ParseYaml(base, "base.yaml");
  absl::StatusOr<Node> top = ParseYaml(overlay, "overlay.yaml");
  EXPECT_OK(root);
  EXPECT_OK(top);
  MergeInto(*root, *std::move(top));
  return *std::move(root);
}

TEST(MergeTest, MapsMergeKeyByKeyAtEveryDepth) {
  const Node root = Merged("a: {b: {c: 1, d: 2}, e: 3}", "a: {b: {d: 4, f: 5}}");
  const Node* b = root.Find("a")->Find("b");
  EXPECT_EQ(b->Find("c")->scalar, "1");
  EXPECT_EQ(b->Find("d")->scalar, "4");
  EXPECT_EQ(b->Find("f")->scalar, "5");
  EXPECT_EQ(root.Find("a")->Find("e")->scalar, "3");
}

TEST(MergeTest, ListsReplace) {
  const Node root = Merged("a: [1, 2, 3]", "a: [4]");
  ASSERT_EQ(root.Find("a")->items.size(), 1u);
  EXPECT_EQ(root.Find("a")->items[0].scalar, "4");
}

TEST(MergeTest, KindsMayChangeAndNullRemoves) {
  const Node root = Merged("a: {x: 1}\nb: 2\nc: [1]\nd: {x: 1}", "a: text\nb: {y: 1}\nc:\nd:");
  EXPECT_EQ(root.Find("a")->scalar, "text");
  EXPECT_EQ(root.Find("b")->Find("y")->scalar, "1");
  EXPECT_THAT(root.Find("c"), IsNull());
  EXPECT_THAT(root.Find("d"), IsNull());
}

TEST(MergeTest, EveryValueRemembersItsFile) {
  const Node root = Merged("a:\n  b: 1\n  c: 2", "a:\n\n  c: 3");
  EXPECT_EQ(root.Find("a")->Find("b")->position.ToString(), "base.yaml:2:6");
  EXPECT_EQ(root.Find("a")->Find("c")->position.ToString(), "overlay.yaml:3:6");
}

}  // namespace
}  // namespace kraken::config
