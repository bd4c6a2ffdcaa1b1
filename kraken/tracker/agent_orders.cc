#include "kraken/tracker/agent_orders.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::tracker {
namespace {

// Reports of one message.
constexpr size_t kMaxReports = 1000;
// What is new of many agents is told together.
constexpr absl::Duration kTellInterval = absl::Milliseconds(50);

std::string BytesOf(const PeerId& id) {
  return std::string(reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size());
}

bool IsRunning(const rpc::v1::AgentReport& report) {
  return report.status().state() == rpc::v1::ORDER_STATE_RUNNING;
}

}  // namespace

AgentOrders::AgentOrders(net::EventLoop* loop, const AgentOrdersOptions& options)
    : loop_(loop), options_(options), begun_(net::EventLoop::MonotonicNow()) {}

AgentOrders::~AgentOrders() {
  for (auto& [id, order] : orders_) loop_->CancelTimer(order->tell_timer);
}

// ---- Agents ----

void AgentOrders::Send(const Agent& agent, const rpc::v1::AgentOrder& order) {
  rpc::v1::AnnounceReply reply;
  *reply.add_orders() = order;
  agent.stream->Write(std::move(reply));
}

void AgentOrders::OnAgent(const PeerId& id, Agent agent) {
  Agent& known = agents_[id];
  const bool is_back = known.stream != agent.stream;
  known = std::move(agent);
  if (!is_back) return;
  for (auto& [order_id, order] : orders_) {
    const auto part = order->parts.find(id);
    if (part == order->parts.end() || !IsRunning(part->second.report)) continue;
    part->second.is_away = false;
    if (known.takes_orders) Send(known, order->order);
  }
}

void AgentOrders::OnAgentLost(const PeerId& id) {
  if (agents_.erase(id) == 0) return;
  for (auto& [order_id, order] : orders_) {
    const auto part = order->parts.find(id);
    if (part == order->parts.end()) continue;
    part->second.is_away = true;
    part->second.away_since = net::EventLoop::MonotonicNow();
  }
}

void AgentOrders::OnStatus(const PeerId& id, const rpc::v1::OrderStatus& status) {
  const auto found = orders_.find(status.id());
  if (found == orders_.end()) return;
  Order& order = *found->second;
  const auto part = order.parts.find(id);
  if (part == order.parts.end() || !IsRunning(part->second.report)) return;
  rpc::v1::OrderStatus& told = *part->second.report.mutable_status();
  told.set_blobs_done(status.blobs_done());
  told.set_bytes_done(status.bytes_done());
  if (status.state() == rpc::v1::ORDER_STATE_RUNNING) {
    MarkNews(order, id, part->second);
  } else if (status.state() == rpc::v1::ORDER_STATE_DONE) {
    Conclude(order, id, part->second, rpc::v1::ORDER_STATE_DONE, absl::OkStatus());
  } else {
    Conclude(order, id, part->second, rpc::v1::ORDER_STATE_FAILED,
             status.has_failure() ? rpc::FromFailure(status.failure())
                                  : absl::UnknownError("the agent does not say why"));
  }
  FinishIfDone(order);
}

// ---- Who gives orders ----

void AgentOrders::Take(rpc::v1::OrderRequest request, std::shared_ptr<rpc::OrderOutlet> outlet) {
  const absl::Status begun = Begin(request, outlet);
  if (begun.ok()) {
    ++stats_.taken;
    return;
  }
  ++stats_.refused;
  outlet->Finish(begun);
}

absl::Status AgentOrders::Begin(rpc::v1::OrderRequest& request,
                                const std::shared_ptr<rpc::OrderOutlet>& outlet) {
  if (stopped_) return absl::UnavailableError("the tracker is shutting down");
  KH_RETURN_IF_ERROR(rpc::CheckOrder(request.order()));
  KH_RETURN_IF_ERROR(CheckSelection(request.agents()));
  if (request.order().has_cancel()) {
    return absl::InvalidArgumentError("who hangs up gives an order up");
  }
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  if (now - begun_ < options_.settle) {
    return absl::UnavailableError("the tracker has just begun: its agents may not be back yet");
  }
  if (orders_.size() >= rpc::kMaxOrders) {
    return absl::ResourceExhaustedError(
        absl::StrCat(orders_.size(), " orders are at work, the most that a tracker takes"));
  }
  std::unique_ptr<Order>& slot = orders_[request.order().id()];
  if (slot != nullptr) return absl::AlreadyExistsError("an order of this id is at work");
  slot = std::make_unique<Order>();
  Order& order = *slot;
  order.outlet = outlet;
  order.deadline = now + absl::Milliseconds(request.order().timeout_ms());
  order.order = std::move(*request.mutable_order());
  std::vector<PeerId> matching;
  for (const auto& [id, agent] : agents_) {
    if (Matches(request.agents(), agent.zone, agent.labels)) matching.push_back(id);
  }
  for (const PeerId& id : TakeShare(request.agents(), std::move(matching))) {
    AddPart(order, id, agents_.find(id)->second);
  }
  telemetry::LogInfo(
      "agents are given an order",
      {{"what", order.order.has_fetch() ? "fetch" : "drop"}, {"agents", order.parts.size()}});
  // All of them, before anything comes of it.
  Tell(order);
  FinishIfDone(order);
  return absl::OkStatus();
}

