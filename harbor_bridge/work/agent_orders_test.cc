// Orders to agents through real streams to trackers that the test plays.
#include "harbor_bridge/work/agent_orders.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/noting_tracker.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"

namespace harbor_bridge {
namespace {

using kraken::IsOkAndHolds;
using kraken::StatusIs;
using kraken::rpc::v1::ORDER_STATE_DONE;
using kraken::rpc::v1::ORDER_STATE_FAILED;
using kraken::rpc::v1::ORDER_STATE_GONE;
using kraken::rpc::v1::ORDER_STATE_RUNNING;
using kraken::rpc::v1::OrderNews;
using kraken::rpc::v1::OrderRequest;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AgentOrdersTest : public ::testing::Test {
 protected:
  AgentOrdersTest() { Join({first_.address(), second_.address()}); }
  ~AgentOrdersTest() override { Leave(); }

  void Join(std::vector<std::string> trackers) {
    loop_.RunAndWait([&] {
      directory_ = std::make_unique<kraken::rpc::ChannelDirectory>(
          &loop_.loop(), kraken::rpc::ChannelDirectoryOptions());
      client_ = std::make_unique<kraken::rpc::TrackerClient>(&loop_.loop(), directory_.get());
      kraken::cluster::ClusterMonitorOptions members;
      members.hosts.static_hosts = std::move(trackers);
      members.health.disabled = true;
      auto monitor = kraken::cluster::ClusterMonitor::Create(&loop_.loop(), std::move(members));
      ASSERT_OK(monitor);
      members_ = *std::move(monitor);
    });
    orders_ = std::make_unique<AgentOrders>(&loop_.loop(), members_.get(), client_.get());
  }
  void Leave() {
    loop_.RunAndWait([this] {
      orders_.reset();
      members_.reset();
      client_.reset();
      directory_.reset();
    });
  }
  absl::StatusOr<int64_t> Fetch(const std::string& agents, absl::Duration timeout = kLong,
                                const AgentOrders::OnProgress& on_progress = nullptr) {
    return orders_->Fetch(*kraken::Namespace::Parse("library/debian"), blobs_,
                          *AgentSelector::Parse(agents), timeout, on_progress, cancellation_);
  }
  // What the tracker says of agents, and ends with.
  static NotingTracker::Answer Says(std::vector<OrderNews> news,
                                    absl::Status end = absl::OkStatus()) {
    return [news = std::move(news), end = std::move(end)](const OrderRequest&,
                                                          const NotingTracker::Outlet& outlet) {
      for (const OrderNews& message : news) outlet->Write(message);
      outlet->Finish(end);
    };
  }

  static constexpr absl::Duration kLong = absl::Minutes(5);

  std::vector<PlannedBlob> blobs_ = {{.digest = kraken::Sha256Digest("a"), .size_bytes = 100},
                                     {.digest = kraken::Sha256Digest("b"), .size_bytes = 200}};
  NotingTracker first_;
  NotingTracker second_;
  kraken::net::LoopThread loop_{"control"};
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::TrackerClient> client_;
  std::unique_ptr<kraken::cluster::ClusterMonitor> members_;
  std::unique_ptr<AgentOrders> orders_;
  kraken::registry::Cancellation cancellation_;
};

TEST_F(AgentOrdersTest, EveryTrackerIsToldWhatAndWho) {
  EXPECT_THAT(Fetch("zone=a,label.disk=ssd,share=12.5%"), IsOkAndHolds(1)) << "known to both";
  const OrderRequest request = first_.orders().Wait(0);
  EXPECT_EQ(second_.orders().Wait(0).SerializeAsString(), request.SerializeAsString());
  EXPECT_OK(kraken::rpc::CheckOrder(request.order()));
  ASSERT_EQ(request.agents().zones_size(), 1);
  EXPECT_EQ(request.agents().zones(0), "a");
  EXPECT_EQ(request.agents().labels().at("disk"), "ssd");
  EXPECT_EQ(request.agents().share_per_10000(), 1'250u);
  EXPECT_EQ(request.order().timeout_ms(), 300'000u);
  EXPECT_EQ(request.order().fetch().namespace_(), "library/debian");
  ASSERT_EQ(request.order().fetch().blobs_size(), 2);
  EXPECT_EQ(request.order().fetch().blobs(1).digest(), kraken::rpc::ToBytes(blobs_[1].digest));
  EXPECT_EQ(request.order().fetch().blobs(1).size_bytes(), 200u);
  EXPECT_THAT(Fetch("all"), IsOkAndHolds(1));
  EXPECT_NE(first_.orders().Wait(1).order().id(), request.order().id());
  EXPECT_EQ(first_.orders().Wait(1).agents().ByteSizeLong(), 0u);
  EXPECT_EQ(orders_->stats().preheated, 2u);
}

TEST_F(AgentOrdersTest, WhatOneTrackerKnowsToBeDoneIsDone) {
  first_.set_answer(Says({ReportOf(1, ORDER_STATE_DONE), ReportOf(2, ORDER_STATE_GONE)}));
  second_.set_answer(Says({ReportOf(1, ORDER_STATE_GONE), ReportOf(2, ORDER_STATE_DONE),
                           ReportOf(3, ORDER_STATE_DONE)}));
  EXPECT_THAT(Fetch("all"), IsOkAndHolds(3));
}

TEST_F(AgentOrdersTest, AgentsThatDoNotHaveItAreNamed) {
  const auto says =
      Says({ReportOf(1, ORDER_STATE_DONE), ReportOf(2, ORDER_STATE_FAILED, 0, "disk full"),
            ReportOf(3, ORDER_STATE_GONE, 0, "the agent is gone")});
  first_.set_answer(says);
  second_.set_answer(says);
  EXPECT_THAT(Fetch("zone=a"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("2 of 3 agents (zone=a)"), HasSubstr("10.0.0.2: disk full"),
                             HasSubstr("10.0.0.3: the agent is gone"), Not(HasSubstr("…")))));
  EXPECT_EQ(orders_->stats().preheated, 1u);
  EXPECT_EQ(orders_->stats().preheats_failed, 2u);
}

TEST_F(AgentOrdersTest, OfManyAFewAreNamed) {
  std::vector<OrderNews> news;
  for (int i = 1; i <= 50; ++i) news.push_back(ReportOf(i, ORDER_STATE_FAILED, 0, "no space"));
  first_.set_answer(Says(news));
  second_.set_answer(Says(news));
  const absl::Status status = Fetch("all").status();
  EXPECT_THAT(status.message(), AllOf(HasSubstr("50 of 50 agents"), HasSubstr("…")));
  EXPECT_LT(status.message().size(), 300u);
}

TEST_F(AgentOrdersTest, TellsHowFarAgentsAre) {
  absl::Mutex mu;
  std::vector<AgentsProgress> seen;
  first_.set_answer(Says({ReportOf(1, ORDER_STATE_RUNNING), ReportOf(2, ORDER_STATE_RUNNING, 1),
                          ReportOf(1, ORDER_STATE_DONE, 2), ReportOf(2, ORDER_STATE_DONE, 2)}));
  second_.set_answer(Says({}));
  EXPECT_THAT(Fetch("all", kLong,
                    [&](const AgentsProgress& progress) {
                      absl::MutexLock lock(&mu);
                      seen.push_back(progress);
                    }),
              IsOkAndHolds(2));
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[1].asked, 2);
  EXPECT_EQ(seen[1].done, 0);
  EXPECT_EQ(seen[1].blobs, 1);
  EXPECT_EQ(seen[1].bytes, 100);
  EXPECT_EQ(seen[2].done, 1);
  EXPECT_EQ(seen[3].done, 2);
  EXPECT_EQ(seen[3].bytes, 400);
}

TEST_F(AgentOrdersTest, OneTrackerIsEnough) {
  second_.Stop();
  EXPECT_THAT(Fetch("all"), IsOkAndHolds(1));
}

TEST_F(AgentOrdersTest, WithoutTrackersItIsTriedAgain) {
  first_.Stop();
  second_.set_answer(Says({}, absl::UnavailableError("the tracker has just begun")));
  EXPECT_THAT(Fetch("all"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(first_.address()), HasSubstr(second_.address()),
                             HasSubstr("has just begun"))));
}

TEST_F(AgentOrdersTest, TrackersOfAnOlderVersionAreNamed) {
  const auto old = Says({}, absl::UnimplementedError("unknown method"));
  first_.set_answer(old);
  second_.set_answer(old);
  EXPECT_THAT(Fetch("all"), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     AllOf(HasSubstr("version"), HasSubstr(first_.address()))));
}

