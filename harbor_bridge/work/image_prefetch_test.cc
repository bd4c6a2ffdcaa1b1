// A real registry, and origins that only note what they are asked for.
#include "harbor_bridge/work/image_prefetch.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/bridge_fixture.h"
#include "harbor_bridge/work/job_board.h"
#include "kraken/base/test_util.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using kraken::Digest;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

struct PutTagCall {
  std::string name;
  std::string digest;
};

class ImagePrefetchTest : public BridgeFixture {
 protected:
  absl::StatusOr<std::string> Run(const std::string& reference,
                                  std::vector<kraken::registry::Platform> platforms = {},
                                  std::vector<RouteRule> rules = {}, bool preheat = false,
                                  std::optional<AgentSelector> agents = std::nullopt) {
    const auto put_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag,
                                const Digest& digest, uint64_t) {
      tags_.push_back({absl::StrCat(ns.ToString(), ":", tag.ToString()), digest.ToString()});
      return put_tag_answer_;
    };
    const auto drop_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag, uint64_t) {
      dropped_tags_.push_back(absl::StrCat(ns.ToString(), ":", tag.ToString()));
      return absl::OkStatus();
    };
    const Routes routes(std::move(rules),
                        preheat ? std::vector<kraken::registry::Platform>() : platforms);
    // The same origin in the part of another cluster: the namespaces tell who asked.
    const ImagePrefetch prefetch(harbors_.get(), &routes,
                                 {{.name = "",
                                   .origins = prefetcher_.get(),
                                   .agents = has_trackers_ ? agents_.get() : nullptr,
                                   .put_tag = put_tag,
                                   .drop_tag = drop_tag},
                                  {.name = "us",
                                   .origins = prefetcher_.get(),
                                   .put_tag = put_tag,
                                   .drop_tag = drop_tag,
                                   .names_with_host = true}});
    const ImageWork work = {
        .harbor = "eu",
        .repository = repository_,
        .reference = kraken::Reference(*kraken::Tag::Parse(reference)),
        .preheat = preheat,
        .platforms = preheat ? platforms : std::vector<kraken::registry::Platform>(),
        .agents = std::move(agents)};
    JobBoard::Entry entry(&board_, work.Key(), work.harbor);
    absl::StatusOr<ImageFinding> finding = prefetch.Run(work, entry, cancellation_);
    if (!finding.ok()) return finding.status();
    exists_ = finding->exists;
    return finding->result;
  }
  static RouteRule RuleFor(const std::string& image, RouteActions actions) {
    RouteRule rule;
    rule.name = "rule";
    rule.image = std::make_shared<const re2::RE2>(image);
    rule.actions = std::move(actions);
    return rule;
  }

  absl::Status put_tag_answer_;
  std::vector<PutTagCall> tags_;
  std::vector<std::string> dropped_tags_;
  bool exists_ = true;
  bool has_trackers_ = true;
  JobBoard board_;
};

TEST_F(ImagePrefetchTest, AsksForEveryBlobAndTellsTheTag) {
  absl::btree_set<std::string> blobs;
  const std::string descriptor = PushImage("latest", "layer", &blobs);
  ASSERT_OK(Run("latest"));
  EXPECT_EQ(origin_.asked(), blobs);
  EXPECT_EQ(blobs.size(), 3u);
  EXPECT_THAT(origin_.namespaces(), UnorderedElementsAre("library/debian"));
  ASSERT_EQ(tags_.size(), 1u);
  EXPECT_EQ(tags_[0].name, "library/debian:latest");
  EXPECT_THAT(descriptor, HasSubstr(tags_[0].digest));
  // Each was looked for at the end.
  EXPECT_EQ(origin_.looked_for(), blobs);
  const JobProgress progress = board_.Recent()[0].progress;
  EXPECT_EQ(progress.blobs_done, 3);
  EXPECT_EQ(progress.blobs_total, 3);
  EXPECT_EQ(progress.bytes_done, progress.bytes_total);
  EXPECT_GT(progress.bytes_total, 0);
}

// An image that is larger than an origin's disk pushes its own first blobs out.
TEST_F(ImagePrefetchTest, ABlobThatWasEvictedMeanwhileIsNoSuccess) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  origin_.Lose(*blobs.begin());
  EXPECT_THAT(Run("latest"),
              kraken::StatusIs(absl::StatusCode::kUnavailable,
                               testing::AllOf(HasSubstr(*blobs.begin()), HasSubstr("no longer"),
                                              HasSubstr(origin_process_.address()))));
}

