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
  void OnStat(kraken::rpc::v1::StatRequest,
              std::function<void(absl::StatusOr<kraken::rpc::v1::StatReply>)> reply) override {
    reply(absl::UnimplementedError("not in this test"));
  }
  void OnMetainfoStreamClosed(const std::shared_ptr<kraken::rpc::MetainfoOutlet>&) override {}
  void OnProgressStreamClosed(const std::shared_ptr<kraken::rpc::ProgressOutlet>&) override {}

  void set_answer(absl::Status answer) {
    absl::MutexLock lock(&mu_);
    answer_ = std::move(answer);
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
  absl::btree_set<std::string> asked_ ABSL_GUARDED_BY(mu_);
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
    return prefetch.Run({.harbor = "eu",
                         .repository = repository_,
                         .reference = kraken::Reference(*kraken::Tag::Parse(reference))},
                        cancellation_);
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

TEST_F(ImagePrefetchTest, ATagThatIsGoneIsNotFound) {
  EXPECT_THAT(Run("nothing"), kraken::StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace harbor_bridge
