#include "kraken/daemon/metainfo_relay.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

constexpr size_t kStateBytes = 32;

// The number of states up to the end of a range.
uint64_t EndOf(const rpc::v1::PieceRange& range) {
  return range.first() + range.states().size() / kStateBytes;
}

// A watch never ends well: an origin that has told all keeps the stream open.
absl::Status FailureOf(const std::string& host, const absl::Status& status) {
  if (!status.ok()) return status;
  return absl::UnavailableError(absl::StrCat(host, ": ended the metainfo stream without a reason"));
}

}  // namespace

struct MetainfoRelay::Watch {
  uint64_t id = 0;
  std::string host;
  std::shared_ptr<rpc::CallHandle> call;
  std::optional<rpc::v1::Peer> origin;
  bool complete = false;
};

struct MetainfoRelay::Blob {
  // Empty: not known.
  std::string ns;
  rpc::v1::Metainfo known;
  // States [0, known_end) are in `known`.
  uint64_t known_end = 0;
  uint64_t piece_length = 0;
  std::shared_ptr<const swarm::KrakenMetainfo> kraken;
  std::vector<Watch> watches;
  // By host: why its last watch ended. They name the host.
  absl::btree_map<std::string, std::string> failures;
  MonotonicTime last_wanted;
  MonotonicTime retry_at;
  MonotonicTime renew_at;

  std::string DescribeFailures() const {
    return absl::StrJoin(failures, "; ",
                         [](std::string* out, const auto& entry) { out->append(entry.second); });
  }
  // 0: not known, or the blob is not in pieces for anybody.
  uint64_t swarm_piece_length() const {
    if (piece_length != 0 || kraken == nullptr) return piece_length;
    return static_cast<uint64_t>(kraken->piece_length().value());
  }
  bool has_news() const { return known.is_inline() || piece_length != 0; }
  Watch* FindWatch(const std::string& host) {
    for (Watch& watch : watches) {
      if (watch.host == host) return &watch;
    }
    return nullptr;
  }
};

MetainfoRelay::MetainfoRelay(net::EventLoop* loop, rpc::OriginClient* origins,
                             cluster::ClusterMonitor* cluster, const MetainfoRelayOptions& options,
                             RelayObserver* observer)
    : loop_(loop),
      origins_(origins),
      cluster_(cluster),
      options_(options),
      observer_(observer),
      alive_(std::make_shared<MetainfoRelay*>(this)) {}

MetainfoRelay::~MetainfoRelay() {
  *alive_ = nullptr;
  for (auto& [digest, blob] : blobs_) {
    for (Watch& watch : blob->watches) watch.call->Cancel();
  }
}

void MetainfoRelay::Want(const Digest& digest, const std::string& ns) {
  std::unique_ptr<Blob>& blob = blobs_[digest];
  const bool is_new = blob == nullptr;
  if (is_new) {
    blob = std::make_unique<Blob>();
    blob->ns = ns;
  }
  blob->last_wanted = net::EventLoop::MonotonicNow();
  if (!is_new && blob->ns.empty() && !ns.empty()) Rewatch(digest, *blob, ns);
  if (!is_new) return;
  OpenMissing(digest, *blob);
  if (blob->watches.empty()) {
    const absl::Status status = absl::UnavailableError("no origin is known (origin.hosts)");
    loop_->Defer([alive = alive_, digest, status] {
      if (*alive != nullptr) (*alive)->Forget(digest, &status);
    });
  }
}

void MetainfoRelay::StopWanting(const Digest& digest) {
  auto it = blobs_.find(digest);
  if (it == blobs_.end()) return;
  const std::unique_ptr<Blob> blob = std::move(it->second);
  blobs_.erase(it);
  for (const Watch& watch : blob->watches) watch.call->Cancel();
}

const rpc::v1::Metainfo* MetainfoRelay::Known(const Digest& digest) const {
  auto it = blobs_.find(digest);
  return it != blobs_.end() && it->second->has_news() ? &it->second->known : nullptr;
}

// The namespace has become known. Origins that have not been told of it may not know the blob.
void MetainfoRelay::Rewatch(const Digest& digest, Blob& blob, const std::string& ns) {
  blob.ns = ns;
  if (blob.has_news()) return;
  for (const Watch& watch : blob.watches) watch.call->Cancel();
  blob.watches.clear();
  OpenMissing(digest, blob);
}

std::shared_ptr<const swarm::KrakenMetainfo> MetainfoRelay::FindKraken(const Digest& digest) const {
  const auto it = blobs_.find(digest);
  return it == blobs_.end() ? nullptr : it->second->kraken;
}

