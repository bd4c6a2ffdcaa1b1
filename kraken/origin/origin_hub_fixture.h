// For tests: origins with real stores, swarm nodes, gRPC and backends in folders, on loopback.
#ifndef KRAKEN_ORIGIN_ORIGIN_HUB_FIXTURE_H_
#define KRAKEN_ORIGIN_ORIGIN_HUB_FIXTURE_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/daemon/epoch_fence.h"
#include "kraken/daemon/scripted_backend.h"
#include "kraken/net/loop_thread.h"
#include "kraken/origin/kraken_sums.h"
#include "kraken/origin/origin_hub.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/status.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/config.h"
#include "kraken/swarm/piece_list_signature.h"

namespace kraken::origin {

inline constexpr char kNamespace[] = "library/debian";
inline constexpr int64_t kPieceLength = 64 << 10;
inline constexpr int kPieces = 16;

inline peer_wire::TestNodeOptions NodeOptions(const std::string& store_root) {
  peer_wire::TestNodeOptions options;
  options.origin = true;
  options.store_root = store_root;
  options.swarm = swarm::OriginSwarmConfig();
  options.swarm.super_seed = false;
  options.swarm.min_links = 4;
  options.swarm.max_dialed_links = 4;
  return options;
}

// An origin process. Its address is there before it serves, for the others' host lists.
class OriginProcess final : private rpc::OriginHandler {
 public:
  OriginProcess(daemon::ScriptedBackend* backend, const std::string& store_root, bool with_sums)
      : store_root_(store_root),
        node_(&no_peers_, NodeOptions(store_root)),
        sums_(with_sums
                  ? std::make_unique<KrakenSums>(&node_.loop(), &node_.store(), PieceLengths())
                  : nullptr),
        fetcher_(&node_.loop(), &backend->router(), &node_.store(), FetcherOptions()) {}

  ~OriginProcess() override {
    node_.Run([this] {
      if (hub_ != nullptr) hub_->Stop();
    });
    process_.Stop();
    fetcher_.Shutdown();
    disk_.Shutdown();
    node_.Run([this] {
      hub_.reset();
      fence_.reset();
      sums_.reset();
      cluster_.reset();
      client_.reset();
      directory_.reset();
    });
  }

  void Start(const std::vector<std::string>& cluster,
             std::shared_ptr<const swarm::PieceListSigner> signer = nullptr) {
    node_.Run([&] {
      net::EventLoop* const loop = &node_.loop();
      directory_ = std::make_unique<rpc::ChannelDirectory>(loop, rpc::ChannelDirectoryOptions());
      client_ = std::make_unique<rpc::OriginClient>(loop, directory_.get());
      auto monitor = cluster::ClusterMonitor::Create(loop, {.hosts = {.static_hosts = cluster},
                                                            .health = {.disabled = true},
                                                            .max_replica = 3,
                                                            .self = address()});
      ASSERT_OK(monitor);
      cluster_ = *std::move(monitor);
      auto fence = daemon::EpochFence::Open(loop, &disk_, {store_root_});
      ASSERT_OK(fence);
      fence_ = *std::move(fence);
      hub_ = std::make_unique<OriginHub>(OriginHub::Parts{.loop = loop,
                                                          .cluster = cluster_.get(),
                                                          .origins = client_.get(),
                                                          .node = &node_.node(),
                                                          .store = &node_.store(),
                                                          .fetcher = &fetcher_,
                                                          .disk = &disk_,
                                                          .fence = fence_.get(),
                                                          .sums = sums_.get(),
                                                          .signer = std::move(signer),
                                                          .self = address(),
                                                          .zone = "eu-1"});
    });
    process_.Serve({&service_});
  }

