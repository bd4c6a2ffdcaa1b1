// Orders to agents: real announce streams, a real caller, the hub that passes them on.
#include "kraken/tracker/agent_orders.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/announce_client.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/status.h"
#include "kraken/rpc/tracker_client.h"
#include "kraken/tracker/announce_hub.h"

namespace kraken::tracker {
namespace {

using rpc::v1::AgentOrder;
using rpc::v1::OrderNews;
using rpc::v1::OrderRequest;
using rpc::v1::OrderStatus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

OrderRequest FetchOrder(const std::string& id, uint32_t timeout_ms = 60'000) {
  OrderRequest request;
  AgentOrder& order = *request.mutable_order();
  order.set_id(id);
  order.set_timeout_ms(timeout_ms);
  order.mutable_fetch()->set_namespace_("library/debian");
  order.mutable_fetch()->add_blobs()->set_digest(rpc::ToBytes(daemon::TestDigest(1)));
  return request;
}
std::string IdOf(char c) { return std::string(rpc::kOrderIdBytes, c); }

OrderStatus Status(const AgentOrder& order, rpc::v1::OrderState state, uint32_t blobs = 0) {
  OrderStatus status;
  status.set_id(order.id());
  status.set_state(state);
  status.set_blobs_done(blobs);
  return status;
}

// An agent that notes what it is told, on a thread of its own.
class TestAgent {
 public:
  TestAgent(const std::string& tracker, int port, const std::string& zone, const Labels& labels,
            bool takes_orders = true) {
    std::optional<rpc::v1::AgentTraits> traits;
    if (takes_orders) {
      traits.emplace();
      for (const auto& [key, value] : labels) (*traits->mutable_labels())[key] = value;
    }
    loop_.RunAndWait([&] {
      directory_ =
          std::make_unique<rpc::ChannelDirectory>(&loop_.loop(), rpc::ChannelDirectoryOptions());
      client_ = std::make_unique<rpc::AnnounceClient>(
          &loop_.loop(), directory_.get(), tracker, daemon::TestPeerAt(port, zone),
          rpc::AnnounceClient::Events{
              .on_connected = [this] { connected.Put(1); },
              .on_disconnected = [](const absl::Status&) {},
              .on_news = [](const rpc::v1::TorrentNews&) {},
              .on_order = [this](const AgentOrder& order) { orders.Put(order); }},
          traits);
    });
    connected.Wait(0);
  }
  ~TestAgent() {
    loop_.RunAndWait([this] {
      client_.reset();
      directory_.reset();
    });
  }

  void Say(const OrderStatus& status) {
    loop_.RunAndWait([&] { client_->Send(status); });
  }

  rpc::Mailbox<int> connected;
  rpc::Mailbox<AgentOrder> orders;

 private:
  net::LoopThread loop_{"agent"};
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::AnnounceClient> client_;
};

// A caller of one order, and what it was told.
struct Caller {
  // The ports of agents that were named, whatever they do.
  std::vector<uint32_t> asked() {
    std::vector<uint32_t> ports;
    absl::MutexLock lock(&mu);
    for (const auto& [port, status] : last) ports.push_back(port);
    return ports;
  }
  OrderStatus Of(uint32_t port) {
    absl::MutexLock lock(&mu);
    return last[port];
  }
  bool WaitFor(const std::function<bool(std::map<uint32_t, OrderStatus>&)>& holds) {
    absl::MutexLock lock(&mu);
    const auto met = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu) { return holds(last); };
    return mu.AwaitWithTimeout(absl::Condition(&met), rpc::kTestPatience);
  }

  absl::Mutex mu;
  std::map<uint32_t, OrderStatus> last ABSL_GUARDED_BY(mu);
  rpc::Mailbox<absl::Status> ended;
  std::shared_ptr<rpc::CallHandle> call;
};

class AgentOrdersTest : public ::testing::Test {
 protected:
  AgentOrdersTest() {
    loop_.RunAndWait([this] {
      access_ = std::make_unique<daemon::OriginAccess>(&loop_.loop(),
                                                       std::vector<std::string>{"127.0.0.1:1"},
                                                       /*max_replica=*/3);
    });
    caller_loop_.RunAndWait([this] {
      directory_ = std::make_unique<rpc::ChannelDirectory>(&caller_loop_.loop(),
                                                           rpc::ChannelDirectoryOptions());
      client_ = std::make_unique<rpc::TrackerClient>(&caller_loop_.loop(), directory_.get());
    });
    TrackerServerConfig config;
    config.orders_after = absl::ZeroDuration();
    Start(config);
  }
  ~AgentOrdersTest() override {
    tracker_.Stop();
    caller_loop_.RunAndWait([this] {
      client_.reset();
      directory_.reset();
    });
    loop_.RunAndWait([this] {
      service_.reset();
      hub_.reset();
      access_.reset();
    });
  }

