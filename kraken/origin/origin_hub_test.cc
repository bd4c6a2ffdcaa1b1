#include "kraken/origin/origin_hub.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/origin/origin_hub_fixture.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/piece_list_signature.h"

namespace kraken::origin {
namespace {

using ::testing::HasSubstr;

// Where the tests' backends pause.
constexpr int kHeldAfter = 5;

TEST_F(OriginHubTest, TellsThePieceListWhileTheBlobArrives) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  auto watcher = Watch();
  EXPECT_EQ(watcher->WaitForStates(kHeldAfter), States(kHeldAfter));
  const rpc::v1::MetainfoNews first = watcher->news.Wait(0);
  EXPECT_EQ(first.origin().port(), origin_->node().self().port);
  EXPECT_EQ(first.origin().zone(), "eu-1");
  EXPECT_TRUE(first.origin().origin());
  EXPECT_FALSE(first.origin().complete());
  for (size_t i = 0; i < watcher->news.size(); ++i) {
    EXPECT_FALSE(watcher->news.Wait(i).metainfo().complete());
  }
  EXPECT_THAT(origin_->Describe(), HasSubstr("\"state\":\"fetching\""));

  // Who comes later is told all of it at once.
  auto late = Watch();
  EXPECT_EQ(late->WaitForStates(kHeldAfter), States(kHeldAfter));
  EXPECT_EQ(late->news.Wait(0).metainfo().size_bytes(), blob_.bytes.size());

  backend_.Release();
  for (const auto& each : {watcher, late}) {
    const rpc::v1::MetainfoNews complete = each->WaitForComplete();
    EXPECT_TRUE(complete.origin().complete());
    EXPECT_EQ(RangeOf(complete).states(), States());
    EXPECT_EQ(RangeOf(complete).piece_length_bytes(), uint64_t{kPieceLength});
    EXPECT_EQ(each->closed.size(), 0u) << "it stays open";
  }
  origin_->node().ExpectStored(blob_);
  const OriginStats stats = origin_->Stats();
  EXPECT_EQ(stats.backend_fetches, 1u);
  EXPECT_EQ(stats.backend_bytes, blob_.bytes.size());
  EXPECT_EQ(stats.watchers, 2u);
}

TEST_F(OriginHubTest, ManyWhoAskAtOnceCauseOneFetch) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  origin_->Warm(blob_.digest);
  auto a = Watch();
  auto b = Watch();
  auto c = Prefetch(*origin_);
  auto d = Prefetch(*origin_);
  a->WaitForStates(kHeldAfter);
  b->WaitForStates(kHeldAfter);
  EXPECT_EQ(c->size() + d->size(), 0u);
  backend_.Release();
  EXPECT_OK(c->Wait(0));
  EXPECT_OK(d->Wait(0));
  a->WaitForComplete();
  b->WaitForComplete();
  EXPECT_OK(Prefetch(*origin_)->Wait(0));
  EXPECT_EQ(backend_.downloads().size(), 1u);
  EXPECT_EQ(origin_->Stats().backend_fetches, 1u);
}

TEST_F(OriginHubTest, SmallBlobsTravelWithTheMetainfo) {
  const storage::TestBlob small(1000, kPieceLength);
  backend_.Put(small.digest, small.bytes);
  Start();
  for (int i = 0; i < 2; ++i) {
    const rpc::v1::MetainfoNews news =
        Watch(*origin_, rpc::ToBytes(small.digest))->WaitForComplete();
    EXPECT_TRUE(news.metainfo().is_inline());
    EXPECT_EQ(news.metainfo().inline_blob(), storage::ToString(small.bytes));
    EXPECT_EQ(news.metainfo().size_bytes(), 1000u);
    EXPECT_EQ(news.metainfo().ranges_size(), 0);
  }
  EXPECT_EQ(backend_.downloads().size(), 1u);
}

