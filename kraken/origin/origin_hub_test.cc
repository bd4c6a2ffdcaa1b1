// Origins with real stores, swarm nodes, gRPC and backends in folders, on loopback.
#include "kraken/origin/origin_hub.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/loop_thread.h"
#include "kraken/origin/blob_fetcher.h"
#include "kraken/origin/scripted_backend.h"
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
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kNamespace[] = "library/debian";
constexpr int64_t kPieceLength = 64 << 10;
constexpr int kPieces = 16;
// Where the tests' backends pause.
constexpr int kHeldAfter = 5;

peer_wire::TestNodeOptions NodeOptions(const std::string& store_root) {
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
  OriginProcess(ScriptedBackend* backend, const std::string& store_root)
      : node_(&no_peers_, NodeOptions(store_root)),
        fetcher_(&node_.loop(), &backend->router(), &node_.store(),
                 *storage::PieceLengthTable::Create({{0, kPieceLength}}), /*max_fetches=*/4) {}

  ~OriginProcess() override {
    node_.Run([this] {
      if (hub_ != nullptr) hub_->Stop();
    });
    process_.Stop();
    fetcher_.Shutdown();
    disk_.Shutdown();
    node_.Run([this] {
      hub_.reset();
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
      hub_ = std::make_unique<OriginHub>(OriginHub::Parts{.loop = loop,
                                                          .cluster = cluster_.get(),
                                                          .origins = client_.get(),
                                                          .node = &node_.node(),
                                                          .store = &node_.store(),
                                                          .fetcher = &fetcher_,
                                                          .disk = &disk_,
                                                          .signer = std::move(signer),
                                                          .self = address(),
                                                          .zone = "eu-1"});
    });
    process_.Serve({&service_});
  }

  const std::string& address() const { return process_.address(); }
  peer_wire::TestNode& node() { return node_; }
  storage::BlobStore& store() { return node_.store(); }
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
  void OnMetainfoStreamClosed(const std::shared_ptr<rpc::MetainfoOutlet>& outlet) override {
    hub_->OnMetainfoStreamClosed(outlet);
    closed_.Put(1);
  }
  void OnProgressStreamClosed(const std::shared_ptr<rpc::ProgressOutlet>& outlet) override {
    hub_->OnProgressStreamClosed(outlet);
  }

  peer_wire::TestTracker no_peers_;
  WorkerPool disk_{2, 1000};
  peer_wire::TestNode node_;
  BlobFetcher fetcher_;
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::OriginClient> client_;
  std::unique_ptr<cluster::ClusterMonitor> cluster_;
  std::unique_ptr<OriginHub> hub_;
  rpc::Mailbox<int> closed_;
  net::LoopThread http_{"http"};
  rpc::OriginService service_{node_.loop().handle(), this};
  rpc::TestProcess process_{http_};
};

// Of the message that says all; empty if there is not one range.
rpc::v1::PieceRange RangeOf(const rpc::v1::MetainfoNews& news) {
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
    origin_ = std::make_unique<OriginProcess>(&backend_, store_root_);
    origin_->Start({origin_->address()}, std::move(signer));
  }
  // Two; `origin_` is the one that the ring names first for the blob.
  void StartTwo() {
    origin_ = std::make_unique<OriginProcess>(&backend_, MakeTestDir() + "/store");
    other_ = std::make_unique<OriginProcess>(&backend_, MakeTestDir() + "/store");
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
          {.on_message = [watcher](rpc::v1::MetainfoNews news) { watcher->news.Put(news); },
           .on_closed = [watcher](const absl::Status& status) { watcher->closed.Put(status); }});
    });
    return watcher;
  }
  std::shared_ptr<Watcher> Watch() { return Watch(*origin_, rpc::ToBytes(blob_.digest)); }

  // The end of a prefetch.
  std::shared_ptr<rpc::Mailbox<absl::Status>> Prefetch(OriginProcess& at,
                                                       bool all_replicas = false) {
    auto ended = std::make_shared<rpc::Mailbox<absl::Status>>();
    rpc::v1::PrefetchRequest request;
    request.set_digest(rpc::ToBytes(blob_.digest));
    request.set_namespace_(kNamespace);
    request.set_all_replicas(all_replicas);
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
    EXPECT_THAT(partials, IsEmpty());
    EXPECT_FALSE(origin_->store().Contains(blob_.digest));
    EXPECT_EQ(origin_->Stats().active, 0u);
  }

  const storage::TestBlob blob_{kPieces * kPieceLength - 100, kPieceLength};
  const std::string store_root_ = MakeTestDir() + "/store";
  ScriptedBackend backend_;
  net::LoopThread client_loop_{"client"};
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::OriginClient> client_;
  std::unique_ptr<OriginProcess> origin_;
  std::unique_ptr<OriginProcess> other_;
};

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
