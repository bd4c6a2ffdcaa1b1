#include "harbor_bridge/reconcile/registry_walk.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/reconcile/recording_sink.h"
#include "kraken/base/clock.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/registry/testing/docker_registry.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using kraken::registry::testing::DockerRegistry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

class RegistryWalkTest : public ::testing::Test {
 protected:
  RegistryWalkTest() {
    auto registry = DockerRegistry::Start({.directory = kraken::MakeTestDir()});
    EXPECT_OK(registry);
    registry_ = *std::move(registry);
    auto store = ReconcileStore::Open(kraken::MakeTestDir() + "/reconcile.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
    Harbor harbor;
    harbor.name = "eu";
    harbor.plain = std::make_shared<const re2::RE2>(".*");
    harbor.client = std::make_shared<kraken::registry::RegistryClient>(
        kraken::registry::RegistryClientOptions{.registry = registry_->url()}, &http_,
        &kraken::SystemClock::Get(), &bits_);
    harbors_ = std::make_unique<Harbors>(std::vector<Harbor>{harbor});
  }

  // A manifest whose config is `content`.
  kraken::Digest Push(const std::string& repository, const std::string& tag,
                      const std::string& content) {
    const auto name = *kraken::RepositoryName::Parse(repository);
    const auto blob = pusher().PushBlob(name, content);
    EXPECT_OK(blob);
    const std::string body = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", kManifestType,
        R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")",
        blob->ToString(), R"(","size":)", content.size(), R"(},"layers":[]})");
    const auto manifest = pusher().PushManifest(name, tag, kManifestType, body);
    EXPECT_OK(manifest);
    return *manifest;
  }
  kraken::registry::testing::RegistryPusher pusher() { return {&http_, registry_->url()}; }

  void Delete(const std::string& repository, const kraken::Digest& digest) {
    kraken::net::HttpClientRequest request;
    request.method = "DELETE";
    request.url = registry_->url();
    request.url.target = absl::StrCat("/v2/", repository, "/manifests/", digest.ToString());
    const auto answer = http_.Fetch(std::move(request));
    ASSERT_OK(answer);
    ASSERT_EQ(answer->status, 202);
  }

  absl::Status Walk() {
    KH_ASSIGN_OR_RETURN(RoundState round, store_->GetRound("eu"));
    ++round.number;
    round.full = true;
    Findings findings(harbors_.get(), &harbors_->first(), store_.get(), &sink_);
    Pacer pacer(0, &clock_, [](absl::Duration) { return absl::OkStatus(); });
    RegistryWalk walk("eu", harbors_->first().client.get(), store_.get(), &findings, &pacer, {});
    KH_RETURN_IF_ERROR(walk.Run(round));
    round.full_ended = clock_.Now();
    return store_->PutRound("eu", round);
  }

  kraken::ManualClock clock_;
  kraken::SystemBitGen bits_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  std::unique_ptr<DockerRegistry> registry_;
  std::unique_ptr<ReconcileStore> store_;
  std::unique_ptr<Harbors> harbors_;
  RecordingSink sink_;
};

TEST_F(RegistryWalkTest, TheFirstRoundLearnsAndTheNextFindWhatIsNewMovedOrGone) {
  Push("team/app", "v1", "one");
  const kraken::Digest two = Push("team/app", "v2", "two");
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
  Push("team/app", "v1", "three");
  Push("team/a/b", "latest", "four");
  Delete("team/app", two);
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), UnorderedElementsAre("eu/team/app:v1", "eu/team/a/b:latest"));
  EXPECT_THAT(sink_.TakeGone(), ElementsAre("eu/team/app:v2"));
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
  EXPECT_THAT(sink_.TakeGone(), IsEmpty());
}

TEST_F(RegistryWalkTest, MoreRepositoriesThanAPageHas) {
  for (int i = 0; i < 105; ++i) Push(absl::StrCat("team/app", i), "v1", "same");
  ASSERT_OK(Walk());
  for (int i = 0; i < 105; ++i) Push(absl::StrCat("team/app", i), "v2", "same");
  ASSERT_OK(Walk());
  EXPECT_EQ(sink_.TakeWork().size(), 105u);
}

TEST_F(RegistryWalkTest, WhatAnEventHasDoneIsNoWork) {
  ASSERT_OK(Walk());
  const kraken::Digest digest = Push("team/app", "v1", "one");
  store_->NoteTag(*kraken::Namespace::Parse("team/app"), *kraken::Tag::Parse("v1"), digest);
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
}

}  // namespace
}  // namespace harbor_bridge