TEST_F(AgentOrdersTest, WhatATrackerLeavesOpenIsNoSuccess) {
  first_.set_answer(
      Says({ReportOf(1, ORDER_STATE_RUNNING)}, absl::UnavailableError("the tracker ends")));
  second_.set_answer(Says({}));
  EXPECT_THAT(Fetch("all"), StatusIs(absl::StatusCode::kUnavailable,
                                     AllOf(HasSubstr("10.0.0.1"), HasSubstr("the tracker ends"))));
}

TEST_F(AgentOrdersTest, NobodyMeantIsNobodyAsked) {
  first_.set_answer(Says({}));
  second_.set_answer(Says({}));
  EXPECT_THAT(Fetch("zone=nowhere"), IsOkAndHolds(0));
}

TEST_F(AgentOrdersTest, WhoGivesUpHangsUp) {
  const NotingTracker::Answer silent = [](const OrderRequest&, const NotingTracker::Outlet& o) {
    o->Write(ReportOf(1, ORDER_STATE_RUNNING));
  };
  first_.set_answer(silent);
  second_.set_answer(silent);
  absl::StatusOr<int64_t> result = int64_t{0};
  std::thread caller([&] { result = Fetch("all"); });
  first_.orders().Wait(0);
  cancellation_.Cancel();
  caller.join();
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled));
  first_.closed().Wait(0);
}

