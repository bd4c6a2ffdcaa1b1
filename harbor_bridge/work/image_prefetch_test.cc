// A real registry, and origins that only note what they are asked for.
#include "harbor_bridge/work/image_prefetch.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/random.h"
#include "kraken/base/test_util.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/loop_thread.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using kraken::Digest;
using kraken::RepositoryName;
using kraken::registry::Cancellation;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kIndexType[] = "application/vnd.oci.image.index.v1+json";

class NotingOrigin : public kraken::rpc::OriginHandler {
 public:
  void OnPrefetch(kraken::rpc::v1::PrefetchRequest request,
                  std::shared_ptr<kraken::rpc::ProgressOutlet> outlet) override {
    absl::MutexLock lock(&mu_);
    asked_.insert(kraken::rpc::DigestFromBytes(request.digest())->ToString());
    namespaces_.insert(request.namespace_());
    outlet->Finish(answer_);
  }
  void OnWatchMetainfo(kraken::rpc::v1::WatchMetainfoRequest,
                       std::shared_ptr<kraken::rpc::MetainfoOutlet> outlet) override {
    outlet->Finish(absl::UnimplementedError("not in this test"));
  }
  void OnStat(kraken::rpc::v1::StatRequest request,
              std::function<void(absl::StatusOr<kraken::rpc::v1::StatReply>)> reply) override {
    absl::MutexLock lock(&mu_);
    EXPECT_TRUE(request.local());
    const std::string digest = kraken::rpc::DigestFromBytes(request.digest())->ToString();
    if (!asked_.contains(digest) || digest == lost_) return reply(absl::NotFoundError("not here"));
    looked_for_.insert(digest);
    kraken::rpc::v1::StatReply stat;
    stat.set_cached(true);
    reply(stat);
  }
  void OnMetainfoStreamClosed(const std::shared_ptr<kraken::rpc::MetainfoOutlet>&) override {}
  void OnProgressStreamClosed(const std::shared_ptr<kraken::rpc::ProgressOutlet>&) override {}

  void set_answer(absl::Status answer) {
    absl::MutexLock lock(&mu_);
    answer_ = std::move(answer);
  }
  // It has this one no more, whoever asked for it.
  void Lose(const std::string& digest) {
    absl::MutexLock lock(&mu_);
    lost_ = digest;
  }
  absl::btree_set<std::string> looked_for() {
    absl::MutexLock lock(&mu_);
    return looked_for_;
  }
  absl::btree_set<std::string> asked() {
    absl::MutexLock lock(&mu_);
    return asked_;
  }
  absl::btree_set<std::string> namespaces() {
    absl::MutexLock lock(&mu_);
    return namespaces_;
  }

 private:
  absl::Mutex mu_;
  absl::Status answer_ ABSL_GUARDED_BY(mu_);
  std::string lost_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::string> asked_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::string> looked_for_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::string> namespaces_ ABSL_GUARDED_BY(mu_);
};

struct PutTagCall {
  std::string name;
  std::string digest;
};

class ImagePrefetchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry =
        kraken::registry::testing::DockerRegistry::Start({.directory = kraken::MakeTestDir()});
    ASSERT_OK(registry);
    registry_ = *std::move(registry);
    pusher_ = std::make_unique<kraken::registry::testing::RegistryPusher>(&http_, registry_->url());

    loop_.RunAndWait([&] {
      directory_ = std::make_unique<kraken::rpc::ChannelDirectory>(
          &loop_.loop(), kraken::rpc::ChannelDirectoryOptions());
      client_ = std::make_unique<kraken::rpc::OriginClient>(&loop_.loop(), directory_.get());
      kraken::cluster::ClusterMonitorOptions members;
      members.hosts.static_hosts = {origin_process_.address()};
      members.health.disabled = true;
      auto monitor = kraken::cluster::ClusterMonitor::Create(&loop_.loop(), std::move(members));
      ASSERT_OK(monitor);
      cluster_ = *std::move(monitor);
    });
    prefetcher_ = std::make_unique<OriginPrefetcher>(&loop_.loop(), cluster_.get(), client_.get());

    std::vector<Harbor> harbors(1);
    harbors[0].name = "eu";
    harbors[0].plain = std::make_shared<const re2::RE2>("^library/.*");
    harbors[0].host = "eu.example";
    harbors[0].client = std::make_shared<kraken::registry::RegistryClient>(
        kraken::registry::RegistryClientOptions{.registry = registry_->url()}, &http_,
        &kraken::SystemClock::Get(), &bits_);
    harbors_ = std::make_unique<Harbors>(std::move(harbors));
  }
  void TearDown() override {
    loop_.RunAndWait([this] {
      cluster_.reset();
      client_.reset();
      directory_.reset();
    });
  }

  // Pushes an image of one layer; its manifest's descriptor.
  std::string PushImage(const std::string& tag, const std::string& content,
                        absl::btree_set<std::string>* blobs) {
    const std::string config =
        absl::StrCat(R"({"architecture":"amd64","os":"linux","a":")", content, R"("})");
    std::string digests[2];
    for (int i = 0; i < 2; ++i) {
      auto pushed = pusher_->PushBlob(repository_, i == 0 ? config : content);
      EXPECT_OK(pushed);
      digests[i] = pushed->ToString();
      blobs->insert(digests[i]);
    }
    const std::string manifest = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", kManifestType,
        R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")",
        digests[0], R"(","size":)", config.size(),
        R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")",
        digests[1], R"(","size":)", content.size(), "}]}");
    auto pushed = pusher_->PushManifest(repository_, tag, kManifestType, manifest);
    EXPECT_OK(pushed);
    blobs->insert(pushed->ToString());
    return absl::StrCat(R"("mediaType":")", kManifestType, R"(","digest":")", pushed->ToString(),
                        R"(","size":)", manifest.size());
  }
  absl::StatusOr<std::string> Run(const std::string& reference,
                                  std::vector<kraken::registry::Platform> platforms = {},
                                  std::vector<RouteRule> rules = {}, bool preheat = false) {
    const auto put_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag,
                                const Digest& digest, uint64_t) {
      tags_.push_back({absl::StrCat(ns.ToString(), ":", tag.ToString()), digest.ToString()});
      return put_tag_answer_;
    };
    const Routes routes(std::move(rules),
                        preheat ? std::vector<kraken::registry::Platform>() : platforms);
    // The same origin in the part of another cluster: the namespaces tell who asked.
    const ImagePrefetch prefetch(harbors_.get(), &routes,
                                 {{.name = "", .origins = prefetcher_.get(), .put_tag = put_tag},
                                  {.name = "us",
                                   .origins = prefetcher_.get(),
                                   .put_tag = put_tag,
                                   .names_with_host = true}});
    const ImageWork work = {
        .harbor = "eu",
        .repository = repository_,
        .reference = kraken::Reference(*kraken::Tag::Parse(reference)),
        .preheat = preheat,
        .platforms = preheat ? platforms : std::vector<kraken::registry::Platform>()};
    JobBoard::Entry entry(&board_, work.Key(), work.harbor);
    return prefetch.Run(work, entry, cancellation_);
  }
  static RouteRule RuleFor(const std::string& image, RouteActions actions) {
    RouteRule rule;
    rule.name = "rule";
    rule.image = std::make_shared<const re2::RE2>(image);
    rule.actions = std::move(actions);
    return rule;
  }

  RepositoryName repository_ = *RepositoryName::Parse("library/debian");
  kraken::SystemBitGen bits_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  std::unique_ptr<kraken::registry::testing::DockerRegistry> registry_;
  std::unique_ptr<kraken::registry::testing::RegistryPusher> pusher_;

  kraken::net::LoopThread origin_loop_{"origin"};
  NotingOrigin origin_;
  kraken::rpc::OriginService service_{origin_loop_.loop().handle(), &origin_};
  kraken::rpc::TestProcess origin_process_{origin_loop_, {&service_}};

  kraken::net::LoopThread loop_{"control"};
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::OriginClient> client_;
  std::unique_ptr<kraken::cluster::ClusterMonitor> cluster_;
  std::unique_ptr<OriginPrefetcher> prefetcher_;
  std::unique_ptr<Harbors> harbors_;
  absl::Status put_tag_answer_;
  std::vector<PutTagCall> tags_;
  Cancellation cancellation_;
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

TEST_F(ImagePrefetchTest, OneActionWithoutTheOther) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  ASSERT_OK(Run("latest", {}, {RuleFor(".*", {.tag = TagAction::kSet})}));
  EXPECT_THAT(origin_.asked(), testing::IsEmpty());
  EXPECT_EQ(tags_.size(), 1u);
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

TEST_F(ImagePrefetchTest, ATagThatIsGoneIsNotFound) {
  EXPECT_THAT(Run("nothing"), kraken::StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace harbor_bridge