void AgentOrders::AddPart(Order& order, const PeerId& id, const Agent& agent) {
  Part& part = order.parts[id];
  part.report.set_peer_id(BytesOf(id));
  part.report.set_ip(agent.ip);
  part.report.set_zone(agent.zone);
  ++order.at_work;
  MarkNews(order, id, part);
  if (agent.takes_orders) {
    Send(agent, order.order);
  } else {
    Conclude(order, id, part, rpc::v1::ORDER_STATE_FAILED,
             absl::UnimplementedError("this agent's version takes no orders"));
  }
}

void AgentOrders::MarkNews(Order& order, const PeerId& id, Part& part) {
  if (!std::exchange(part.is_news, true)) order.news.push_back(id);
  if (order.tell_timer != net::TimerId::kNone) return;
  order.tell_timer = loop_->RunAfter(kTellInterval, [this, order = &order] {
    order->tell_timer = net::TimerId::kNone;
    Tell(*order);
  });
}

void AgentOrders::Conclude(Order& order, const PeerId& id, Part& part, rpc::v1::OrderState state,
                           const absl::Status& why) {
  rpc::v1::OrderStatus& status = *part.report.mutable_status();
  status.set_state(state);
  if (!why.ok()) *status.mutable_failure() = rpc::ToFailure(why);
  --order.at_work;
  ++(state == rpc::v1::ORDER_STATE_DONE   ? stats_.done
     : state == rpc::v1::ORDER_STATE_GONE ? stats_.gone
                                          : stats_.failed);
  MarkNews(order, id, part);
}

void AgentOrders::Tell(Order& order) {
  loop_->CancelTimer(std::exchange(order.tell_timer, net::TimerId::kNone));
  const std::vector<PeerId> news = std::exchange(order.news, {});
  for (size_t begin = 0; begin < news.size(); begin += kMaxReports) {
    const size_t end = std::min(news.size(), begin + kMaxReports);
    rpc::v1::OrderNews message;
    for (size_t i = begin; i < end; ++i) {
      Part& part = order.parts.find(news[i])->second;
      part.is_news = false;
      *message.add_agents() = part.report;
    }
    order.outlet->Write(std::move(message));
  }
}

void AgentOrders::FinishIfDone(Order& order) {
  if (order.at_work > 0) return;
  Tell(order);
  order.outlet->Finish(absl::OkStatus());
  Erase(order.order.id());
}

void AgentOrders::Erase(const std::string& id) {
  const auto found = orders_.find(id);
  loop_->CancelTimer(found->second->tell_timer);
  orders_.erase(found);
}

void AgentOrders::SendCancel(const Order& order) {
  rpc::v1::AgentOrder cancel;
  cancel.set_id(order.order.id());
  cancel.set_cancel(true);
  for (const auto& [id, part] : order.parts) {
    const auto agent = agents_.find(id);
    if (IsRunning(part.report) && agent != agents_.end()) Send(agent->second, cancel);
  }
}

void AgentOrders::OnCallerGone(const std::shared_ptr<rpc::OrderOutlet>& outlet) {
  for (const auto& [id, order] : orders_) {
    if (order->outlet != outlet) continue;
    SendCancel(*order);
    return Erase(id);
  }
}

void AgentOrders::Stop() {
  stopped_ = true;
  while (!orders_.empty()) {
    Order& order = *orders_.begin()->second;
    Tell(order);
    order.outlet->Finish(absl::UnavailableError("the tracker is shutting down"));
    Erase(order.order.id());
  }
}

void AgentOrders::Tick() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  std::vector<Order*> orders;
  orders.reserve(orders_.size());
  for (const auto& [id, order] : orders_) orders.push_back(order.get());
  for (Order* order : orders) {
    const bool is_late = now >= order->deadline;
    if (is_late) SendCancel(*order);
    for (auto& [id, part] : order->parts) {
      if (!IsRunning(part.report)) continue;
      if (part.is_away && (is_late || now - part.away_since >= options_.away)) {
        Conclude(*order, id, part, rpc::v1::ORDER_STATE_GONE,
                 absl::UnavailableError("the agent is gone"));
      } else if (is_late) {
        Conclude(*order, id, part, rpc::v1::ORDER_STATE_FAILED,
                 absl::DeadlineExceededError(absl::StrCat(
                     "it was not done within ",
                     absl::FormatDuration(absl::Milliseconds(order->order.timeout_ms())))));
      }
    }
    FinishIfDone(*order);
  }
}

AgentOrdersStats AgentOrders::stats() const {
  AgentOrdersStats stats = stats_;
  stats.running = orders_.size();
  return stats;
}

}  // namespace kraken::tracker
