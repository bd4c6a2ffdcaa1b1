#include "harbor_bridge/work/image_work.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

ImageWork Work(const std::string& reference) {
  return {.harbor = "eu",
          .repository = *kraken::RepositoryName::Parse("library/debian"),
          .reference = *kraken::Reference::Parse(reference)};
}

TEST(ImageWorkTest, SameImageSameKey) {
  EXPECT_EQ(Work("latest").Key(), "eu/library/debian:latest");
  const std::string digest =
      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  EXPECT_EQ(Work(digest).Key(), "eu/library/debian@" + digest);
}

// A preheat of one platform must not take the place of an event, which may ask for more.
TEST(ImageWorkTest, APreheatIsWorkOfItsOwn) {
  ImageWork preheat = Work("latest");
  preheat.preheat = true;
  EXPECT_EQ(preheat.Key(), "eu/library/debian:latest (preheat)");
  preheat.platforms = {{.os = "linux", .architecture = "arm64"},
                       {.os = "linux", .architecture = "arm", .variant = "v7"}};
  EXPECT_EQ(preheat.Key(), "eu/library/debian:latest (preheat linux/arm64 linux/arm/v7)");
  preheat.platforms.clear();
  preheat.agents = *AgentSelector::Parse("share=10%,zone=a");
  EXPECT_EQ(preheat.Key(), "eu/library/debian:latest (preheat for zone=a,share=10%)");
}

TEST(ImageWorkTest, SurvivesAsAJob) {
  ImageWork work = Work("latest");
  work.preheat = true;
  work.platforms = {{.os = "linux", .architecture = "arm64"}};
  work.agents = *AgentSelector::Parse("label.disk=ssd");
  work.told = *kraken::Digest::Parse(absl::StrCat("sha256:", std::string(64, 'a')));
  const kraken::storage::NewJob job = work.ToJob(kPreheatPriority);
  EXPECT_EQ(job.kind, "image/eu");
  EXPECT_EQ(HarborOfLane(job.kind), "eu");
  EXPECT_EQ(HarborOfLane("other"), "");
  ASSERT_OK_AND_ASSIGN(const ImageWork read, ImageWork::Decode(job.payload));
  EXPECT_EQ(read.Key(), job.key);
  EXPECT_TRUE(read.preheat);
  EXPECT_EQ(read.platforms, work.platforms);
  EXPECT_EQ(read.agents, work.agents);
  EXPECT_EQ(read.told, work.told);
  EXPECT_FALSE(ImageWork::Decode(Work("latest").Encode())->agents.has_value());
  EXPECT_FALSE(ImageWork::Decode(Work("latest").Encode())->preheat);
}

}  // namespace
}  // namespace harbor_bridge
