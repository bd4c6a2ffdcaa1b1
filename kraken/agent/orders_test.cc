// An agent that is given orders by a tracker, over real gRPC, with a real store and swarm.
#include "kraken/agent/orders.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/url.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/convert.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using peer_wire::TestNode;
using peer_wire::WaitFor;
using rpc::v1::AgentOrder;
using rpc::v1::OrderStatus;
using storage::TestBlob;
using ::testing::HasSubstr;

constexpr int64_t kPiece = 64 << 10;

AgentOrder EmptyOrder(char id) {
  AgentOrder order;
  order.set_id(std::string(rpc::kOrderIdBytes, id));
  order.set_timeout_ms(60'000);
  return order;
}
AgentOrder Fetch(char id, const std::vector<Digest>& digests) {
  AgentOrder order = EmptyOrder(id);
  order.mutable_fetch()->set_namespace_("library/debian");
  for (const Digest& digest : digests) {
    rpc::v1::BlobToFetch& blob = *order.mutable_fetch()->add_blobs();
    blob.set_digest(rpc::ToBytes(digest));
    blob.set_size_bytes(100);
  }
  return order;
}
AgentOrder Drop(char id, const std::vector<Digest>& digests) {
  AgentOrder order = EmptyOrder(id);
  for (const Digest& digest : digests) order.mutable_drop()->add_digests(rpc::ToBytes(digest));
  return order;
}

class OrdersTest : public ::testing::Test {
 protected:
  OrdersTest() { StartAgent({}); }

  void StartAgent(TestAgentOptions options) {
    agent_.reset();
    const int streams = tracker_.streams();
    options.tracker = tracker_.address();
    agent_ = std::make_unique<TestAgent>(options);
    ASSERT_TRUE(tracker_.WaitForStreams(streams + 1));
  }
  // The next status that ends an order.
  OrderStatus WaitForEnd() {
    while (true) {
      OrderStatus status = tracker_.statuses().Wait(seen_++);
      if (status.state() != rpc::v1::ORDER_STATE_RUNNING || status.id().empty()) return status;
    }
  }
  OrderStatus Follow(const AgentOrder& order) {
    tracker_.Order(order);
    return WaitForEnd();
  }
  OrderStats Stats() {
    OrderStats stats;
    agent_->Run([&] { stats = agent_->orders().stats(); });
    return stats;
  }
  Digest OfferInline(const std::string& bytes) {
    const Digest digest = Sha256Digest(bytes);
    tracker_.Offer(digest, InlineMetainfo(bytes));
    return digest;
  }
  int PullManifest(const Digest& digest) {
    net::HttpClientRequest request;
    request.method = "GET";
    request.url =
        *net::Url::Parse(absl::StrCat("http://", agent_->registry_address().ToString(),
                                      "/v2/library/debian/manifests/", digest.ToString()));
    const absl::StatusOr<net::HttpResponse> response = http_.Fetch(std::move(request));
    EXPECT_OK(response);
    return response.ok() ? response->status : 0;
  }

  net::BlockingHttpClient http_{net::HttpClientOptions()};
  ScriptedTracker tracker_;
  peer_wire::TestTracker swarm_;
  std::unique_ptr<TestAgent> agent_;
  size_t seen_ = 0;
};

std::string ManifestOf(const Digest& layer) {
  return absl::StrCat(
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)",
      R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":7,"digest":")",
      layer.ToString(), R"("},"layers":[]})");
}

TEST_F(OrdersTest, FetchesWhatItIsOrderedAndSaysWhenAllIsThere) {
  const TestBlob blob(10 * kPiece + 7, kPiece);
  TestNode origin(&swarm_, {.origin = true});
  origin.Store(blob);
  tracker_.Offer(blob, {origin.self()});
  const Digest small = OfferInline("small");
  const OrderStatus status = Follow(Fetch('x', {blob.digest, small}));
  EXPECT_EQ(status.state(), rpc::v1::ORDER_STATE_DONE) << status.failure().message();
  EXPECT_EQ(status.id(), std::string(rpc::kOrderIdBytes, 'x'));
  EXPECT_EQ(status.blobs_done(), 2u);
  EXPECT_EQ(status.bytes_done(), 200u);
  EXPECT_TRUE(agent_->store().Contains(blob.digest));
  EXPECT_TRUE(agent_->store().Contains(small));
  EXPECT_EQ(tracker_.asked_namespace(small), "library/debian");
  EXPECT_EQ(Stats().fetches_done, 1u);
  EXPECT_EQ(Stats().running, 0u);
  // Again: it is there.
  EXPECT_EQ(Follow(Fetch('y', {blob.digest, small})).state(), rpc::v1::ORDER_STATE_DONE);
  EXPECT_EQ(tracker_.asked(small), 1);
}

