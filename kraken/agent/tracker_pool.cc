#include "kraken/agent/tracker_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/cluster/ring.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {
namespace {

rpc::v1::AnnounceEvent ToProto(swarm::AnnounceEvent event) {
  switch (event) {
    case swarm::AnnounceEvent::kJoin:
      return rpc::v1::ANNOUNCE_EVENT_JOIN;
    case swarm::AnnounceEvent::kProgress:
      return rpc::v1::ANNOUNCE_EVENT_PROGRESS;
    case swarm::AnnounceEvent::kComplete:
      return rpc::v1::ANNOUNCE_EVENT_COMPLETE;
    case swarm::AnnounceEvent::kLeave:
      return rpc::v1::ANNOUNCE_EVENT_LEAVE;
  }
  return rpc::v1::ANNOUNCE_EVENT_PROGRESS;
}

}  // namespace

TrackerPool::TrackerPool(net::EventLoop* loop, rpc::ChannelDirectory* directory,
                         cluster::ClusterMonitor* members)
    : loop_(loop), directory_(directory), members_(members) {}

TrackerPool::~TrackerPool() { members_->OnChange(nullptr); }

void TrackerPool::TakeOrders(const std::map<std::string, std::string>& labels, OnOrder on_order) {
  traits_.emplace();
  for (const auto& [key, value] : labels) (*traits_->mutable_labels())[key] = value;
  on_order_ = std::move(on_order);
}

void TrackerPool::Start(const swarm::PeerInfo& self, const std::string& zone, OnNews on_news,
                        OnTrackersChanged on_trackers_changed) {
  swarm::PeerInfo peer = self;
  peer.zone = zones_.NumberOf(zone);
  self_ = rpc::ToProto(peer, zones_);
  on_news_ = std::move(on_news);
  on_trackers_changed_ = std::move(on_trackers_changed);
  members_->OnChange([this] { SyncMembers(); });
  SyncMembers();
}

void TrackerPool::SyncMembers() {
  const std::vector<std::string>& members = members_->ring()->members();
  const size_t before = clients_.size();
  for (auto it = clients_.begin(); it != clients_.end();) {
    const bool gone = std::find(members.begin(), members.end(), it->first) == members.end();
    if (gone) failures_.erase(it->first);
    it = gone ? clients_.erase(it) : std::next(it);
  }
  if (clients_.size() < before) TrackersChanged();
  for (const std::string& tracker : members) {
    if (clients_.contains(tracker)) continue;
    rpc::AnnounceClient::Events events;
    events.on_connected = [this, tracker] {
      failures_.erase(tracker);
      telemetry::LogInfo("tracker connected", {{"tracker", tracker}});
      TrackersChanged();
    };
    events.on_disconnected = [this, tracker](const absl::Status& status) {
      std::string& failure = failures_[tracker];
      if (failure != status.message()) {
        telemetry::LogWarn("no tracker", {{"tracker", tracker}, {"reason", status.ToString()}});
      }
      // A new attempt that failed as the last one changes nothing.
      const bool was_connected = failure.empty();
      failure = std::string(status.message());
      if (was_connected) TrackersChanged();
    };
    events.on_news = [this](const rpc::v1::TorrentNews& news) {
      absl::StatusOr<Digest> digest = rpc::DigestFromBytes(news.digest());
      if (digest.ok()) on_news_(*digest, news);
    };
    if (on_order_) {
      events.on_order = [this, tracker](const rpc::v1::AgentOrder& order) {
        on_order_(tracker, order);
      };
    }
    clients_[tracker] = std::make_unique<rpc::AnnounceClient>(loop_, directory_, tracker, self_,
                                                              std::move(events), traits_);
  }
}

rpc::AnnounceClient* TrackerPool::ClientFor(const Digest& digest) {
  std::vector<std::string> members;
  std::vector<std::string> connected;
  for (const auto& [tracker, client] : clients_) {
    members.push_back(tracker);
    if (client->connected()) connected.push_back(tracker);
  }
  const std::vector<std::string> locations =
      cluster::Ring(members, connected, /*max_replica=*/1).Locations(digest);
  return locations.empty() ? nullptr : clients_[locations.front()].get();
}

void TrackerPool::WantMetainfo(const Digest& digest, const std::string& ns) {
  wanted_[digest] = ns;
  Ask(digest, ns);
}

void TrackerPool::StopWanting(const Digest& digest) {
  if (wanted_.erase(digest) == 0) return;
  rpc::AnnounceClient* client = ClientFor(digest);
  if (client == nullptr) return;
  // Otherwise the tracker takes the next wish for a repetition of this one, and tells nothing.
  rpc::v1::AnnounceRecord record;
  record.set_digest(rpc::ToBytes(digest));
  record.set_event(rpc::v1::ANNOUNCE_EVENT_LEAVE);
  client->Send(std::move(record));
}

void TrackerPool::TrackersChanged() {
  for (const auto& [digest, ns] : wanted_) Ask(digest, ns);
  on_trackers_changed_();
}

void TrackerPool::Ask(const Digest& digest, const std::string& ns) {
  rpc::AnnounceClient* client = ClientFor(digest);
  if (client == nullptr) return;
  rpc::v1::AnnounceRecord record;
  record.set_digest(rpc::ToBytes(digest));
  record.set_namespace_(ns);
  record.set_want_metainfo(true);
  client->Send(std::move(record));
}

void TrackerPool::Announce(swarm::TorrentId, const swarm::AnnounceRecord& record) {
  rpc::AnnounceClient* client = ClientFor(record.key.digest);
  if (client == nullptr) return;
  rpc::v1::AnnounceRecord proto;
  proto.set_digest(rpc::ToBytes(record.key.digest));
  proto.set_piece_length_bytes(static_cast<uint64_t>(record.key.piece_length.value()));
  proto.set_event(ToProto(record.event));
  proto.set_have_pieces(static_cast<uint32_t>(record.have.value()));
  proto.set_piece_count(static_cast<uint32_t>(record.piece_count.value()));
  proto.set_want_peers(record.want_peers);
  auto wanted = wanted_.find(record.key.digest);
  if (wanted != wanted_.end()) {
    proto.set_want_metainfo(true);
    proto.set_namespace_(wanted->second);
  }
  client->Send(std::move(proto));
}

void TrackerPool::Report(const std::string& tracker, const rpc::v1::OrderStatus& status) {
  const auto client = clients_.find(tracker);
  if (client != clients_.end()) client->second->Send(status);
}

absl::Status TrackerPool::status() const {
  for (const auto& [tracker, client] : clients_) {
    if (client->connected()) return absl::OkStatus();
  }
  if (failures_.empty()) return absl::UnavailableError("no tracker is connected yet");
  return absl::UnavailableError(absl::StrCat(
      "no tracker is connected: ", absl::StrJoin(failures_, "; ", absl::PairFormatter(": "))));
}

}  // namespace kraken::agent
