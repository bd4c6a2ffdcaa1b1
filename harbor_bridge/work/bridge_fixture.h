// For tests: a real registry as a Harbor's, and origins, a build-index and a tracker that only note
// what they are told.
#ifndef HARBOR_BRIDGE_WORK_BRIDGE_FIXTURE_H_
#define HARBOR_BRIDGE_WORK_BRIDGE_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "harbor_bridge/lease/write_leave.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/agent_orders.h"
#include "harbor_bridge/work/cluster_writer.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/noting_tracker.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/base/test_util.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/loop_thread.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/build_index_service.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/tracker_client.h"
#include "kraken/rpc/write_epoch.h"
#include "re2/re2.h"

namespace harbor_bridge {

inline constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kIndexType[] = "application/vnd.oci.image.index.v1+json";

// A lease that is held, or not, as the test says.
class TestLeave final : public WriteLeave {
 public:
  absl::StatusOr<kraken::rpc::v1::WriteEpoch> Epoch() const override {
    absl::MutexLock lock(&mu_);
    if (!held_) return absl::AbortedError("standby");
    return epoch_;
  }
  absl::Status Ended(const absl::Status& answer) override {
    return kraken::rpc::SeenEpoch(answer).has_value() ? absl::AbortedError(answer.message())
                                                      : answer;
  }
  void Hold(const std::string& lease, uint64_t epoch) {
    absl::MutexLock lock(&mu_);
    held_ = true;
    epoch_.set_lease(lease);
    epoch_.set_epoch(epoch);
  }
  void Lose() {
    absl::MutexLock lock(&mu_);
    held_ = false;
  }

 private:
  mutable absl::Mutex mu_;
  bool held_ ABSL_GUARDED_BY(mu_) = true;
  kraken::rpc::v1::WriteEpoch epoch_ ABSL_GUARDED_BY(mu_);
};

class NotingOrigin : public kraken::rpc::OriginHandler {
 public:
  void OnPrefetch(kraken::rpc::v1::PrefetchRequest request,
                  std::shared_ptr<kraken::rpc::ProgressOutlet> outlet) override {
    absl::MutexLock lock(&mu_);
    asked_.insert(kraken::rpc::DigestFromBytes(request.digest())->ToString());
    epochs_.insert(request.write_epoch().epoch());
    namespaces_.insert(request.namespace_());
    if (hold_) {
      held_.push_back(outlet);
    } else {
      outlet->Finish(answer_);
    }
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
  void OnEvictManifest(
      kraken::rpc::v1::EvictManifestRequest request,
      std::function<void(absl::StatusOr<kraken::rpc::v1::EvictManifestReply>)> reply) override {
    const std::string digest = kraken::rpc::DigestFromBytes(request.digest())->ToString();
    kraken::rpc::v1::EvictManifestReply evicted;
    absl::MutexLock lock(&mu_);
    epochs_.insert(request.write_epoch().epoch());
    ++evictions_asked_;
    if (auto it = manifests_.find(digest); it != manifests_.end()) {
      evicted.set_was_here(true);
      evicted.set_manifest(it->second);
      manifests_.erase(it);
    }
    reply(evicted);
  }
  void OnMetainfoStreamClosed(const std::shared_ptr<kraken::rpc::MetainfoOutlet>&) override {}
  void OnProgressStreamClosed(const std::shared_ptr<kraken::rpc::ProgressOutlet>&) override {}

  void set_answer(absl::Status answer) {
    absl::MutexLock lock(&mu_);
    answer_ = std::move(answer);
  }
  // Prefetches stay without an answer.
  void Hold() {
    absl::MutexLock lock(&mu_);
    hold_ = true;
  }
  void WaitUntilHeld() {
    absl::MutexLock lock(&mu_);
    const auto held = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !held_.empty(); };
    mu_.Await(absl::Condition(&held));
  }
  // Answers them.
  void Release() {
    absl::MutexLock lock(&mu_);
    hold_ = false;
    for (const auto& outlet : held_) outlet->Finish(answer_);
    held_.clear();
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
  // Of all orders.
  absl::btree_set<uint64_t> epochs() {
    absl::MutexLock lock(&mu_);
    return epochs_;
  }
  // What it has, for EvictManifest.
  void PutManifest(const std::string& digest, const std::string& body) {
    absl::MutexLock lock(&mu_);
    manifests_[digest] = body;
  }
  bool HasManifest(const std::string& digest) {
    absl::MutexLock lock(&mu_);
    return manifests_.contains(digest);
  }
  int evictions_asked() {
    absl::MutexLock lock(&mu_);
    return evictions_asked_;
  }

 private:
  absl::Mutex mu_;
  absl::Status answer_ ABSL_GUARDED_BY(mu_);
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::shared_ptr<kraken::rpc::ProgressOutlet>> held_ ABSL_GUARDED_BY(mu_);
  std::string lost_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::string> looked_for_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::string> asked_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::string> namespaces_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<uint64_t> epochs_ ABSL_GUARDED_BY(mu_);
  absl::btree_map<std::string, std::string> manifests_ ABSL_GUARDED_BY(mu_);
  int evictions_asked_ ABSL_GUARDED_BY(mu_) = 0;
};

// Harbor "eu", whose repositories library/… have plain names.
class BridgeFixture : public ::testing::Test {
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
      auto build_index = kraken::rpc::BuildIndexClient::Create(
          &loop_.loop(), directory_.get(),
          {.hosts = {.static_hosts = {build_index_process_.address()}}, .health = {}});
      ASSERT_OK(build_index);
      build_index_ = *std::move(build_index);
      kraken::cluster::ClusterMonitorOptions trackers;
      trackers.hosts.static_hosts = {tracker_.address()};
      trackers.health.disabled = true;
      auto tracker_members =
          kraken::cluster::ClusterMonitor::Create(&loop_.loop(), std::move(trackers));
      ASSERT_OK(tracker_members);
      trackers_ = *std::move(tracker_members);
      tracker_client_ =
          std::make_unique<kraken::rpc::TrackerClient>(&loop_.loop(), directory_.get());
    });
    agents_ = std::make_unique<AgentOrders>(&loop_.loop(), trackers_.get(), tracker_client_.get());
    prefetcher_ =
        std::make_unique<OriginPrefetcher>(&loop_.loop(), cluster_.get(), client_.get(), &leave_);
    writer_ = std::make_unique<ClusterWriter>(&loop_.loop(), build_index_.get(), cluster_.get(),
                                              client_.get(), &leave_);

