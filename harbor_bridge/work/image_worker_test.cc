// What becomes of images that Harbor has, and of those that it does not have any more.
#include "harbor_bridge/work/image_worker.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/bridge_fixture.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/rpc/write_epoch.h"

namespace harbor_bridge {
namespace {

using kraken::Digest;
using kraken::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Digest DigestOf(absl::string_view body) {
  kraken::Sha256 hash;
  hash.Update(body);
  return hash.Finish();
}

std::string IndexOf(const Digest& child) {
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kIndexType,
                      R"(","manifests":[{"mediaType":")", kManifestType, R"(","digest":")",
                      child.ToString(), R"(","size":2}]})");
}

std::string ManifestNamed(const std::string& name) {
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kManifestType,
                      R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json",)",
                      R"("digest":")", DigestOf(name).ToString(), R"(","size":2},"layers":[]})");
}

class ImageWorkerTest : public BridgeFixture {
 protected:
  absl::Status Look(std::optional<kraken::Reference> reference, bool expected, int attempts = 1) {
    const Routes routes({}, {});
    const ImagePrefetch prefetch(harbors_.get(), &routes, {Target()});
    const ImageInvalidation invalidation(harbors_.get(), writer_.get(), agents_.get());
    const ImageWorker worker(&prefetch, &invalidation);
    const ImageWork work = {.harbor = "eu",
                            .repository = repository_,
                            .reference = std::move(reference),
                            .expected = expected,
                            .told = told_};
    kraken::storage::Job job;
    job.key = work.Key();
    job.payload = work.Encode();
    job.attempts = attempts;
    JobBoard board;
    JobBoard::Entry entry(&board, job.key, work.harbor);
    return worker.Run(job, entry, cancellation_).status();
  }
  // What events say that pushes have made of tags.
  std::optional<Digest> told_;

  kraken::Reference Tag(const std::string& tag) { return *kraken::Tag::Parse(tag); }
  // A manifest that origins have, and Harbor does not.
  Digest LeaveBehind(const std::string& body) {
    origin_.PutManifest(DigestOf(body).ToString(), body);
    return DigestOf(body);
  }
};

TEST_F(ImageWorkerTest, AllThatIsWrittenCarriesTheLeasesEpoch) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  leave_.Hold("eu", 9);
  EXPECT_OK(Look(Tag("latest"), /*expected=*/true));
  AnswerDropsWith({LeaveBehind(ManifestNamed("gone"))});
  EXPECT_OK(Look(Tag("gone"), /*expected=*/false));
  EXPECT_GT(origin_.evictions_asked(), 0);
  EXPECT_THAT(origin_.epochs(), ElementsAre(9u));
  EXPECT_THAT(build_index_epochs(), ElementsAre(9u));
}

TEST_F(ImageWorkerTest, WithoutTheLeaseNothingIsWritten) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  leave_.Lose();
  EXPECT_THAT(Look(Tag("latest"), /*expected=*/true), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Look(Tag("gone"), /*expected=*/false), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(origin_.asked(), IsEmpty());
  EXPECT_THAT(build_index_epochs(), IsEmpty());
}

TEST_F(ImageWorkerTest, WhatIsRefusedAsTooOldIsNoFaultOfTheJobs) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  leave_.Hold("eu", 8);
  RefuseWrites(kraken::rpc::StaleEpochError(8, "eu", 9, "wait"));
  EXPECT_THAT(Look(Tag("latest"), /*expected=*/true),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("epoch 9")));
  RefuseWrites(absl::OkStatus());
  origin_.set_answer(kraken::rpc::StaleEpochError(8, "eu", 9, "wait"));
  EXPECT_THAT(Look(Tag("latest"), /*expected=*/true),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("epoch 9")));
}

TEST_F(ImageWorkerTest, WhatIsThereIsWarmedWhateverTheEventSaid) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  EXPECT_OK(Look(Tag("latest"), /*expected=*/false));
  EXPECT_EQ(origin_.asked(), blobs);
  EXPECT_THAT(dropped(), IsEmpty());
}

TEST_F(ImageWorkerTest, ATagThatIsGoneIsDroppedWithItsManifest) {
  const Digest left = LeaveBehind(ManifestNamed("left"));
  AnswerDropsWith({left});
  EXPECT_OK(Look(Tag("gone"), /*expected=*/false));
  EXPECT_THAT(dropped(), ElementsAre("library/debian gone"));
  EXPECT_FALSE(origin_.HasManifest(left.ToString()));
  EXPECT_EQ(origin_.evictions_asked(), 2) << "and once more: nobody has it now";
}