  const std::string& address() const { return process_.address(); }
  peer_wire::TestNode& node() { return node_; }
  storage::BlobStore& store() { return node_.store(); }
  KrakenSums& sums() { return *sums_; }
  // What a process of Kraken's version 1 is answered.
  KrakenSums::Result GetKraken(const Digest& digest) {
    rpc::Mailbox<KrakenSums::Result> results;
    node_.Run([&] {
      hub_->GetKraken(digest, kNamespace,
                      [&](const KrakenSums::Result& result) { results.Put(result); });
    });
    return results.Wait(0);
  }
  void TellSignerChanged() {
    node_.Run([this] { hub_->OnSignerChanged(); });
  }
  OriginStats Stats() {
    OriginStats stats;
    node_.Run([&] { stats = hub_->stats(); });
    return stats;
  }
  std::string Describe() {
    std::string json;
    node_.Run([&] { json = hub_->DescribeJson(); });
    return json;
  }
  void Stop() {
    node_.Run([this] { hub_->Stop(); });
  }
  void Warm(const Digest& digest) {
    node_.Run([&] { hub_->Warm(digest, kNamespace); });
  }
  // Until so many streams of watchers have ended.
  void WaitForClosed(size_t count) { closed_.Wait(count - 1); }

 private:
  void OnWatchMetainfo(rpc::v1::WatchMetainfoRequest request,
                       std::shared_ptr<rpc::MetainfoOutlet> outlet) override {
    hub_->OnWatchMetainfo(std::move(request), std::move(outlet));
  }
  void OnPrefetch(rpc::v1::PrefetchRequest request,
                  std::shared_ptr<rpc::ProgressOutlet> outlet) override {
    hub_->OnPrefetch(std::move(request), std::move(outlet));
  }
  void OnStat(rpc::v1::StatRequest request,
              std::function<void(absl::StatusOr<rpc::v1::StatReply>)> reply) override {
    hub_->OnStat(std::move(request), std::move(reply));
  }
  void OnEvictManifest(
      rpc::v1::EvictManifestRequest request,
      std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply) override {
    hub_->OnEvictManifest(std::move(request), std::move(reply));
  }
  void OnMetainfoStreamClosed(const std::shared_ptr<rpc::MetainfoOutlet>& outlet) override {
    hub_->OnMetainfoStreamClosed(outlet);
    closed_.Put(1);
  }
  void OnProgressStreamClosed(const std::shared_ptr<rpc::ProgressOutlet>& outlet) override {
    hub_->OnProgressStreamClosed(outlet);
  }

  daemon::BlobFetcherOptions FetcherOptions() {
    daemon::BlobFetcherOptions options{
        .piece_lengths = PieceLengths(), .max_fetches = 4, .tap = nullptr};
    if (sums_ != nullptr) {
      options.tap = [sums = sums_.get()](const Digest& digest, const storage::PieceLayout& stored) {
        return sums->MakeTap(digest, stored);
      };
    }
    return options;
  }

  static storage::PieceLengthTable PieceLengths() {
    return *storage::PieceLengthTable::Create({{0, kPieceLength}});
  }