    std::vector<Harbor> harbors(1);
    harbors[0].name = "eu";
    harbors[0].plain = std::make_shared<const re2::RE2>("^library/.*");
    harbors[0].host = "eu.example";
    harbors[0].client = MakeClient("");
    harbors[0].client_with_token = [this](const std::string& token) {
      absl::MutexLock lock(&mu_);
      tokens_.push_back(token);
      return MakeClient(token);
    };
    harbors_ = std::make_unique<Harbors>(std::move(harbors));
  }
  void TearDown() override {
    loop_.RunAndWait([this] {
      agents_.reset();
      tracker_client_.reset();
      trackers_.reset();
      build_index_.reset();
      cluster_.reset();
      client_.reset();
      directory_.reset();
    });
  }

  std::shared_ptr<kraken::registry::RegistryClient> MakeClient(const std::string& token) {
    return std::make_shared<kraken::registry::RegistryClient>(
        kraken::registry::RegistryClientOptions{.registry = registry_->url(),
                                                .bearer_token = token},
        &http_, &kraken::SystemClock::Get(), &bits_);
  }

  // The cluster, as what is brought there is told.
  ClusterTarget Target() {
    return {
        .name = "",
        .origins = prefetcher_.get(),
        .agents = agents_.get(),
        .put_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag,
                          const kraken::Digest& digest,
                          uint64_t revision) { return writer_->PutTag(ns, tag, digest, revision); },
        .drop_tag =
            [this](const kraken::Namespace& ns, const kraken::Tag& tag, uint64_t revision) {
              return writer_->DropTag(ns, tag, revision).status();
            }};
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

  // What the build-index was told: "namespace tag", "namespace @digest" or "namespace -a,b".
  std::vector<std::string> dropped() {
    absl::MutexLock lock(&mu_);
    return dropped_;
  }
  // Of all writes.
  absl::btree_set<uint64_t> build_index_epochs() {
    absl::MutexLock lock(&mu_);
    return build_index_epochs_;
  }
  // From now on it refuses all writes with this.
  void RefuseWrites(absl::Status refusal) {
    absl::MutexLock lock(&mu_);
    refusal_ = std::move(refusal);
  }
  std::vector<std::string> tokens() {
    absl::MutexLock lock(&mu_);
    return tokens_;
  }
  // The tags that it then says it had, with these manifests.
  void AnswerDropsWith(std::vector<kraken::Digest> digests) {
    absl::MutexLock lock(&mu_);
    had_ = std::move(digests);
  }

  kraken::RepositoryName repository_ = *kraken::RepositoryName::Parse("library/debian");
  kraken::SystemBitGen bits_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  std::unique_ptr<kraken::registry::testing::DockerRegistry> registry_;
  std::unique_ptr<kraken::registry::testing::RegistryPusher> pusher_;

  kraken::net::LoopThread origin_loop_{"origin"};
  NotingOrigin origin_;
  kraken::rpc::OriginService service_{origin_loop_.loop().handle(), &origin_};
  kraken::rpc::TestProcess origin_process_{origin_loop_, {&service_}};

  kraken::rpc::BuildIndexService build_index_service_{
      origin_loop_.loop().handle(),
      {.get_tag =
           [](const kraken::rpc::v1::GetTagRequest&, kraken::rpc::BuildIndexService::Reply reply) {
             reply(absl::UnimplementedError("not in this test"));
           },
       .put_tag = [this](const kraken::rpc::v1::PutTagRequest& request,
                         kraken::rpc::BuildIndexService::Reply reply) { reply(NotePut(request)); },
       .drop_tags =
           [this](const kraken::rpc::v1::DropTagsRequest& request,
                  kraken::rpc::BuildIndexService::DropReply reply) { reply(NoteDrop(request)); }}};
  kraken::rpc::TestProcess build_index_process_{origin_loop_, {&build_index_service_}};
  NotingTracker tracker_;

  TestLeave leave_;
  kraken::net::LoopThread loop_{"control"};
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::OriginClient> client_;
  std::unique_ptr<kraken::cluster::ClusterMonitor> cluster_;
  std::unique_ptr<kraken::rpc::BuildIndexClient> build_index_;
  std::unique_ptr<OriginPrefetcher> prefetcher_;
  std::unique_ptr<ClusterWriter> writer_;
  std::unique_ptr<kraken::cluster::ClusterMonitor> trackers_;
  std::unique_ptr<kraken::rpc::TrackerClient> tracker_client_;
  std::unique_ptr<AgentOrders> agents_;
  std::unique_ptr<Harbors> harbors_;
  kraken::registry::Cancellation cancellation_;

 private:
  absl::StatusOr<kraken::rpc::v1::GetTagReply> NotePut(
      const kraken::rpc::v1::PutTagRequest& request) {
    absl::MutexLock lock(&mu_);
    if (!refusal_.ok()) return refusal_;
    build_index_epochs_.insert(request.write_epoch().epoch());
    kraken::rpc::v1::GetTagReply stored;
    stored.set_digest(request.digest());
    return stored;
  }

  absl::StatusOr<kraken::rpc::v1::DropTagsReply> NoteDrop(
      const kraken::rpc::v1::DropTagsRequest& request) {
    kraken::rpc::v1::DropTagsReply reply;
    absl::MutexLock lock(&mu_);
    if (!refusal_.ok()) return refusal_;
    build_index_epochs_.insert(request.write_epoch().epoch());
    std::string which = request.tag();
    if (!request.digest().empty()) {
      which = absl::StrCat("@", kraken::rpc::DigestFromBytes(request.digest())->ToString());
    } else if (request.has_all_but()) {
      const absl::btree_set<std::string> left(request.all_but().tags().begin(),
                                              request.all_but().tags().end());
      which = absl::StrCat("-", absl::StrJoin(left, ","));
    }
    dropped_.push_back(absl::StrCat(request.namespace_(), " ", which));
    EXPECT_GT(request.revision(), 0u);
    for (const kraken::Digest& digest : had_) {
      reply.add_dropped()->set_digest(kraken::rpc::ToBytes(digest));
    }
    return reply;
  }

  absl::Mutex mu_;
  std::vector<std::string> dropped_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<uint64_t> build_index_epochs_ ABSL_GUARDED_BY(mu_);
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> tokens_ ABSL_GUARDED_BY(mu_);
  std::vector<kraken::Digest> had_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_BRIDGE_FIXTURE_H_