TEST_F(OrdersTest, TellsTrackersByWhatItIsChosen) {
  ASSERT_TRUE(tracker_.traits().has_value());
  EXPECT_TRUE(tracker_.traits()->labels().empty());
  TestAgentOptions options;
  options.labels = {{"disk", "ssd"}};
  StartAgent(options);
  EXPECT_EQ(tracker_.traits()->labels().at("disk"), "ssd");
}

TEST_F(OrdersTest, ABlobThatCannotBeHadIsNamed) {
  const Digest nothing = Sha256Digest("nothing");
  tracker_.Fail(nothing, absl::NotFoundError("the registry has no such blob"));
  const OrderStatus status = Follow(Fetch('x', {OfferInline("small"), nothing}));
  EXPECT_EQ(status.state(), rpc::v1::ORDER_STATE_FAILED);
  EXPECT_THAT(status.failure().message(), HasSubstr(nothing.ToString()));
  EXPECT_THAT(status.failure().message(), HasSubstr("no such blob"));
  EXPECT_EQ(Stats().fetches_failed, 1u);
}

TEST_F(OrdersTest, AnOrderHasATimeLimit) {
  const TestBlob blob(3 * kPiece, kPiece);
  tracker_.Offer(blob, {});  // and nobody has it
  AgentOrder order = Fetch('x', {blob.digest});
  order.set_timeout_ms(50);
  const OrderStatus status = Follow(order);
  EXPECT_EQ(status.state(), rpc::v1::ORDER_STATE_FAILED);
  EXPECT_THAT(status.failure().message(), HasSubstr("not done within 50ms"));
}

// What an order that is over waited for takes no place from others.
TEST_F(OrdersTest, BlobsThatNeverComeHoldUpNoOtherOrder) {
  std::vector<Digest> stuck;
  for (size_t i = 0; i < 2 * Orders::kMaxInFlight; ++i) {
    const TestBlob blob(3 * kPiece, kPiece, 100 + i);
    tracker_.Offer(blob, {});
    stuck.push_back(blob.digest);
  }
  AgentOrder order = Fetch('x', stuck);
  order.set_timeout_ms(200);
  tracker_.Order(order);
  tracker_.Order(Fetch('y', {OfferInline("small")}));
  EXPECT_EQ(WaitForEnd().id()[0], 'x');
  const OrderStatus second = WaitForEnd();
  EXPECT_EQ(second.id()[0], 'y');
  EXPECT_EQ(second.state(), rpc::v1::ORDER_STATE_DONE);
  for (size_t i = 0; i < stuck.size(); ++i) {
    EXPECT_EQ(tracker_.asked(stuck[i]) > 0, i < Orders::kMaxInFlight) << i;
  }
}

TEST_F(OrdersTest, ACancelledOrderBeginsNothingMore) {
  std::vector<Digest> stuck;
  for (size_t i = 0; i <= Orders::kMaxInFlight; ++i) {
    stuck.push_back(TestBlob(3 * kPiece, kPiece, 100 + i).digest);
  }
  tracker_.Order(Fetch('x', stuck));
  ASSERT_TRUE(tracker_.WaitUntilAsked(stuck[Orders::kMaxInFlight - 1]));
  AgentOrder cancel = EmptyOrder('x');
  cancel.set_cancel(true);
  tracker_.Order(cancel);
  ASSERT_TRUE(WaitFor([&] { return Stats().running == 0; }));
  // Also not when another order has its turn.
  EXPECT_EQ(Follow(Fetch('y', {OfferInline("small")})).state(), rpc::v1::ORDER_STATE_DONE);
  EXPECT_EQ(tracker_.asked(stuck.back()), 0);
}