  const std::string store_root_;
  peer_wire::TestTracker no_peers_;
  WorkerPool disk_{2, 1000};
  peer_wire::TestNode node_;
  std::unique_ptr<KrakenSums> sums_;
  daemon::BlobFetcher fetcher_;
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::OriginClient> client_;
  std::unique_ptr<cluster::ClusterMonitor> cluster_;
  std::unique_ptr<daemon::EpochFence> fence_;
  std::unique_ptr<OriginHub> hub_;
  rpc::Mailbox<int> closed_;
  net::LoopThread http_{"http"};
  rpc::OriginService service_{node_.loop().handle(), this};
  rpc::TestProcess process_{http_};
};

// Of the message that says all; empty if there is not one range.
inline rpc::v1::PieceRange RangeOf(const rpc::v1::MetainfoNews& news) {
  EXPECT_EQ(news.metainfo().ranges_size(), 1);
  return news.metainfo().ranges_size() == 1 ? news.metainfo().ranges(0) : rpc::v1::PieceRange();
}

// What a watcher of a blob hears.
struct Watcher {
  // The states so far, as soon as there are `count`; they must come without gaps.
  std::string WaitForStates(int count) {
    std::string states;
    for (size_t i = 0; states.size() < static_cast<size_t>(count) * 32; ++i) {
      const rpc::v1::MetainfoNews message = news.Wait(i);
      if (!message.has_origin() && !message.has_metainfo()) {
        ADD_FAILURE() << "no metainfo: " << message.DebugString();
        break;
      }
      for (const rpc::v1::PieceRange& range : message.metainfo().ranges()) {
        const size_t begin = range.first() * size_t{32};
        if (begin > states.size()) ADD_FAILURE() << "a gap before piece " << range.first();
        states.resize(std::min(states.size(), begin));
        states += range.states();
      }
    }
    return states;
  }
  // The message that says that all is known.
  rpc::v1::MetainfoNews WaitForComplete() {
    for (size_t i = 0;; ++i) {
      rpc::v1::MetainfoNews message = news.Wait(i);
      if (message.metainfo().complete() || ::testing::Test::HasFailure()) return message;
    }
  }
  // Until the stream says that the list was taken back.
  absl::Status WaitForRevoked() {
    for (size_t i = 0;; ++i) {
      const rpc::v1::MetainfoNews message = news.Wait(i);
      if (message.has_revoked()) return rpc::FromFailure(message.revoked());
      if (::testing::Test::HasFailure()) return absl::OkStatus();
    }
  }
  // Until the stream tells what Kraken's version 1 knows of the blob.
  rpc::v1::Metainfo WaitForKraken() {
    for (size_t i = 0;; ++i) {
      const rpc::v1::MetainfoNews message = news.Wait(i);
      if (message.metainfo().has_kraken() || ::testing::Test::HasFailure()) {
        return message.metainfo();
      }
    }
  }
  absl::Status WaitForEnd() { return closed.Wait(0); }

  rpc::Mailbox<rpc::v1::MetainfoNews> news;
  rpc::Mailbox<absl::Status> closed;
  std::shared_ptr<rpc::CallHandle> call;
};

class OriginHubTest : public ::testing::Test {
 protected:
  OriginHubTest() {
    client_loop_.RunAndWait([this] {
      directory_ = std::make_unique<rpc::ChannelDirectory>(&client_loop_.loop(),
                                                           rpc::ChannelDirectoryOptions());
      client_ = std::make_unique<rpc::OriginClient>(&client_loop_.loop(), directory_.get());
    });
  }
  ~OriginHubTest() override {
    backend_.Release();
    origin_.reset();
    other_.reset();
    client_loop_.RunAndWait([this] {
      client_.reset();
      directory_.reset();
    });
  }

  // One origin, alone. Again: after a restart.
  void Start(std::shared_ptr<const swarm::PieceListSigner> signer = nullptr) {
    origin_.reset();
    origin_ = std::make_unique<OriginProcess>(&backend_, store_root_, with_sums_);
    origin_->Start({origin_->address()}, std::move(signer));
  }
  // Two; `origin_` is the one that the ring names first for the blob.
  void StartTwo() {
    origin_ = std::make_unique<OriginProcess>(&backend_, MakeTestDir() + "/store", with_sums_);
    other_ = std::make_unique<OriginProcess>(&backend_, MakeTestDir() + "/store", with_sums_);
    const std::vector<std::string> hosts = {origin_->address(), other_->address()};
    if (cluster::Ring(hosts, hosts, 3).Locations(blob_.digest).front() == other_->address()) {
      std::swap(origin_, other_);
    }
    origin_->Start(hosts);
    other_->Start(hosts);
  }

  std::shared_ptr<Watcher> Watch(OriginProcess& at, const std::string& digest,
                                 const std::string& ns = kNamespace, bool only_if_here = false) {
    auto watcher = std::make_shared<Watcher>();
    rpc::v1::WatchMetainfoRequest request;
    request.set_digest(digest);
    request.set_namespace_(ns);
    request.set_only_if_here(only_if_here);
    client_loop_.RunAndWait([&] {
      watcher->call = client_->WatchMetainfo(
          at.address(), request,
          {.on_message =
               [watcher](rpc::v1::MetainfoNews news) { watcher->news.Put(std::move(news)); },
           .on_closed = [watcher](const absl::Status& status) { watcher->closed.Put(status); }});
    });
    return watcher;
  }
  std::shared_ptr<Watcher> Watch() { return Watch(*origin_, rpc::ToBytes(blob_.digest)); }

