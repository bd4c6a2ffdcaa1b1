#include "kraken/rpc/announce_client.h"

#include <algorithm>
#include <utility>

#include "kraken/rpc/stream.h"
#include "kraken/rpc/tracker.grpc.pb.h"

namespace kraken::rpc {
namespace {

// And of orders' states.
constexpr size_t kMaxRecordsPerMessage = 64;
constexpr absl::Duration kGather = absl::Milliseconds(2);
constexpr BackoffOptions kReconnect = {.initial_interval = absl::Milliseconds(100),
                                       .max_interval = absl::Seconds(5)};
// Whatever a tracker asks for.
constexpr absl::Duration kMinHeartbeat = absl::Milliseconds(100);
constexpr absl::Duration kMaxHeartbeat = absl::Minutes(1);

// Moves the part of `from` that fits into a message from `begin` on into `to`.
template <typename T, typename Repeated>
void MovePart(std::vector<T>& from, size_t begin, Repeated& to) {
  const size_t end = std::min(from.size(), begin + kMaxRecordsPerMessage);
  for (size_t i = begin; i < end; ++i) *to.Add() = std::move(from[i]);
}

}  // namespace

AnnounceClient::AnnounceClient(net::EventLoop* loop, ChannelDirectory* directory,
                               std::string tracker_address, v1::Peer self, Events events,
                               std::optional<v1::AgentTraits> agent)
    : loop_(loop),
      directory_(directory),
      address_(std::move(tracker_address)),
      self_(std::move(self)),
      agent_(std::move(agent)),
      events_(std::move(events)),
      backoff_(kReconnect, &random_),
      alive_(std::make_shared<AnnounceClient*>(this)) {
  Connect();
}

AnnounceClient::~AnnounceClient() {
  *alive_ = nullptr;
  loop_->CancelTimer(flush_timer_);
  loop_->CancelTimer(retry_timer_);
  loop_->CancelTimer(heartbeat_timer_);
  if (connected_) Flush();
  if (outlet_ != nullptr) outlet_->Finish(absl::OkStatus());
}

void AnnounceClient::Connect() {
  directory_->Get(address_,
                  [alive = alive_](absl::StatusOr<std::shared_ptr<grpc::Channel>> channel) {
                    AnnounceClient* self = *alive;
                    if (self == nullptr) return;
                    if (channel.ok()) {
                      self->Open(*std::move(channel));
                    } else {
                      self->OnClosed(channel.status());
                    }
                  });
}

void AnnounceClient::Open(std::shared_ptr<grpc::Channel> channel) {
  outlet_ = std::make_shared<Outlet<v1::AnnounceRequest>>(kMaxQueuedMessages);
  StreamEvents<v1::AnnounceReply> events;
  events.on_message = [alive = alive_](const v1::AnnounceReply& reply) {
    if (*alive != nullptr) (*alive)->OnReply(reply);
  };
  events.on_closed = [alive = alive_](absl::Status status) {
    if (*alive != nullptr) (*alive)->OnClosed(status);
  };
  // The first message introduces us; the tracker's first answer, perhaps an empty one, says that
  // the stream stands.
  v1::AnnounceRequest hello;
  *hello.mutable_self() = self_;
  if (agent_.has_value()) *hello.mutable_agent() = *agent_;
  outlet_->Write(std::move(hello));
  std::shared_ptr<v1::Tracker::Stub> stub = v1::Tracker::NewStub(std::move(channel));
  BidiClientStream<v1::AnnounceReply, v1::AnnounceRequest>::Open(
      loop_->handle(), std::move(events), outlet_,
      [stub](grpc::ClientContext* context, auto* reactor) {
        stub->async()->Announce(context, reactor);
      });
}

void AnnounceClient::OnReply(const v1::AnnounceReply& reply) {
  if (!connected_) {
    connected_ = true;
    backoff_.Reset();
    last_sent_ = net::EventLoop::MonotonicNow();
    heartbeat_ = absl::ZeroDuration();
    if (reply.heartbeat_ms() > 0) {
      heartbeat_ =
          std::clamp(absl::Milliseconds(reply.heartbeat_ms()), kMinHeartbeat, kMaxHeartbeat);
      ScheduleHeartbeat();
    }
    if (events_.on_connected) events_.on_connected();
  }
  for (const v1::TorrentNews& news : reply.torrents()) events_.on_news(news);
  if (!events_.on_order) return;
  for (const v1::AgentOrder& order : reply.orders()) events_.on_order(order);
}

void AnnounceClient::OnClosed(const absl::Status& status) {
  connected_ = false;
  outlet_ = nullptr;
  pending_.clear();
  pending_orders_.clear();
  directory_->Suspect(address_);
  if (events_.on_disconnected) {
    events_.on_disconnected(status.ok() ? absl::UnavailableError("the tracker ended the stream")
                                        : status);
  }
  loop_->CancelTimer(heartbeat_timer_);
  loop_->CancelTimer(retry_timer_);
  retry_timer_ = loop_->RunAfter(backoff_.NextDelay().value(), [this] { Connect(); });
}

void AnnounceClient::Send(v1::AnnounceRecord record) {
  if (!connected_) return;
  pending_.push_back(std::move(record));
  FlushSoon();
}

void AnnounceClient::Send(v1::OrderStatus status) {
  if (!connected_) return;
  pending_orders_.push_back(std::move(status));
  FlushSoon();
}

void AnnounceClient::FlushSoon() {
  if (flush_timer_ != net::TimerId::kNone) return;
  flush_timer_ = loop_->RunAfter(kGather, [this] {
    flush_timer_ = net::TimerId::kNone;
    Flush();
  });
}

void AnnounceClient::Flush() {
  const size_t count = std::max(pending_.size(), pending_orders_.size());
  for (size_t begin = 0; begin < count && outlet_ != nullptr; begin += kMaxRecordsPerMessage) {
    v1::AnnounceRequest request;
    MovePart(pending_, begin, *request.mutable_records());
    MovePart(pending_orders_, begin, *request.mutable_orders());
    outlet_->Write(std::move(request));
    last_sent_ = net::EventLoop::MonotonicNow();
  }
  pending_.clear();
  pending_orders_.clear();
}

// At multiples of the interval, so that a process with several trackers wakes up once for all.
void AnnounceClient::ScheduleHeartbeat() {
  const absl::Duration now = net::EventLoop::MonotonicNow().since_origin();
  loop_->CancelTimer(heartbeat_timer_);
  heartbeat_timer_ = loop_->RunAfter(absl::Floor(now, heartbeat_) + heartbeat_ - now,
                                     [this] { OnHeartbeatTime(); });
}

void AnnounceClient::OnHeartbeatTime() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  // So the longest silence is one and a half intervals.
  if (now - last_sent_ > heartbeat_ / 2) {
    outlet_->Write(v1::AnnounceRequest());
    last_sent_ = now;
  }
  ScheduleHeartbeat();
}

}  // namespace kraken::rpc