TEST_F(ImagePrefetchTest, WhatARouteIgnoresIsLeftAlone) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  EXPECT_THAT(Run("latest", {}, {RuleFor("^library/", {.ignore = true})}),
              kraken::IsOkAndHolds(HasSubstr("ignored (rule: ^library/ matches")));
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
  EXPECT_THAT(tags_, testing::IsEmpty());
  // But somebody may ask for just this.
  ASSERT_OK(Run("latest", {}, {RuleFor("^library/", {.ignore = true})}, /*preheat=*/true));
  EXPECT_EQ(origin_.asked(), blobs);
  EXPECT_EQ(tags_.size(), 1u);
}

// What the tracker is told to have agents fetch.
absl::btree_set<std::string> BlobsOf(const kraken::rpc::v1::OrderRequest& request) {
  absl::btree_set<std::string> blobs;
  for (const kraken::rpc::v1::BlobToFetch& blob : request.order().fetch().blobs()) {
    blobs.insert(kraken::rpc::DigestFromBytes(blob.digest())->ToString());
  }
  return blobs;
}

TEST_F(ImagePrefetchTest, ARoutePreheatsAgentsAfterTheOrigins) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  RouteActions actions;
  actions.preheat = *AgentSelector::Parse("zone=a,share=50%");
  EXPECT_THAT(Run("latest", {}, {RuleFor("^library/", actions)}),
              kraken::IsOkAndHolds(HasSubstr("on 1 agents (zone=a,share=50%)")));
  EXPECT_EQ(origin_.looked_for(), blobs) << "the origins have it";
  const kraken::rpc::v1::OrderRequest order = tracker_.orders().Wait(0);
  EXPECT_EQ(BlobsOf(order), blobs);
  EXPECT_EQ(order.order().fetch().namespace_(), "library/debian");
  EXPECT_EQ(order.agents().zones(0), "a");
  EXPECT_EQ(order.agents().share_per_10000(), 5'000u);
  const JobProgress progress = board_.Recent()[0].progress;
  EXPECT_EQ(progress.agents_asked, 1);
  EXPECT_EQ(progress.agents_done, 1);
  EXPECT_EQ(progress.blobs_total, 3);
}

TEST_F(ImagePrefetchTest, WhoAsksForAgentsIsToldWhatTheyLack) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  const AgentSelector agents = *AgentSelector::Parse("zone=a");
  EXPECT_THAT(Run("latest", {}, {}, /*preheat=*/true, agents),
              kraken::IsOkAndHolds(HasSubstr("on 1 agents (zone=a)")));
  ASSERT_OK(Run("latest", {}, {}, /*preheat=*/true));
  EXPECT_EQ(tracker_.orders().size(), 1u) << "none were asked for";
  tracker_.set_answer(
      [](const kraken::rpc::v1::OrderRequest&, const NotingTracker::Outlet& outlet) {
        outlet->Write(ReportOf(7, kraken::rpc::v1::ORDER_STATE_FAILED, 0, "disk full"));
        outlet->Finish(absl::OkStatus());
      });
  EXPECT_THAT(Run("latest", {}, {}, /*preheat=*/true, agents),
              kraken::StatusIs(absl::StatusCode::kUnavailable, HasSubstr("10.0.0.7: disk full")));
  tracker_.set_answer(
      [](const kraken::rpc::v1::OrderRequest&, const NotingTracker::Outlet& outlet) {
        outlet->Finish(absl::OkStatus());
      });
  EXPECT_THAT(Run("latest", {}, {}, /*preheat=*/true, agents),
              kraken::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("zone=a")));
  // A route speaks of agents that there may be.
  RouteActions actions;
  actions.preheat = agents;
  EXPECT_THAT(Run("latest", {}, {RuleFor("^library/", actions)}),
              kraken::IsOkAndHolds(HasSubstr("no agent is zone=a")));
  has_trackers_ = false;
  EXPECT_THAT(Run("latest", {}, {}, /*preheat=*/true, agents),
              kraken::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("tracker.hosts")));
}

TEST_F(ImagePrefetchTest, OneActionWithoutTheOther) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  ASSERT_OK(Run("latest", {}, {RuleFor(".*", {.tag = TagAction::kSet})}));
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
  EXPECT_EQ(tags_.size(), 1u);
  ASSERT_OK(Run("latest", {}, {RuleFor(".*", {.tag = TagAction::kDrop})}));
  EXPECT_THAT(dropped_tags_, UnorderedElementsAre("library/debian:latest"));
  ASSERT_OK(Run("latest", {}, {RuleFor(".*", {.prefetch = PrefetchAction()})}));
  EXPECT_EQ(origin_.asked(), blobs);
  EXPECT_EQ(tags_.size(), 1u);
}