swarm::TorrentKey MetainfoRelay::KeyOf(const swarm::KrakenMetainfo& metainfo) const {
  const uint64_t piece_length = blobs_.at(metainfo.digest())->swarm_piece_length();
  return {metainfo.digest(), ByteCount(static_cast<int64_t>(piece_length))};
}

void MetainfoRelay::OpenMissing(const Digest& digest, Blob& blob) {
  for (const std::string& host : cluster_->ring()->Locations(digest)) {
    if (blob.FindWatch(host) == nullptr) Open(digest, blob, host);
  }
}

void MetainfoRelay::Open(const Digest& digest, Blob& blob, const std::string& host) {
  Watch watch;
  watch.id = next_watch_++;
  watch.host = host;
  rpc::v1::WatchMetainfoRequest request;
  request.set_digest(rpc::ToBytes(digest));
  request.set_namespace_(blob.ns);
  request.set_only_if_here(blob.ns.empty());
  // A callback of a former watch of the same blob at the same host must not be taken for this
  // one's.
  const auto current = [alive = alive_, digest, host, id = watch.id]() -> MetainfoRelay* {
    MetainfoRelay* self = *alive;
    if (self == nullptr) return nullptr;
    auto it = self->blobs_.find(digest);
    if (it == self->blobs_.end()) return nullptr;
    const Watch* watch = it->second->FindWatch(host);
    return watch != nullptr && watch->id == id ? self : nullptr;
  };
  watch.call =
      origins_->WatchMetainfo(host, request,
                              {.on_message =
                                   [current, digest, host](rpc::v1::MetainfoNews news) {
                                     if (auto* self = current()) {
                                       self->OnNews(digest, host, std::move(news));
                                     }
                                   },
                               .on_closed =
                                   [current, digest, host](const absl::Status& status) {
                                     if (auto* self = current()) {
                                       self->OnClosed(digest, host, FailureOf(host, status));
                                     }
                                   }});
  blob.watches.push_back(std::move(watch));
}

void MetainfoRelay::OnNews(const Digest& digest, const std::string& host,
                           rpc::v1::MetainfoNews news) {
  Blob& blob = *blobs_[digest];
  Watch& watch = *blob.FindWatch(host);
  if (news.has_revoked()) {
    const absl::Status reason = rpc::FromFailure(news.revoked());
    telemetry::LogWarn(
        "piece list revoked",
        {{"digest", digest.ToString()}, {"origin", host}, {"reason", reason.ToString()}});
    observer_->OnRevoked(digest, reason);
    Forget(digest, nullptr);
    return;
  }
  if (news.has_origin()) watch.origin = news.origin();
  observer_->OnAnswered(digest);
  if (news.has_metainfo()) {
    if (news.metainfo().complete()) watch.complete = true;
    Absorb(digest, blob, news.metainfo());
  }
  ReportOrigin(digest, blob, watch);
}

// Keeps and passes on what is new. Several origins say the same of a blob, each at its own pace.
void MetainfoRelay::Absorb(const Digest& digest, Blob& blob, const rpc::v1::Metainfo& metainfo) {
  rpc::v1::Metainfo fresh;
  fresh.set_size_bytes(metainfo.size_bytes());
  bool is_news = false;
  if (metainfo.is_inline() && !blob.known.is_inline()) {
    fresh = metainfo;
    blob.known = metainfo;
    blob.known.clear_kraken();
    is_news = true;
  }
  for (const rpc::v1::PieceRange& range : metainfo.ranges()) {
    const bool first = blob.piece_length == 0;
    if (first) blob.piece_length = range.piece_length_bytes();
    if (range.piece_length_bytes() != blob.piece_length) continue;
    const bool adds = range.first() <= blob.known_end && EndOf(range) > blob.known_end;
    if (!adds && !first) {
      Renew(range, blob);
      continue;
    }
    // One range that says everything replaces the many that it came in.
    if (range.first() == 0) blob.known.clear_ranges();
    blob.known_end = std::max(blob.known_end, EndOf(range));
    *blob.known.add_ranges() = range;
    *fresh.add_ranges() = range;
    is_news = true;
  }
  blob.known.set_size_bytes(metainfo.size_bytes());
  if (metainfo.complete() && !blob.known.complete()) {
    blob.known.set_complete(true);
    fresh.set_complete(true);
    is_news = true;
  }
  AbsorbKraken(digest, blob, metainfo, fresh);
  if (is_news || fresh.has_kraken()) observer_->OnMetainfo(digest, fresh);
}