  void Start(const TrackerServerConfig& config) {
    tracker_.Stop();
    loop_.RunAndWait([&] {
      service_.reset();
      hub_ = std::make_unique<AnnounceHub>(&loop_.loop(), &access_->client, access_->cluster.get(),
                                           config);
      service_ = std::make_unique<rpc::AnnounceService>(loop_.loop().handle(), hub_.get());
    });
    tracker_.Serve({service_.get()});
  }
  std::unique_ptr<TestAgent> Connect(int port, const std::string& zone = "",
                                     const Labels& labels = {}, bool takes_orders = true) {
    return std::make_unique<TestAgent>(tracker_.address(), port, zone, labels, takes_orders);
  }
  std::shared_ptr<Caller> Order(const OrderRequest& request) {
    auto caller = std::make_shared<Caller>();
    caller_loop_.RunAndWait([&] {
      caller->call = client_->Order(
          tracker_.address(), request,
          {.on_message =
               [caller](const OrderNews& news) {
                 absl::MutexLock lock(&caller->mu);
                 for (const rpc::v1::AgentReport& report : news.agents()) {
                   const auto high = static_cast<unsigned char>(report.peer_id()[0]);
                   const auto low = static_cast<unsigned char>(report.peer_id()[1]);
                   caller->last[high * 256u + low] = report.status();
                 }
               },
           .on_closed = [caller](absl::Status status) { caller->ended.Put(status); }});
    });
    return caller;
  }
  absl::Status EndOf(const OrderRequest& request) { return Order(request)->ended.Wait(0); }
  AgentOrdersStats Stats() {
    AgentOrdersStats stats;
    loop_.RunAndWait([&] { stats = hub_->stats().orders; });
    return stats;
  }

