// A real registry, and origins that only note what they are asked for.
#include "harbor_bridge/work/image_prefetch.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/bridge_fixture.h"
#include "kraken/base/test_util.h"

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
  absl::Status Run(const std::string& reference,
                   std::vector<kraken::registry::Platform> platforms = {}) {
    ImagePrefetch prefetch(
        harbors_.get(), prefetcher_.get(),
        [this](const kraken::Namespace& ns, const kraken::Tag& tag, const Digest& digest,
               uint64_t) {
          tags_.push_back({absl::StrCat(ns.ToString(), ":", tag.ToString()), digest.ToString()});
          return put_tag_answer_;
        },
        std::move(platforms));
    const absl::StatusOr<ImageFinding> finding =
        prefetch.Run({.harbor = "eu",
                      .repository = repository_,
                      .reference = kraken::Reference(*kraken::Tag::Parse(reference))},
                     cancellation_);
    if (finding.ok()) exists_ = finding->exists;
    return finding.status();
  }

  absl::Status put_tag_answer_;
  std::vector<PutTagCall> tags_;
  bool exists_ = true;
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

TEST_F(ImagePrefetchTest, SaysThatATagIsGone) {
  ASSERT_OK(Run("nothing"));
  EXPECT_FALSE(exists_);
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
  EXPECT_THAT(tags_, testing::IsEmpty());
}

}  // namespace
}  // namespace harbor_bridge