TEST_F(OriginHubTest, WhatTheBackendLacksIsSaidToAllAndAskedAnew) {
  Start();
  auto watcher = Watch();
  auto prefetch = Prefetch(*origin_);
  EXPECT_THAT(watcher->WaitForEnd(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(prefetch->Wait(0), StatusIs(absl::StatusCode::kNotFound));
  ExpectNothingLeft();
  backend_.Put(blob_.digest, blob_.bytes);
  EXPECT_OK(Prefetch(*origin_)->Wait(0));
  origin_->node().ExpectStored(blob_);
}

TEST_F(OriginHubTest, WrongBytesAreRevokedAndDeleted) {
  std::vector<uint8_t> wrong = blob_.bytes;
  wrong.back() ^= 1;
  backend_.Put(blob_.digest, wrong);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  auto watcher = Watch();
  auto prefetch = Prefetch(*origin_);
  // Not known to be wrong yet.
  EXPECT_EQ(watcher->WaitForStates(kHeldAfter), States(kHeldAfter));
  backend_.Release();
  EXPECT_THAT(watcher->WaitForRevoked(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(watcher->WaitForEnd(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(prefetch->Wait(0), StatusIs(absl::StatusCode::kDataLoss));
  ExpectNothingLeft();
  EXPECT_EQ(origin_->Stats().revocations, 1u);

  backend_.Put(blob_.digest, blob_.bytes);
  EXPECT_EQ(RangeOf(Watch()->WaitForComplete()).states(), States());
  EXPECT_EQ(backend_.downloads().Wait(1), 0) << "nothing wrong was gone on from";
}

TEST_F(OriginHubTest, AfterABackendFailureTheNextRequestGoesOn) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.FailAt(kHeldAfter * kPieceLength, absl::UnavailableError("registry restarting"));
  Start();
  EXPECT_THAT(Watch()->WaitForEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("registry restarting")));
  EXPECT_EQ(origin_->Stats().active, 0u);
  EXPECT_EQ(origin_->Stats().backend_failures, 1u);
  backend_.FailAt(0, absl::OkStatus());
  auto watcher = Watch();
  watcher->WaitForComplete();
  EXPECT_EQ(watcher->WaitForStates(kPieces - 1), States());
  const size_t downloads = backend_.downloads().size();
  EXPECT_EQ(backend_.downloads().Wait(downloads - 1), kHeldAfter * kPieceLength);
  origin_->node().ExpectStored(blob_);
}

TEST_F(OriginHubTest, ARestartGoesOnFromWhatIsThere) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  auto before = Watch();
  before->WaitForStates(kHeldAfter);
  Start();
  EXPECT_THAT(before->WaitForEnd(), StatusIs(absl::StatusCode::kUnavailable));
  // The backend still has not said more.
  auto after = Watch();
  EXPECT_EQ(after->WaitForStates(kHeldAfter), States(kHeldAfter));
  backend_.Release();
  EXPECT_EQ(RangeOf(after->WaitForComplete()).states(), States());
  EXPECT_EQ(backend_.downloads().Wait(backend_.downloads().size() - 1), kHeldAfter * kPieceLength);
  origin_->node().ExpectStored(blob_);

  // What is complete needs no backend.
  const size_t downloads = backend_.downloads().size();
  Start();
  const rpc::v1::MetainfoNews news = Watch()->WaitForComplete();
  EXPECT_EQ(RangeOf(news).states(), States());
  EXPECT_TRUE(news.origin().complete());
  EXPECT_EQ(backend_.downloads().size(), downloads);
}

TEST_F(OriginHubTest, ABlobArrivesThoughWhoAskedIsGone) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  auto watcher = Watch();
  watcher->WaitForStates(kHeldAfter);
  watcher->call->Cancel();
  origin_->WaitForClosed(1);
  EXPECT_EQ(origin_->Stats().watchers, 0u);
  backend_.Release();
  EXPECT_TRUE(peer_wire::WaitFor([this] { return origin_->Stats().active == 0; }));
  origin_->node().ExpectStored(blob_);
}

TEST_F(OriginHubTest, OnlyIfHereNeverAsksTheBackend) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  const std::string digest = rpc::ToBytes(blob_.digest);
  EXPECT_THAT(Watch(*origin_, digest, kNamespace, /*only_if_here=*/true)->WaitForEnd(),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(origin_->Stats().backend_fetches, 0u);
  // What is arriving counts as here.
  Watch()->WaitForStates(1);
  auto watcher = Watch(*origin_, digest, kNamespace, /*only_if_here=*/true);
  EXPECT_EQ(watcher->WaitForStates(kHeldAfter), States(kHeldAfter));
}

TEST_F(OriginHubTest, OnlyIfHereNeedsNoNamespace) {
  backend_.Put(blob_.digest, blob_.bytes);
  Start();
  const std::string digest = rpc::ToBytes(blob_.digest);
  EXPECT_THAT(Watch(*origin_, digest, "", /*only_if_here=*/true)->WaitForEnd(),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Watch(*origin_, digest, "")->WaitForEnd(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  Watch()->WaitForComplete();
  Watch(*origin_, digest, "", /*only_if_here=*/true)->WaitForComplete();
}

TEST_F(OriginHubTest, NonsenseIsRefused) {
  Start();
  EXPECT_THAT(Watch(*origin_, "short")->WaitForEnd(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("digest of 5 bytes")));
  EXPECT_THAT(Watch(*origin_, rpc::ToBytes(blob_.digest), "//")->WaitForEnd(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("namespace")));
  EXPECT_EQ(origin_->Stats().active, 0u);
}

TEST_F(OriginHubTest, StopEndsAllStreamsAndTakesNoMore) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  Start();
  auto watcher = Watch();
  auto prefetch = Prefetch(*origin_);
  watcher->WaitForStates(kHeldAfter);
  origin_->Stop();
  EXPECT_THAT(watcher->WaitForEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  EXPECT_THAT(prefetch->Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  EXPECT_THAT(Watch()->WaitForEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  EXPECT_EQ(origin_->Stats().active, 0u);
}

TEST_F(OriginHubTest, StatTellsWhatIsCached) {
  Start();
  EXPECT_THAT(Stat(/*local=*/false), StatusIs(absl::StatusCode::kNotFound));
  backend_.Put(blob_.digest, blob_.bytes);
  EXPECT_THAT(Stat(/*local=*/true), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const rpc::v1::StatReply at_backend, Stat(/*local=*/false));
  EXPECT_EQ(at_backend.size_bytes(), blob_.bytes.size());
  EXPECT_FALSE(at_backend.cached());
  EXPECT_OK(Prefetch(*origin_)->Wait(0));
  ASSERT_OK_AND_ASSIGN(const rpc::v1::StatReply cached, Stat(/*local=*/true));
  EXPECT_EQ(cached.size_bytes(), blob_.bytes.size());
  EXPECT_TRUE(cached.cached());
}

class BrokenSigner final : public swarm::PieceListSigner {
 public:
  absl::Status Sign(swarm::SignedPieceRange& range) const override {
    if (broken) return absl::FailedPreconditionError("the key is gone");
    range.signature = "signed";
    return absl::OkStatus();
  }
  std::atomic<bool> broken{true};
};

TEST_F(OriginHubTest, AFetchThatWasGivenUpDoesNotEndItsSuccessor) {
  auto signer = std::make_shared<BrokenSigner>();
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(0, /*deaf=*/true);
  Start(signer);
  EXPECT_THAT(Watch()->WaitForEnd(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("the key is gone")));
  signer->broken = false;
  auto second = Watch();
  backend_.downloads().Wait(1);
  // Now the first fetch notices that it was given up.
  backend_.Release();
  EXPECT_EQ(RangeOf(second->WaitForComplete()).signature(), "signed");
  EXPECT_EQ(second->closed.size(), 0u);
}

// Says with which certificate it signs.
class RenewedSigner final : public swarm::PieceListSigner {
 public:
  absl::Status Sign(swarm::SignedPieceRange& range) const override {
    range.signature = absl::StrCat("with ", certificate.load());
    if (hold.exchange(false)) {
      held.Put(true);
      go_on.Wait(0);
    }
    return absl::OkStatus();
  }

  std::atomic<int> certificate{1};
  // The next call stops until `go_on`.
  mutable std::atomic<bool> hold{false};
  mutable rpc::Mailbox<bool> held;
  mutable rpc::Mailbox<bool> go_on;
};

TEST_F(OriginHubTest, ARenewedCertificateSignsAgainWhatWasTold) {
  auto signer = std::make_shared<RenewedSigner>();
  backend_.Put(blob_.digest, blob_.bytes);
  Start(signer);
  auto first = Watch();
  EXPECT_EQ(RangeOf(first->WaitForComplete()).signature(), "with 1");
  const size_t told = first->news.size();

  signer->certificate = 2;
  origin_->TellSignerChanged();
  // Those who pass lists on hear of it, and who asks from now on is told no other.
  const rpc::v1::MetainfoNews again = first->news.Wait(told);
  EXPECT_EQ(RangeOf(again).signature(), "with 2");
  EXPECT_EQ(RangeOf(again).states(), States());
  EXPECT_EQ(RangeOf(Watch()->WaitForComplete()).signature(), "with 2");
  EXPECT_EQ(first->closed.size(), 0u);
}

TEST_F(OriginHubTest, ACertificateRenewedWhileAListIsSignedSignsItInTheEnd) {
  backend_.Put(blob_.digest, blob_.bytes);
  Start();
  Watch()->WaitForComplete();
  // Again, from the store.
  auto signer = std::make_shared<RenewedSigner>();
  signer->hold = true;
  Start(signer);
  auto watcher = Watch();
  signer->held.Wait(0);
  signer->certificate = 2;
  origin_->TellSignerChanged();
  signer->go_on.Put(true);
  EXPECT_EQ(RangeOf(watcher->WaitForComplete()).signature(), "with 1");
  for (size_t i = 0; !HasFailure(); ++i) {
    const rpc::v1::MetainfoNews news = watcher->news.Wait(i);
    if (news.metainfo().ranges_size() == 1 && RangeOf(news).signature() == "with 2") break;
  }
}

// ---- Two origins ----

TEST_F(OriginHubTest, TheOtherOriginCopiesThroughTheSwarm) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  StartTwo();
  auto watcher = Watch(*other_, rpc::ToBytes(blob_.digest));
  // Piece by piece, while the blob still arrives at the first.
  EXPECT_EQ(watcher->WaitForStates(kHeldAfter), States(kHeldAfter));
  backend_.Release();
  const rpc::v1::MetainfoNews news = watcher->WaitForComplete();
  EXPECT_EQ(news.origin().port(), other_->node().self().port);
  EXPECT_EQ(RangeOf(news).states(), States());
  other_->node().ExpectStored(blob_);
  EXPECT_EQ(backend_.downloads().size(), 1u);
  EXPECT_EQ(other_->Stats().replications, 1u);
  EXPECT_EQ(other_->Stats().backend_fetches, 0u);
  EXPECT_EQ(origin_->Stats().backend_fetches, 1u);
}

TEST_F(OriginHubTest, APrefetchOfAllReplicasEndsWhenAllHaveTheBlob) {
  backend_.Put(blob_.digest, blob_.bytes);
  StartTwo();
  EXPECT_OK(Prefetch(*other_, /*all_replicas=*/true)->Wait(0));
  origin_->node().ExpectStored(blob_);
  other_->node().ExpectStored(blob_);
  EXPECT_EQ(backend_.downloads().size(), 1u);
  EXPECT_TRUE(
      peer_wire::WaitFor([this] { return origin_->Stats().active + other_->Stats().active == 0; }));
}

TEST_F(OriginHubTest, AManifestThatHarborDeletedIsRevokedAndGone) {
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
  const auto bytes =
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(manifest.data()), manifest.size());
  Sha256 hash;
  hash.Update(manifest);
  const Digest digest = hash.Finish();
  backend_.Put(digest, bytes);
  Start();
  auto watcher = Watch(*origin_, rpc::ToBytes(digest));
  watcher->WaitForComplete();
  ASSERT_OK_AND_ASSIGN(rpc::v1::EvictManifestReply evicted, EvictManifest(digest));
  EXPECT_TRUE(evicted.was_here());
  EXPECT_EQ(evicted.manifest(), manifest);
  EXPECT_THAT(watcher->WaitForRevoked(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(watcher->WaitForEnd(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(origin_->store().Contains(digest));
  ASSERT_OK_AND_ASSIGN(evicted, EvictManifest(digest));
  EXPECT_FALSE(evicted.was_here());
  EXPECT_EQ(origin_->Stats().evicted_manifests, 1u);
}

// Other images may have the layer too.
TEST_F(OriginHubTest, WhatIsNoManifestStays) {
  const storage::TestBlob small(1000, kPieceLength);
  backend_.Put(small.digest, small.bytes);
  Start();
  auto watcher = Watch(*origin_, rpc::ToBytes(small.digest));
  watcher->WaitForComplete();
  ASSERT_OK_AND_ASSIGN(const rpc::v1::EvictManifestReply evicted, EvictManifest(small.digest));
  EXPECT_FALSE(evicted.was_here());
  EXPECT_TRUE(origin_->store().Contains(small.digest));
  EXPECT_EQ(watcher->closed.size(), 0u);
}

TEST_F(OriginHubTest, ABridgeThatHoldsItsLeaseNoMoreIsRefusedAfterARestartToo) {
  backend_.Put(blob_.digest, blob_.bytes);
  Start();
  EXPECT_OK(Prefetch(*origin_)->Wait(0)) << "as without leases";
  WriteUnder(9);
  EXPECT_OK(Prefetch(*origin_)->Wait(0));
  const auto is_refused =
      StatusIs(absl::StatusCode::kFailedPrecondition,
               ::testing::AllOf(HasSubstr("stale write epoch 8"), HasSubstr("epoch 9")));
  for (int life = 1; life <= 2; ++life) {
    WriteUnder(8);
    EXPECT_THAT(Prefetch(*origin_)->Wait(0), is_refused);
    EXPECT_THAT(EvictManifest(blob_.digest), is_refused);
    WriteUnder(0);
    EXPECT_THAT(EvictManifest(blob_.digest),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("section `lease`")));
    EXPECT_EQ(origin_->Stats().stale_writes, 3u);
    Start();
  }
  WriteUnder(9);
  EXPECT_OK(Prefetch(*origin_)->Wait(0));
}

TEST_F(OriginHubTest, AnOrderGoesOnToTheOtherOriginsUnderItsEpoch) {
  backend_.Put(blob_.digest, blob_.bytes);
  StartTwo();
  WriteUnder(9);
  EXPECT_OK(Prefetch(*other_)->Wait(0));
  // The one that is asked has not heard of epoch 9, the one that it asks has.
  WriteUnder(8);
  EXPECT_THAT(
      Prefetch(*origin_, /*all_replicas=*/true)->Wait(0),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("stale write epoch 8: epoch 9")));
}

TEST_F(OriginHubTest, SmallBlobsAreCopiedWhole) {
  const storage::TestBlob small(1000, kPieceLength);
  backend_.Put(small.digest, small.bytes);
  StartTwo();
  for (OriginProcess* each : {origin_.get(), other_.get()}) {
    const rpc::v1::MetainfoNews news = Watch(*each, rpc::ToBytes(small.digest))->WaitForComplete();
    EXPECT_EQ(news.metainfo().inline_blob(), storage::ToString(small.bytes));
    EXPECT_TRUE(each->store().Contains(small.digest));
  }
  EXPECT_EQ(backend_.downloads().size(), 1u);
}

TEST_F(OriginHubTest, WhatTheSourceDoesNotFindNobodyFinds) {
  StartTwo();
  EXPECT_THAT(Watch(*other_, rpc::ToBytes(blob_.digest))->WaitForEnd(),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(other_->Stats().backend_fetches, 0u) << "one origin asks the backend";
}

TEST_F(OriginHubTest, ARevocationReachesTheCopy) {
  std::vector<uint8_t> wrong = blob_.bytes;
  wrong.back() ^= 1;
  backend_.Put(blob_.digest, wrong);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  StartTwo();
  auto watcher = Watch(*other_, rpc::ToBytes(blob_.digest));
  watcher->WaitForStates(kHeldAfter);
  backend_.Release();
  EXPECT_THAT(watcher->WaitForRevoked(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(watcher->WaitForEnd(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(other_->store().Contains(blob_.digest));
  EXPECT_EQ(other_->Stats().backend_fetches, 0u);
}

TEST_F(OriginHubTest, WhenTheSourceDiesTheOtherGoesOnFromWhatItHas) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(kHeldAfter * kPieceLength);
  StartTwo();
  auto watcher = Watch(*other_, rpc::ToBytes(blob_.digest));
  watcher->WaitForStates(kHeldAfter);
  EXPECT_TRUE(peer_wire::WaitFor([this] {
    const auto partial = other_->store().FindPartial(blob_.digest);
    return partial != nullptr && partial->verified_count() == PieceCount(kHeldAfter);
  }));
  origin_.reset();
  EXPECT_EQ(backend_.downloads().Wait(1), kHeldAfter * kPieceLength);
  backend_.Release();
  EXPECT_EQ(RangeOf(watcher->WaitForComplete()).states(), States());
  EXPECT_EQ(watcher->closed.size(), 0u);
  other_->node().ExpectStored(blob_);
  EXPECT_EQ(backend_.downloads().size(), 2u);
}

}  // namespace
}  // namespace kraken::origin