TEST_F(ImagePrefetchTest, SizesAreLimited) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", std::string(5000, 'x'), &blobs);
  PrefetchAction action;
  action.max_image_bytes = 5000;
  EXPECT_THAT(Run("latest", {}, {RuleFor(".*", {.prefetch = action})}),
              kraken::IsOkAndHolds(HasSubstr("not prefetched")));
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
  action.max_image_bytes = 0;
  action.max_blob_bytes = 4999;
  EXPECT_THAT(Run("latest", {}, {RuleFor(".*", {.prefetch = action})}),
              kraken::IsOkAndHolds(HasSubstr("1 layers of 5000 bytes left out")));
  EXPECT_EQ(origin_.asked().size(), 2u);
}

TEST_F(ImagePrefetchTest, ReferrersComeAlongIfAskedFor) {
  absl::btree_set<std::string> image;
  absl::btree_set<std::string> signature;
  PushImage("latest", "layer", &image);
  const std::string descriptor = PushImage("", "signature", &signature);
  // This registry has no referrers API: clients keep the list under a tag.
  std::string subject;
  ASSERT_OK(Run("latest", {}, {RuleFor(".*", {.tag = TagAction::kSet})}));
  subject = tags_[0].digest;
  ASSERT_OK(pusher_->PushManifest(repository_, absl::StrCat("sha256-", subject.substr(7)),
                                  kIndexType,
                                  absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kIndexType,
                                               R"(","manifests":[{)", descriptor, "}]}")));
  ASSERT_OK(Run("latest", {}, {RuleFor(".*", {.prefetch = PrefetchAction()})}));
  EXPECT_EQ(origin_.asked(), image);
  PrefetchAction action;
  action.referrers = true;
  EXPECT_THAT(Run("latest", {}, {RuleFor(".*", {.prefetch = action})}),
              kraken::IsOkAndHolds(HasSubstr("1 referrers")));
  image.insert(signature.begin(), signature.end());
  EXPECT_EQ(origin_.asked(), image);
}

TEST_F(ImagePrefetchTest, AnotherClusterKnowsTheImageWithItsHost) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  EXPECT_THAT(Run("latest", {}, {RuleFor("^eu.example/", {.replicate = {"us"}})}),
              kraken::IsOkAndHolds(HasSubstr("replicated to us")));
  EXPECT_EQ(origin_.asked(), blobs);
  EXPECT_THAT(origin_.namespaces(), UnorderedElementsAre("eu.example/library/debian"));
  ASSERT_EQ(tags_.size(), 1u);
  EXPECT_EQ(tags_[0].name, "eu.example/library/debian:latest");
  EXPECT_THAT(Run("latest", {}, {RuleFor(".*", {.replicate = {"asia"}})}),
              kraken::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("asia")));
}

TEST_F(ImagePrefetchTest, FollowsAnIndexToTheWantedPlatforms) {
  absl::btree_set<std::string> amd64;
  absl::btree_set<std::string> arm64;
  const std::string one = PushImage("", "for amd64", &amd64);
  const std::string other = PushImage("", "for arm64", &arm64);
  auto index = pusher_->PushManifest(
      repository_, "multi", kIndexType,
      absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kIndexType, R"(","manifests":[{)", one,
                   R"(,"platform":{"os":"linux","architecture":"amd64"}},{)", other,
                   R"(,"platform":{"os":"linux","architecture":"arm64"}}]})"));
  ASSERT_OK(index);
  ASSERT_OK(Run("multi", {{.os = "linux", .architecture = "arm64"}}));
  arm64.insert(index->ToString());
  EXPECT_EQ(origin_.asked(), arm64);
  ASSERT_OK(Run("multi"));
  arm64.insert(amd64.begin(), amd64.end());
  EXPECT_EQ(origin_.asked(), arm64);
}

TEST_F(ImagePrefetchTest, AnOriginsErrorIsTheJobsAndNamesTheBlob) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  origin_.set_answer(absl::ResourceExhaustedError("no space"));
  EXPECT_THAT(Run("latest"), kraken::StatusIs(absl::StatusCode::kResourceExhausted,
                                              testing::AllOf(HasSubstr("prefetch sha256:"),
                                                             HasSubstr("no space"))));
}

TEST_F(ImagePrefetchTest, NothingIsPrefetchedForATagThatCannotBeTold) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  put_tag_answer_ = absl::UnavailableError("no build-index answers");
  EXPECT_THAT(Run("latest"), kraken::StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
}

TEST_F(ImagePrefetchTest, ATagThatIsGoneIsAFinding) {
  EXPECT_OK(Run("nothing"));
  EXPECT_FALSE(exists_);
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
}

}  // namespace
}  // namespace harbor_bridge