  net::LoopThread loop_{"tracker"};
  net::LoopThread caller_loop_{"caller"};
  std::unique_ptr<daemon::OriginAccess> access_;
  std::unique_ptr<AnnounceHub> hub_;
  std::unique_ptr<rpc::AnnounceService> service_;
  rpc::TestProcess tracker_{loop_};
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::TrackerClient> client_;
};

TEST_F(AgentOrdersTest, GoesToThoseWhoAreMeantAndTellsHowEachFares) {
  auto a = Connect(1001, "a");
  auto b = Connect(1002, "b");
  auto c = Connect(1003, "a");
  OrderRequest request = FetchOrder(IdOf('x'));
  request.mutable_agents()->add_zones("a");
  const auto caller = Order(request);
  const AgentOrder given = a->orders.Wait(0);
  EXPECT_EQ(given.SerializeAsString(), request.order().SerializeAsString());
  c->orders.Wait(0);
  a->Say(Status(given, rpc::v1::ORDER_STATE_RUNNING, 1));
  ASSERT_TRUE(caller->WaitFor([](auto& last) { return last[1001].blobs_done() == 1; }));
  EXPECT_THAT(caller->asked(), UnorderedElementsAre(1001, 1003));
  EXPECT_EQ(Stats().running, 1u);
  a->Say(Status(given, rpc::v1::ORDER_STATE_DONE, 2));
  ASSERT_TRUE(
      caller->WaitFor([](auto& last) { return last[1001].state() == rpc::v1::ORDER_STATE_DONE; }));
  EXPECT_EQ(caller->ended.size(), 0u) << "one is still at work";
  OrderStatus failed = Status(given, rpc::v1::ORDER_STATE_FAILED);
  *failed.mutable_failure() = rpc::ToFailure(absl::ResourceExhaustedError("disk full"));
  c->Say(failed);
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_EQ(caller->Of(1001).blobs_done(), 2u);
  EXPECT_EQ(caller->Of(1003).state(), rpc::v1::ORDER_STATE_FAILED);
  EXPECT_EQ(caller->Of(1003).failure().message(), "disk full");
  EXPECT_EQ(b->orders.size(), 0u);
  const AgentOrdersStats stats = Stats();
  EXPECT_EQ(stats.running, 0u);
  EXPECT_EQ(stats.done, 1u);
  EXPECT_EQ(stats.failed, 1u);
}

TEST_F(AgentOrdersTest, LabelsChoose) {
  auto fast = Connect(1001, "a", {{"disk", "ssd"}, {"rack", "7"}});
  auto slow = Connect(1002, "a", {{"disk", "hdd"}});
  OrderRequest request = FetchOrder(IdOf('x'));
  (*request.mutable_agents()->mutable_labels())["disk"] = "ssd";
  const auto caller = Order(request);
  fast->Say(Status(fast->orders.Wait(0), rpc::v1::ORDER_STATE_DONE));
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_THAT(caller->asked(), ElementsAre(1001));
}

TEST_F(AgentOrdersTest, AShareIsTheSameAgainForEveryOrder) {
  std::vector<std::unique_ptr<TestAgent>> agents;
  for (int port = 1001; port <= 1004; ++port) agents.push_back(Connect(port));
  std::vector<uint32_t> chosen;
  for (const char id : {'x', 'y', 'z'}) {
    OrderRequest request = FetchOrder(IdOf(id));
    request.mutable_agents()->set_share_per_10000(5'000);
    const auto caller = Order(request);
    ASSERT_TRUE(caller->WaitFor([](auto& last) { return last.size() == 2; }));
    if (chosen.empty()) chosen = caller->asked();
    EXPECT_EQ(caller->asked(), chosen);
    for (const uint32_t port : chosen) {
      TestAgent& agent = *agents[port - 1001];
      agent.Say(
          Status(agent.orders.Wait(static_cast<size_t>(id - 'x')), rpc::v1::ORDER_STATE_DONE));
    }
    EXPECT_OK(caller->ended.Wait(0));
  }
}

TEST_F(AgentOrdersTest, WithNobodyMeantItEndsAtOnce) {
  auto agent = Connect(1001, "a");
  OrderRequest request = FetchOrder(IdOf('x'));
  request.mutable_agents()->add_zones("nowhere");
  const auto caller = Order(request);
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_THAT(caller->asked(), IsEmpty());
}

TEST_F(AgentOrdersTest, AnAgentThatComesBackGoesOn) {
  auto agent = Connect(1001);
  const auto caller = Order(FetchOrder(IdOf('x')));
  agent->orders.Wait(0);
  agent.reset();
  agent = Connect(1001);
  const AgentOrder again = agent->orders.Wait(0);
  EXPECT_EQ(again.id(), IdOf('x'));
  EXPECT_EQ(caller->ended.size(), 0u);
  agent->Say(Status(again, rpc::v1::ORDER_STATE_DONE));
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_EQ(caller->Of(1001).state(), rpc::v1::ORDER_STATE_DONE);
}

TEST_F(AgentOrdersTest, AnAgentThatDoesNotIsGoneWhenTheTimeIsOver) {
  auto stays = Connect(1001);
  auto dies = Connect(1002);
  const auto caller = Order(FetchOrder(IdOf('x'), /*timeout_ms=*/1'000));
  stays->Say(Status(stays->orders.Wait(0), rpc::v1::ORDER_STATE_DONE));
  dies->orders.Wait(0);
  dies.reset();
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_EQ(caller->Of(1001).state(), rpc::v1::ORDER_STATE_DONE);
  EXPECT_EQ(caller->Of(1002).state(), rpc::v1::ORDER_STATE_GONE);
  EXPECT_EQ(Stats().gone, 1u);
}

TEST_F(AgentOrdersTest, WhoIsNotDoneInTimeHasFailedAndIsToldToStop) {
  auto agent = Connect(1001);
  const auto caller = Order(FetchOrder(IdOf('x'), /*timeout_ms=*/1));
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_EQ(caller->Of(1001).state(), rpc::v1::ORDER_STATE_FAILED);
  EXPECT_THAT(caller->Of(1001).failure().message(), HasSubstr("not done within 1ms"));
  EXPECT_TRUE(agent->orders.Wait(1).cancel());
}

TEST_F(AgentOrdersTest, WhenTheCallerHangsUpAgentsAreTold) {
  auto agent = Connect(1001);
  const auto caller = Order(FetchOrder(IdOf('x')));
  agent->orders.Wait(0);
  caller->call->Cancel();
  const AgentOrder cancel = agent->orders.Wait(1);
  EXPECT_TRUE(cancel.cancel());
  EXPECT_EQ(cancel.id(), IdOf('x'));
  EXPECT_THAT(caller->ended.Wait(0), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(Stats().running, 0u);
}

TEST_F(AgentOrdersTest, AnAgentOfAnOlderVersionIsNamed) {
  auto old = Connect(1001, "a", {}, /*takes_orders=*/false);
  const auto caller = Order(FetchOrder(IdOf('x')));
  EXPECT_OK(caller->ended.Wait(0));
  EXPECT_EQ(caller->Of(1001).state(), rpc::v1::ORDER_STATE_FAILED);
  EXPECT_THAT(caller->Of(1001).failure().message(), HasSubstr("takes no orders"));
  EXPECT_EQ(old->orders.size(), 0u);
}

TEST_F(AgentOrdersTest, OrdersAreChecked) {
  auto agent = Connect(1001);
  const auto caller = Order(FetchOrder(IdOf('x')));
  agent->orders.Wait(0);
  EXPECT_THAT(EndOf(FetchOrder(IdOf('x'))), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(EndOf(FetchOrder("short")), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(EndOf(FetchOrder(IdOf('a'), 0)), StatusIs(absl::StatusCode::kInvalidArgument));
  OrderRequest bad = FetchOrder(IdOf('a'));
  bad.mutable_order()->mutable_fetch()->set_namespace_("NO NAME");
  EXPECT_THAT(EndOf(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  bad = FetchOrder(IdOf('a'));
  bad.mutable_order()->mutable_fetch()->mutable_blobs(0)->set_digest("short");
  EXPECT_THAT(EndOf(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  bad = FetchOrder(IdOf('a'));
  for (int i = 0; i < rpc::kMaxOrderedBlobs; ++i) {
    *bad.mutable_order()->mutable_fetch()->add_blobs() = bad.order().fetch().blobs(0);
  }
  EXPECT_THAT(EndOf(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1001 blobs")));
  bad = FetchOrder(IdOf('a'));
  bad.mutable_order()->set_cancel(true);
  EXPECT_THAT(EndOf(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  bad = FetchOrder(IdOf('a'));
  bad.mutable_order()->clear_what();
  EXPECT_THAT(EndOf(bad), StatusIs(absl::StatusCode::kUnimplemented));
  bad = FetchOrder(IdOf('a'));
  bad.mutable_agents()->set_share_per_10000(10'001);
  EXPECT_THAT(EndOf(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Stats().refused, 9u);
  EXPECT_EQ(agent->orders.size(), 1u);
  // What is said of no order is no matter.
  agent->Say(Status(FetchOrder(IdOf('q')).order(), rpc::v1::ORDER_STATE_DONE));
  agent->Say(Status(agent->orders.Wait(0), rpc::v1::ORDER_STATE_DONE));
  EXPECT_OK(caller->ended.Wait(0));
}

TEST_F(AgentOrdersTest, TooManyAtATimeAreRefused) {
  auto agent = Connect(1001);
  std::vector<std::shared_ptr<Caller>> callers;
  for (size_t i = 0; i < rpc::kMaxOrders; ++i) {
    std::string id = IdOf('a');
    id[0] = static_cast<char>(i);
    callers.push_back(Order(FetchOrder(id)));
  }
  agent->orders.Wait(rpc::kMaxOrders - 1);
  EXPECT_THAT(EndOf(FetchOrder(IdOf('z'))), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(AgentOrdersTest, ATrackerThatHasJustBegunHasTooFewAgents) {
  Start(TrackerServerConfig());
  EXPECT_THAT(EndOf(FetchOrder(IdOf('x'))),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("just begun")));
}

TEST_F(AgentOrdersTest, ATrackerThatEndsSaysSo) {
  auto agent = Connect(1001);
  const auto caller = Order(FetchOrder(IdOf('x')));
  agent->orders.Wait(0);
  loop_.RunAndWait([this] { hub_->EndStreams(); });
  EXPECT_THAT(caller->ended.Wait(0), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(caller->Of(1001).state(), rpc::v1::ORDER_STATE_RUNNING);
}

TEST_F(AgentOrdersTest, LabelsThatCannotBeAreRefusedWithTheStream) {
  std::optional<rpc::v1::AgentTraits> traits(std::in_place);
  (*traits->mutable_labels())["a b"] = "c";
  rpc::Mailbox<absl::Status> ends;
  std::unique_ptr<rpc::AnnounceClient> client;
  caller_loop_.RunAndWait([&] {
    client = std::make_unique<rpc::AnnounceClient>(
        &caller_loop_.loop(), directory_.get(), tracker_.address(), daemon::TestPeerAt(1001),
        rpc::AnnounceClient::Events{
            .on_connected = [] { ADD_FAILURE(); },
            .on_disconnected = [&](const absl::Status& status) { ends.Put(status); },
            .on_news = [](const rpc::v1::TorrentNews&) {},
            .on_order = nullptr},
        traits);
  });
  EXPECT_THAT(ends.Wait(0), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("label")));
  caller_loop_.RunAndWait([&] { client.reset(); });
}

}  // namespace
}  // namespace kraken::tracker