TEST_F(AgentOrdersTest, AnImageOfTooManyBlobsIsNotForAgents) {
  blobs_.resize(static_cast<size_t>(kraken::rpc::kMaxOrderedBlobs) + 1, blobs_[0]);
  EXPECT_THAT(Fetch("all"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most 1000 blobs")));
  EXPECT_EQ(first_.orders().size(), 0u);
}

TEST_F(AgentOrdersTest, DropsGoToAllAgentsInParts) {
  std::vector<kraken::Digest> digests;
  digests.reserve(kraken::rpc::kMaxOrderedBlobs + 1);
  for (int i = 0; i < kraken::rpc::kMaxOrderedBlobs + 1; ++i) {
    digests.push_back(kraken::Sha256Digest(absl::StrCat(i)));
  }
  EXPECT_OK(orders_->Drop(digests, cancellation_));
  EXPECT_EQ(first_.orders().Wait(0).order().drop().digests_size(), kraken::rpc::kMaxOrderedBlobs);
  const OrderRequest rest = first_.orders().Wait(1);
  ASSERT_EQ(rest.order().drop().digests_size(), 1);
  EXPECT_EQ(rest.order().drop().digests(0), kraken::rpc::ToBytes(digests.back()));
  EXPECT_OK(kraken::rpc::CheckOrder(rest.order()));
  EXPECT_EQ(rest.agents().ByteSizeLong(), 0u);
  EXPECT_EQ(orders_->stats().dropped, 2u);
}

// It is told once only: a tracker that is just being started is waited for.
TEST_F(AgentOrdersTest, ADropIsTriedAgain) {
  Leave();
  Join({first_.address()});
  auto attempts = std::make_shared<int>(0);
  first_.set_answer([attempts](const OrderRequest&, const NotingTracker::Outlet& outlet) {
    // The client itself tries a call that was not answered twice.
    outlet->Finish(++*attempts <= 2 ? absl::UnavailableError("just begun") : absl::OkStatus());
  });
  EXPECT_OK(orders_->Drop({blobs_[0].digest}, cancellation_));
  EXPECT_EQ(*attempts, 3);
  // What single agents can't do is no failure of the delete.
  first_.set_answer(Says({ReportOf(1, ORDER_STATE_FAILED, 0, "of an older version")}));
  EXPECT_OK(orders_->Drop({blobs_[0].digest}, cancellation_));
  EXPECT_EQ(orders_->stats().drops_failed, 1u);
  first_.set_answer(Says({}, absl::UnimplementedError("unknown method")));
  EXPECT_OK(orders_->Drop({blobs_[0].digest}, cancellation_));
}

TEST_F(AgentOrdersTest, ADropThatNoTrackerTakesIsAnError) {
  first_.Stop();
  second_.Stop();
  EXPECT_THAT(orders_->Drop({blobs_[0].digest}, cancellation_),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace harbor_bridge
