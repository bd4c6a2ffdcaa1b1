#include "kraken/agent/origin_pool.h"

#include <utility>

#include "absl/time/time.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"

namespace kraken::agent {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
// StopWanting() ends what is wanted, nothing else does.
constexpr daemon::MetainfoRelayOptions kRelayOptions = {.ttl = absl::InfiniteDuration()};

rpc::v1::TorrentNews NewsOf(const Digest& digest) {
  rpc::v1::TorrentNews news;
  news.set_digest(rpc::ToBytes(digest));
  return news;
}

}  // namespace

OriginPool::OriginPool(net::EventLoop* loop, rpc::ChannelDirectory* directory,
                       cluster::ClusterMonitor* members)
    : loop_(loop),
      client_(loop, directory),
      relay_(loop, &client_, members, kRelayOptions, this),
      alive_(std::make_shared<OriginPool*>(this)) {}

OriginPool::~OriginPool() {
  *alive_ = nullptr;
  loop_->CancelTimer(sweep_timer_);
}

void OriginPool::Start(OnNews on_news, OnAnswer on_answer) {
  on_news_ = std::move(on_news);
  on_answer_ = std::move(on_answer);
}

void OriginPool::Want(const Digest& digest, const std::string& ns) {
  End(digest);
  relay_.Want(digest, ns);
  ScheduleSweep();
}

void OriginPool::StopWanting(const Digest& digest) {
  if (!ended_.insert(digest).second) return;
  loop_->Defer([alive = alive_, digest] {
    if (*alive != nullptr) (*alive)->End(digest);
  });
}

void OriginPool::End(const Digest& digest) {
  if (ended_.erase(digest) > 0) relay_.StopWanting(digest);
}

void OriginPool::ScheduleSweep() {
  if (sweep_timer_ != net::TimerId::kNone || relay_.blob_count() == 0) return;
  sweep_timer_ = loop_->RunAfter(kSweepInterval, [this] {
    sweep_timer_ = net::TimerId::kNone;
    relay_.Sweep();
    ScheduleSweep();
  });
}

void OriginPool::OnAnswered(const Digest& digest) { on_answer_(digest); }

void OriginPool::OnMetainfo(const Digest& digest, const rpc::v1::Metainfo& metainfo) {
  rpc::v1::TorrentNews news = NewsOf(digest);
  *news.mutable_metainfo() = metainfo;
  on_news_(digest, news);
}

void OriginPool::OnOrigin(const Digest& digest, const rpc::v1::Peer& origin,
                          uint64_t piece_length_bytes, bool complete) {
  rpc::v1::TorrentNews news = NewsOf(digest);
  news.set_piece_length_bytes(piece_length_bytes);
  rpc::v1::Peer& peer = *news.add_peers();
  peer = origin;
  peer.set_complete(complete);
  on_news_(digest, news);
}

void OriginPool::OnRevoked(const Digest& digest, const absl::Status& reason) {
  rpc::v1::TorrentNews news = NewsOf(digest);
  *news.mutable_revoked() = rpc::ToFailure(reason);
  on_news_(digest, news);
}

void OriginPool::OnUnavailable(const Digest& digest, const absl::Status& reason) {
  rpc::v1::TorrentNews news = NewsOf(digest);
  *news.mutable_failure() = rpc::ToFailure(reason);
  on_news_(digest, news);
}

}  // namespace kraken::agent