// An image that is larger than the disk pushes its own first blobs out.
TEST_F(OrdersTest, WhatWasEvictedMeanwhileIsNoSuccess) {
  TestAgentOptions options;
  options.quota = ByteCount(200 << 10);
  StartAgent(options);
  std::vector<Digest> digests;
  for (char c = 'a'; c < 'a' + 12; ++c) digests.push_back(OfferInline(std::string(30'000, c)));
  const OrderStatus status = Follow(Fetch('x', digests));
  EXPECT_EQ(status.state(), rpc::v1::ORDER_STATE_FAILED);
  EXPECT_THAT(status.failure().message(), HasSubstr("not there any more"));
}

TEST_F(OrdersTest, ATrackerThatComesBackIsToldTheSameAgain) {
  const TestBlob blob(3 * kPiece, kPiece);
  const AgentOrder order = Fetch('x', {blob.digest});
  tracker_.Order(order);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
  tracker_.Stop();
  const int streams = tracker_.streams();
  tracker_.Start();
  ASSERT_TRUE(tracker_.WaitForStreams(streams + 1));
  tracker_.Order(order);
  EXPECT_EQ(tracker_.statuses().Wait(seen_).state(), rpc::v1::ORDER_STATE_RUNNING);
  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  EXPECT_EQ(WaitForEnd().state(), rpc::v1::ORDER_STATE_FAILED) << "too large to travel inline";
  EXPECT_EQ(Stats().running, 0u);
}

TEST_F(OrdersTest, OrdersThatCannotBeAreRefused) {
  AgentOrder bad = Fetch('x', {});
  EXPECT_EQ(Follow(bad).state(), rpc::v1::ORDER_STATE_FAILED);
  bad = EmptyOrder('x');
  EXPECT_THAT(Follow(bad).failure().message(), HasSubstr("not known here"));
  for (size_t i = 0; i < rpc::kMaxOrders; ++i) {
    AgentOrder order = Fetch('x', {Sha256Digest("never")});
    (*order.mutable_id())[0] = static_cast<char>(i);
    tracker_.Order(order);
  }
  std::string last(rpc::kOrderIdBytes, 'z');
  last[1] = 'y';
  AgentOrder order = Fetch('z', {Sha256Digest("never")});
  order.set_id(last);
  const OrderStatus refused = Follow(order);
  EXPECT_EQ(refused.id(), last);
  EXPECT_THAT(refused.failure().message(), HasSubstr("the most that an agent takes"));
}

// It may be back in a moment.
TEST_F(OrdersTest, AnAgentThatEndsDoesNotSayThatItHasFailed) {
  const Digest digest = Sha256Digest("never");
  tracker_.Order(Fetch('x', {digest, Sha256Digest("nor this")}));
  ASSERT_TRUE(tracker_.WaitUntilAsked(digest));
  agent_.reset();
  EXPECT_EQ(tracker_.statuses().size(), 0u);
}

TEST_F(OrdersTest, ADeletedManifestIsServedNoMore) {
  const Digest layer = OfferInline("a layer");
  const Digest manifest = OfferInline(ManifestOf(layer));
  ASSERT_EQ(Follow(Fetch('x', {layer, manifest})).state(), rpc::v1::ORDER_STATE_DONE);
  ASSERT_EQ(PullManifest(manifest), 200);
  // Nobody has it any more.
  tracker_.Fail(manifest, absl::NotFoundError("no such manifest"));
  ASSERT_EQ(PullManifest(manifest), 200) << "but this agent";
  const OrderStatus status = Follow(Drop('y', {manifest, Sha256Digest("not here"), layer}));
  EXPECT_EQ(status.state(), rpc::v1::ORDER_STATE_DONE) << status.failure().message();
  EXPECT_EQ(status.blobs_done(), 1u) << "what is no manifest stays";
  EXPECT_EQ(PullManifest(manifest), 404);
  EXPECT_FALSE(agent_->store().Contains(manifest));
  EXPECT_TRUE(agent_->store().Contains(layer));
  EXPECT_EQ(Stats().dropped_manifests, 1u);
  EXPECT_EQ(Stats().drops_done, 1u);
}

TEST_F(OrdersTest, TheLayersOfADeletedManifestGoFirst) {
  TestAgentOptions options;
  options.quota = ByteCount(450 << 10);
  StartAgent(options);
  const Digest other = OfferInline(std::string(60'000, 'o'));
  const Digest layer = OfferInline(std::string(60'000, 'l'));
  const Digest manifest = OfferInline(ManifestOf(layer));
  ASSERT_EQ(Follow(Fetch('x', {other, layer, manifest})).state(), rpc::v1::ORDER_STATE_DONE);
  ASSERT_EQ(Follow(Drop('y', {manifest})).state(), rpc::v1::ORDER_STATE_DONE);
  // Until something has to go.
  for (char c = 'a'; agent_->store().stats().evicted_blobs == 0; ++c) {
    const Digest more = OfferInline(std::string(60'000, c));
    ASSERT_EQ(Follow(Fetch(c, {more})).state(), rpc::v1::ORDER_STATE_DONE);
  }
  EXPECT_FALSE(agent_->store().Contains(layer));
  EXPECT_EQ(agent_->store().stats().evicted_blobs, 1u);
  EXPECT_TRUE(agent_->store().Contains(other));
}

}  // namespace
}  // namespace kraken::agent