// Also those that origins do not have any more: agents may.
TEST_F(ImageWorkerTest, AgentsAreToldWhatIsGone) {
  const Digest left = LeaveBehind(ManifestNamed("left"));
  const Digest forgotten = DigestOf("evicted at the origins");
  AnswerDropsWith({left, forgotten});
  EXPECT_OK(Look(Tag("gone"), /*expected=*/false));
  const kraken::rpc::v1::OrderRequest order = tracker_.orders().Wait(0);
  std::vector<std::string> told(order.order().drop().digests().begin(),
                                order.order().drop().digests().end());
  EXPECT_THAT(told, testing::UnorderedElementsAre(kraken::rpc::ToBytes(left),
                                                  kraken::rpc::ToBytes(forgotten)));
  EXPECT_EQ(order.agents().ByteSizeLong(), 0u) << "all agents";
}

TEST_F(ImageWorkerTest, AgentsAreToldThoughAnOriginIsDown) {
  const Digest left = LeaveBehind(ManifestNamed("left"));
  origin_process_.Stop();
  EXPECT_THAT(Look(kraken::Reference(left), /*expected=*/false),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(tracker_.orders().Wait(0).order().drop().digests_size(), 1);
}

TEST_F(ImageWorkerTest, AManifestThatHasAnotherTagStays) {
  absl::btree_set<std::string> blobs;
  PushImage("kept", "layer", &blobs);
  auto manifest = harbors_->first().client->HeadManifest(repository_, Tag("kept"), cancellation_);
  ASSERT_OK(manifest);
  origin_.PutManifest(manifest->digest.ToString(), ManifestNamed("kept"));
  AnswerDropsWith({manifest->digest});
  EXPECT_OK(Look(Tag("gone"), /*expected=*/false));
  EXPECT_TRUE(origin_.HasManifest(manifest->digest.ToString()));
  EXPECT_EQ(origin_.evictions_asked(), 0);
  EXPECT_EQ(tracker_.orders().size(), 0u);
}

TEST_F(ImageWorkerTest, AnIndexThatIsGoneTakesItsManifestsAlong) {
  const Digest child = LeaveBehind(ManifestNamed("child"));
  const Digest index = LeaveBehind(IndexOf(child));
  EXPECT_OK(Look(kraken::Reference(index), /*expected=*/false));
  EXPECT_THAT(dropped(), ElementsAre(absl::StrCat("library/debian @", index.ToString())));
  EXPECT_FALSE(origin_.HasManifest(index.ToString()));
  EXPECT_FALSE(origin_.HasManifest(child.ToString()));
}

TEST_F(ImageWorkerTest, ARepositoryKeepsTheTagsThatHarborHas) {
  absl::btree_set<std::string> blobs;
  PushImage("a", "layer", &blobs);
  PushImage("b", "layer", &blobs);
  const Digest left = LeaveBehind(ManifestNamed("left"));
  AnswerDropsWith({left});
  EXPECT_OK(Look(std::nullopt, /*expected=*/false));
  EXPECT_THAT(dropped(), ElementsAre("library/debian -a,b"));
  EXPECT_FALSE(origin_.HasManifest(left.ToString()));
}

TEST_F(ImageWorkerTest, ARepositoryThatIsGoneKeepsNothing) {
  EXPECT_OK(Look(std::nullopt, /*expected=*/false));
  EXPECT_THAT(dropped(), ElementsAre("library/debian -"));
}

// A registry may tell of a manifest before it can be read.
TEST_F(ImageWorkerTest, WhatShouldBeThereIsLookedForAWhile) {
  EXPECT_THAT(Look(Tag("soon"), /*expected=*/true),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("eu/library/debian:soon")));
  EXPECT_THAT(dropped(), IsEmpty()) << "who pulls it meanwhile must not be told that it is gone";
  EXPECT_OK(Look(Tag("soon"), /*expected=*/true, kAttemptsForExpected));
}

// It is told of a push before the tag moves: the tag is asked for again. But not for ever: the
// event may be older than what is there.
TEST_F(ImageWorkerTest, WhatAPushMadeOfATagIsWaitedForAMoment) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "what was there before", &blobs);
  told_ = DigestOf("what no push will bring");
  const absl::Time begin = absl::Now();
  EXPECT_OK(Look(Tag("latest"), /*expected=*/true));
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(200));
  EXPECT_EQ(origin_.asked(), blobs) << "what is there counts";
}

TEST_F(ImageWorkerTest, NothingIsDroppedWhileHarborDoesNotAnswer) {
  registry_->Kill();
  EXPECT_THAT(Look(Tag("latest"), /*expected=*/false), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Look(std::nullopt, /*expected=*/false), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(dropped(), IsEmpty());
  EXPECT_EQ(origin_.evictions_asked(), 0);
}

}  // namespace
}  // namespace harbor_bridge
