#include "harbor_bridge/reconcile/reconcile_store.h"

#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

kraken::Digest DigestOf(absl::string_view content) {
  kraken::Sha256 hash;
  hash.Update(content);
  return hash.Finish();
}

KnownReference Known(absl::string_view ns, absl::string_view reference, absl::string_view content) {
  return {.ns = *kraken::Namespace::Parse(ns),
          .reference = std::string(reference),
          .digest = DigestOf(content)};
}

class ReconcileStoreTest : public ::testing::Test {
 protected:
  ReconcileStoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    auto store = ReconcileStore::Open(path_);
    EXPECT_OK(store);
    store_ = *std::move(store);
  }

  const std::string path_ = kraken::MakeTestDir() + "/reconcile.db";
  std::unique_ptr<ReconcileStore> store_;
};

TEST_F(ReconcileStoreTest, ProgressOutlivesTheProcess) {
  ASSERT_OK_AND_ASSIGN(const RoundState none, store_->GetRound("eu"));
  EXPECT_EQ(none.number, 0);
  EXPECT_EQ(none.full_ended, absl::InfinitePast());
  const absl::Time time = absl::FromUnixSeconds(1'700'000'000);
  ASSERT_OK(store_->PutRound("eu", {.number = 3, .full = true, .open = true, .floor = time}));
  ASSERT_OK(store_->CommitPage("eu", "team",
                               {.watermark = time,
                                .round = 3,
                                .page_size = 100,
                                .pages = 2,
                                .total = 250,
                                .newest = time + absl::Hours(1)},
                               {Known("team/app", "v1", "one")}));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const RoundState round, store_->GetRound("eu"));
  EXPECT_EQ(round.number, 3);
  EXPECT_TRUE(round.open);
  EXPECT_EQ(round.floor, time);
  EXPECT_EQ(round.full_ended, absl::InfinitePast());
  ASSERT_OK_AND_ASSIGN(const ScopeState scope, store_->GetScope("eu", "team"));
  EXPECT_EQ(scope.pages, 2);
  EXPECT_EQ(scope.total, 250);
  EXPECT_EQ(scope.newest, time + absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const ScopeState other, store_->GetScope("us", "team"));
  EXPECT_EQ(other.round, 0);
}

TEST_F(ReconcileStoreTest, KnowsWhatReferencesStoodFor) {
  ASSERT_OK(store_->CommitPage("eu", "team", {.round = 1}, {Known("team/app", "v1", "one")}));
  store_->NoteTag(*kraken::Namespace::Parse("h.example/team/app"), *kraken::Tag::Parse("v1"),
                  DigestOf("two"));
  ASSERT_OK_AND_ASSIGN(const auto known, store_->Lookup({Known("team/app", "v1", ""),
                                                         Known("h.example/team/app", "v1", ""),
                                                         Known("team/app", "v2", "")}));
  EXPECT_THAT(known, ElementsAre(DigestOf("one"), DigestOf("two"), std::nullopt));
}

TEST_F(ReconcileStoreTest, TellsWhatARoundHasNotShown) {
  ASSERT_OK(store_->CommitPage(
      "eu", "team", {.round = 1},
      {Known("a/a", "v1", "one"), Known("a/b", "v1", "one"), Known("a/b", "v2", "one")}));
  ASSERT_OK(store_->CommitPage("eu", "team", {.round = 2}, {Known("a/b", "v1", "two")}));
  // An event's word does not take it out of the round.
  store_->NoteTag(*kraken::Namespace::Parse("a/b"), *kraken::Tag::Parse("v1"), DigestOf("three"));
  ASSERT_OK_AND_ASSIGN(const auto first, store_->Unseen(2, nullptr, 1));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].ns.ToString(), "a/a");
  ASSERT_OK_AND_ASSIGN(const auto second, store_->Unseen(2, &first[0], 10));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].reference, "v2");
  ASSERT_OK(store_->Forget(second[0]));
  ASSERT_OK_AND_ASSIGN(const auto rest, store_->Unseen(2, &first[0], 10));
  EXPECT_THAT(rest, IsEmpty());
}

TEST_F(ReconcileStoreTest, AnInstanceIsNewOnce) {
  EXPECT_THAT(store_->IsNewInstance("eu", "a"), kraken::IsOkAndHolds(true));
  EXPECT_THAT(store_->IsNewInstance("eu", "b"), kraken::IsOkAndHolds(true));
  EXPECT_THAT(store_->IsNewInstance("eu", "a"), kraken::IsOkAndHolds(false));
  EXPECT_THAT(store_->IsNewInstance("us", "a"), kraken::IsOkAndHolds(true));
  Reopen();
  EXPECT_THAT(store_->IsNewInstance("eu", "b"), kraken::IsOkAndHolds(false));
}

}  // namespace
}  // namespace harbor_bridge