// An origin that has another certificate tells its whole list again. Who asks from now on is told
// that one, as the certificate of the one before may end; it says nothing new.
void MetainfoRelay::Renew(const rpc::v1::PieceRange& range, Blob& blob) {
  const bool is_whole = range.first() == 0 && EndOf(range) >= blob.known_end;
  if (!is_whole || blob.known.ranges_size() == 0) return;
  if (range.certificate_chain() == blob.known.ranges(0).certificate_chain()) return;
  blob.known.clear_ranges();
  *blob.known.add_ranges() = range;
}

// Keeps the sums for peers of version 1; ours need nothing but the info hash.
void MetainfoRelay::AbsorbKraken(const Digest& digest, Blob& blob,
                                 const rpc::v1::Metainfo& metainfo, rpc::v1::Metainfo& fresh) {
  fresh.clear_kraken();
  if (!metainfo.has_kraken() || blob.kraken != nullptr) return;
  auto kraken = rpc::FromProto(metainfo.kraken(), digest, metainfo.size_bytes());
  if (!kraken.ok()) {
    telemetry::LogWarn("bad sums from an origin",
                       {{"digest", digest.ToString()}, {"reason", kraken.status()}});
    return;
  }
  blob.kraken = std::make_shared<const swarm::KrakenMetainfo>(*std::move(kraken));
  rpc::v1::KrakenMetainfo* hash = fresh.mutable_kraken();
  hash->set_piece_length_bytes(metainfo.kraken().piece_length_bytes());
  hash->set_info_hash(rpc::ToBytes(blob.kraken->info_hash()));
  *blob.known.mutable_kraken() = *hash;
}

void MetainfoRelay::ReportOrigin(const Digest& digest, const Blob& blob, const Watch& watch) {
  const uint64_t piece_length = blob.swarm_piece_length();
  if (watch.origin.has_value() && piece_length != 0) {
    observer_->OnOrigin(digest, *watch.origin, piece_length, watch.complete);
  }
}

void MetainfoRelay::OnClosed(const Digest& digest, const std::string& host,
                             const absl::Status& status) {
  Blob& blob = *blobs_[digest];
  Watch& watch = *blob.FindWatch(host);
  if (watch.origin.has_value() && blob.swarm_piece_length() != 0) {
    observer_->OnOriginGone(digest, *watch.origin, blob.swarm_piece_length());
  }
  const bool network = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  if (network) cluster_->ReportFailure(host);
  telemetry::LogInfo(
      "an origin's metainfo stream ended",
      {{"digest", digest.ToString()}, {"origin", host}, {"status", status.ToString()}});
  blob.failures[host] = std::string(status.message());
  blob.watches.erase(blob.watches.begin() + (&watch - blob.watches.data()));
  blob.retry_at = net::EventLoop::MonotonicNow() + options_.retry;
  // What the backend does not have, no origin has; what some origin still tells of is not lost.
  // But without the namespace, it says nothing of the others.
  const bool final = (absl::IsNotFound(status) && !blob.ns.empty()) || absl::IsDataLoss(status);
  if (!blob.watches.empty() && !(final && !blob.has_news())) return;
  if (blob.has_news() && !final) return;  // Sweep() tries again
  const absl::Status unavailable(network ? absl::StatusCode::kUnavailable : status.code(),
                                 blob.DescribeFailures());
  Forget(digest, &unavailable);
}

void MetainfoRelay::Forget(const Digest& digest, const absl::Status* unavailable) {
  auto it = blobs_.find(digest);
  if (it == blobs_.end()) return;
  std::unique_ptr<Blob> blob = std::move(it->second);
  blobs_.erase(it);
  for (Watch& watch : blob->watches) {
    watch.call->Cancel();
    if (watch.origin.has_value() && blob->swarm_piece_length() != 0) {
      observer_->OnOriginGone(digest, *watch.origin, blob->swarm_piece_length());
    }
  }
  if (unavailable != nullptr) observer_->OnUnavailable(digest, *unavailable);
}

void MetainfoRelay::Sweep() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  std::vector<Digest> stale;
  for (auto& [digest, blob] : blobs_) {
    if (now - blob->last_wanted > options_.ttl) {
      stale.push_back(digest);
      continue;
    }
    if (now >= blob->retry_at) OpenMissing(digest, *blob);
    // Each blob in its own time: all at once would keep the loop busy for long.
    if (now < blob->renew_at) continue;
    blob->renew_at = now + options_.renew;
    for (const Watch& watch : blob->watches) ReportOrigin(digest, *blob, watch);
  }
  for (const Digest& digest : stale) Forget(digest, nullptr);
}

}  // namespace kraken::daemon
