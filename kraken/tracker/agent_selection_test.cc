#include "kraken/tracker/agent_selection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/label.h"
#include "kraken/base/test_util.h"

namespace kraken::tracker {
namespace {

rpc::v1::AgentSelection Selection(std::vector<std::string> zones, const Labels& labels = {}) {
  rpc::v1::AgentSelection selection;
  for (std::string& zone : zones) selection.add_zones(std::move(zone));
  for (const auto& [key, value] : labels) (*selection.mutable_labels())[key] = value;
  return selection;
}

TEST(AgentSelectionTest, ZonesAndLabels) {
  const Labels fast = {{"disk", "ssd"}, {"rack", "7"}};
  EXPECT_TRUE(Matches(Selection({}), "", {}));
  EXPECT_TRUE(Matches(Selection({}), "a", fast));
  EXPECT_TRUE(Matches(Selection({"a"}), "a", {}));
  EXPECT_FALSE(Matches(Selection({"a"}), "b", {}));
  EXPECT_FALSE(Matches(Selection({"a"}), "", {}));
  EXPECT_TRUE(Matches(Selection({"a", "b"}), "b", {})) << "any of them";
  EXPECT_TRUE(Matches(Selection({}, {{"disk", "ssd"}}), "", fast));
  EXPECT_TRUE(Matches(Selection({"a"}, fast), "a", fast));
  EXPECT_FALSE(Matches(Selection({"b"}, fast), "a", fast)) << "all of it";
  EXPECT_FALSE(Matches(Selection({}, {{"disk", "hdd"}}), "", fast));
  EXPECT_FALSE(Matches(Selection({}, {{"disk", "ssd"}, {"gpu", "yes"}}), "", fast));
}

std::vector<PeerId> Ids(int count) {
  std::vector<PeerId> ids;
  ids.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) ids.push_back(PeerId::FromAddress("10.0.0.1", 1000 + i));
  return ids;
}

std::vector<PeerId> ShareOf(uint32_t per_10000, std::vector<PeerId> ids) {
  rpc::v1::AgentSelection selection;
  selection.set_share_per_10000(per_10000);
  return TakeShare(selection, std::move(ids));
}

TEST(AgentSelectionTest, AShareIsRoundedUp) {
  EXPECT_EQ(ShareOf(0, Ids(7)).size(), 7u) << "none was asked for";
  EXPECT_EQ(ShareOf(10'000, Ids(7)).size(), 7u);
  EXPECT_EQ(ShareOf(1'000, Ids(100)).size(), 10u);
  EXPECT_EQ(ShareOf(1'000, Ids(101)).size(), 11u);
  EXPECT_EQ(ShareOf(1, Ids(3)).size(), 1u);
  EXPECT_EQ(ShareOf(1, {}).size(), 0u);
}

TEST(AgentSelectionTest, TheSameAgentsAreChosenAgain) {
  std::vector<PeerId> ids = Ids(100);
  const std::vector<PeerId> first = ShareOf(2'000, ids);
  std::reverse(ids.begin(), ids.end());
  EXPECT_EQ(ShareOf(2'000, ids), first) << "whatever their order";
  // A greater share has the smaller one's.
  const std::vector<PeerId> more = ShareOf(3'000, ids);
  for (const PeerId& id : first) EXPECT_NE(std::find(more.begin(), more.end(), id), more.end());
  // Of one more agent at most one takes another's place.
  std::vector<PeerId> grown = ShareOf(2'000, Ids(101));
  int stayed = 0;
  for (const PeerId& id : first) stayed += std::count(grown.begin(), grown.end(), id) > 0;
  EXPECT_GE(stayed, 19);
}

TEST(AgentSelectionTest, WhatAnAgentSaysIsBounded) {
  Labels labels = {{"old", "one"}};
  rpc::v1::AgentTraits traits;
  (*traits.mutable_labels())["a"] = "b";
  ASSERT_OK(ReadLabels(traits, &labels));
  EXPECT_EQ(labels, (Labels{{"a", "b"}}));
  (*traits.mutable_labels())["a b"] = "c";
  EXPECT_THAT(ReadLabels(traits, &labels), StatusIs(absl::StatusCode::kInvalidArgument));
  traits.mutable_labels()->clear();
  for (size_t i = 0; i <= kMaxLabels; ++i) (*traits.mutable_labels())[absl::StrCat(i)] = "v";
  EXPECT_THAT(ReadLabels(traits, &labels), StatusIs(absl::StatusCode::kInvalidArgument));
  rpc::v1::AgentSelection selection;
  selection.set_share_per_10000(10'000);
  EXPECT_OK(CheckSelection(selection));
  selection.set_share_per_10000(10'001);
  EXPECT_THAT(CheckSelection(selection), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kraken::tracker