  // As a bridge that has, or had, the lease "eu". 0: as one without a lease.
  void WriteUnder(uint64_t epoch) {
    write_epoch_.set_lease(epoch > 0 ? "eu" : "");
    write_epoch_.set_epoch(epoch);
  }

  // The end of a prefetch.
  std::shared_ptr<rpc::Mailbox<absl::Status>> Prefetch(OriginProcess& at,
                                                       bool all_replicas = false) {
    auto ended = std::make_shared<rpc::Mailbox<absl::Status>>();
    rpc::v1::PrefetchRequest request;
    request.set_digest(rpc::ToBytes(blob_.digest));
    request.set_namespace_(kNamespace);
    request.set_all_replicas(all_replicas);
    *request.mutable_write_epoch() = write_epoch_;
    client_loop_.RunAndWait([&] {
      client_->Prefetch(at.address(), request,
                        {.on_message = nullptr,
                         .on_closed = [ended](const absl::Status& status) { ended->Put(status); }});
    });
    return ended;
  }
  absl::StatusOr<rpc::v1::StatReply> Stat(bool local) {
    rpc::v1::StatRequest request;
    request.set_digest(rpc::ToBytes(blob_.digest));
    request.set_namespace_(kNamespace);
    request.set_local(local);
    rpc::Mailbox<absl::StatusOr<rpc::v1::StatReply>> replies;
    client_loop_.RunAndWait([&] {
      client_->Stat(origin_->address(), request, rpc::kTestPatience,
                    [&](absl::StatusOr<rpc::v1::StatReply> reply) { replies.Put(reply); });
    });
    return replies.Wait(0);
  }

  absl::StatusOr<rpc::v1::EvictManifestReply> EvictManifest(const Digest& digest) {
    rpc::Mailbox<absl::StatusOr<rpc::v1::EvictManifestReply>> replies;
    rpc::v1::EvictManifestRequest request;
    request.set_digest(rpc::ToBytes(digest));
    *request.mutable_write_epoch() = write_epoch_;
    client_loop_.RunAndWait([&] {
      client_->EvictManifest(
          origin_->address(), request, rpc::kTestPatience,
          [&](absl::StatusOr<rpc::v1::EvictManifestReply> reply) { replies.Put(reply); });
    });
    return replies.Wait(0);
  }

  // The blob's states, as they travel.
  std::string States(int count = kPieces - 1) {
    std::string states;
    for (int i = 0; i < count; ++i) {
      const auto bytes = blob_.states[static_cast<size_t>(i)].ToBytes();
      states.append(bytes.begin(), bytes.end());
    }
    return states;
  }
  void ExpectNothingLeft() {
    ASSERT_OK_AND_ASSIGN(const std::vector<Digest> partials, origin_->store().ListPartials());
    EXPECT_THAT(partials, ::testing::IsEmpty());
    EXPECT_FALSE(origin_->store().Contains(blob_.digest));
    EXPECT_EQ(origin_->Stats().active, 0u);
  }

  const storage::TestBlob blob_{kPieces * kPieceLength - 100, kPieceLength};
  const std::string store_root_ = MakeTestDir() + "/store";
  // Whether there are processes of Kraken's version 1.
  bool with_sums_ = false;
  rpc::v1::WriteEpoch write_epoch_;
  daemon::ScriptedBackend backend_;
  net::LoopThread client_loop_{"client"};
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::OriginClient> client_;
  std::unique_ptr<OriginProcess> origin_;
  std::unique_ptr<OriginProcess> other_;
};

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_HUB_FIXTURE_H_
