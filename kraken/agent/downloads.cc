#include "kraken/agent/downloads.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/swarm/metainfo.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {
namespace {

// A tracker that could not reach an origin is asked again after this.
constexpr BackoffOptions kAskAgain = {.initial_interval = absl::Milliseconds(200),
                                      .max_interval = absl::Seconds(3)};

// What a tracker told of a blob can't be true. It is no fault of the client's.
absl::Status Unusable(const Digest& digest, absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat("blob ", digest.ToString(), ": its metainfo is of no use: ", why));
}

}  // namespace

struct Downloads::Download {
  Download(const Digest& digest, std::string ns, BitGen* bits)
      : digest(digest), ns(std::move(ns)), backoff(kAskAgain, bits) {}

  const Digest digest;
  const std::string ns;
  Backoff backoff;
  std::vector<Ready> waiting;
  // It is not in the store: the trackers have been asked.
  bool started = false;
  // Set once the swarm fetches it.
  bool leeching = false;
  bool storing_inline = false;
  swarm::TorrentKey key;
  absl::Status last_failure;
  net::TimerId deadline = net::TimerId::kNone;
  net::TimerId retry = net::TimerId::kNone;
};

Downloads::Downloads(net::EventLoop* loop, TrackerPool* trackers, peer_wire::SwarmNode* node,
                     storage::BlobStore* store, WorkerPool* disk, const DownloadConfig& config)
    : loop_(loop),
      trackers_(trackers),
      node_(node),
      store_(store),
      disk_(disk),
      config_(config),
      alive_(std::make_shared<Downloads*>(this)) {}

Downloads::~Downloads() {
  *alive_ = nullptr;
  for (auto& [digest, download] : downloads_) {
    loop_->CancelTimer(download->deadline);
    loop_->CancelTimer(download->retry);
  }
}

Downloads::Download* Downloads::Find(const Digest& digest) {
  auto it = downloads_.find(digest);
  return it == downloads_.end() ? nullptr : it->second.get();
}

void Downloads::Want(const Namespace& ns, const Digest& digest, Ready ready) {
  std::unique_ptr<Download>& download = downloads_[digest];
  if (download != nullptr) {
    download->waiting.push_back(std::move(ready));
    if (download->leeching) {
      loop_->Defer([alive = alive_, digest] {
        if (*alive == nullptr) return;
        if (Download* d = (*alive)->Find(digest)) (*alive)->Answer(*d, absl::OkStatus());
      });
    }
    return;
  }
  download = std::make_unique<Download>(digest, ns.ToString(), &random_);
  download->waiting.push_back(std::move(ready));
  // Who wanted the blob before may have brought it since the caller looked.
  const absl::Status submitted =
      disk_->Submit([alive = alive_, handle = loop_->handle(), store = store_, digest] {
        const bool complete = store->Contains(digest);
        handle.Post([alive, digest, complete] {
          if (*alive != nullptr) (*alive)->OnStoreAnswer(digest, complete);
        });
      });
  if (!submitted.ok()) {
    loop_->Defer([alive = alive_, digest, submitted] {
      if (*alive != nullptr) (*alive)->OnDone(digest, submitted);
    });
  }
}

void Downloads::OnStoreAnswer(const Digest& digest, bool complete) {
  Download* download = Find(digest);
  if (download == nullptr || download->started) return;
  if (complete) {
    OnDone(digest, absl::OkStatus());
    return;
  }
  download->started = true;
  ++stats_.started;
  AwaitNews(*download, absl::ZeroDuration());
  trackers_->WantMetainfo(digest, download->ns);
}

void Downloads::AwaitNews(Download& download, absl::Duration waited) {
  absl::Duration wait = config_.metainfo_timeout - waited;
  if (!trackers_->status().ok()) wait = std::min(wait, config_.tracker_timeout);
  download.deadline = loop_->RunAfter(
      wait, [this, digest = download.digest, waited, wait] { OnNoNews(digest, waited + wait); });
}

void Downloads::OnNoNews(const Digest& digest, absl::Duration waited) {
  Download* late = Find(digest);
  if (late == nullptr || late->leeching) return;
  late->deadline = net::TimerId::kNone;
  const absl::Status trackers = trackers_->status();
  if (trackers.ok() && waited < config_.metainfo_timeout) return AwaitNews(*late, waited);
  const absl::Status cause = late->last_failure.ok() ? trackers : late->last_failure;
  const std::string message = absl::StrCat(
      "blob ", digest.ToString(), ": no news of it within ", absl::FormatDuration(waited),
      cause.ok() ? "" : absl::StrCat(" (", cause.message(), ")"));
  OnDone(digest,
         trackers.ok() ? absl::DeadlineExceededError(message) : absl::UnavailableError(message));
}

void Downloads::OnNews(const Digest& digest, const rpc::v1::TorrentNews& news) {
  if (news.has_revoked()) {
    const absl::Status reason = rpc::FromFailure(news.revoked());
    Download* download = Find(digest);
    if (download != nullptr && download->leeching) node_->Revoke(download->key, reason);
    if (download != nullptr) OnDone(digest, reason);
    return;
  }
  Download* download = Find(digest);
  if (download != nullptr && news.has_metainfo()) OnMetainfo(*download, news.metainfo());
  if (news.peers_size() > 0) OnPeers(digest, news);
  download = Find(digest);
  if (download != nullptr && news.has_failure()) {
    OnFailure(*download, rpc::FromFailure(news.failure()));
  }
}

void Downloads::OnMetainfo(Download& download, const rpc::v1::Metainfo& metainfo) {
  if (metainfo.is_inline()) {
    OnInline(download, metainfo.inline_blob());
    return;
  }
  for (const rpc::v1::PieceRange& proto : metainfo.ranges()) {
    absl::StatusOr<swarm::SignedPieceRange> range = rpc::FromProto(proto);
    if (!range.ok() || !(range->digest == download.digest)) {
      telemetry::LogWarn("bad piece range from a tracker",
                         {{"digest", download.digest.ToString()}});
      continue;
    }
    if (!download.leeching) {
      const absl::Status begun = BeginLeech(download, *range);
      if (!begun.ok()) return OnDone(download.digest, Unusable(download.digest, begun.message()));
    }
    AddRange(*std::move(range));
  }
  if (!download.leeching) return;
  const absl::StatusOr<InfoHash> info_hash = rpc::InfoHashFromBytes(metainfo.kraken().info_hash());
  if (info_hash.ok()) node_->SetInfoHash(download.key, *info_hash);
  Answer(download, absl::OkStatus());
}

void Downloads::OnInline(Download& download, const std::string& bytes) {
  if (download.storing_inline) return;
  const Digest digest = download.digest;
  if (static_cast<int64_t>(bytes.size()) > rpc::kMaxInlineBytes) {
    return OnDone(digest, Unusable(digest, absl::StrCat(bytes.size(), " bytes inline; at most ",
                                                        rpc::kMaxInlineBytes, " are allowed")));
  }
  download.storing_inline = true;
  const absl::Status submitted = disk_->Submit([alive = alive_, handle = loop_->handle(),
                                                store = store_, digest, bytes] {
    // PutSmall checks the digest: what is inline needs no signature.
    absl::Status status = store->PutSmall(
        digest, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
    if (absl::IsInvalidArgument(status)) status = Unusable(digest, status.message());
    handle.Post([alive, digest, status] {
      if (*alive != nullptr) (*alive)->OnDone(digest, status);
    });
  });
  if (!submitted.ok()) OnDone(digest, submitted);
}

absl::Status Downloads::BeginLeech(Download& download, const swarm::SignedPieceRange& first) {
  KH_ASSIGN_OR_RETURN(
      swarm::Metainfo metainfo,
      swarm::Metainfo::Create(first.digest, first.size, first.piece_length, first.sequence));
  download.leeching = true;
  download.key = metainfo.key();
  peer_wire::LeechCallbacks callbacks;
  callbacks.on_done = [alive = alive_, digest = download.digest](absl::Status status) {
    if (*alive != nullptr) (*alive)->OnDone(digest, status);
  };
  node_->Leech(std::move(metainfo), std::move(callbacks));
  return absl::OkStatus();
}

void Downloads::AddRange(swarm::SignedPieceRange range) {
  const Digest digest = range.digest;
  node_->AddStates(std::move(range), [alive = alive_, digest](absl::Status status) {
    if (status.ok() || *alive == nullptr) return;
    telemetry::LogError("piece list refused",
                        {{"digest", digest.ToString()}, {"reason", status.ToString()}});
  });
}

void Downloads::OnPeers(const Digest& digest, const rpc::v1::TorrentNews& news) {
  std::vector<swarm::PeerInfo> peers;
  for (const rpc::v1::Peer& proto : news.peers()) {
    absl::StatusOr<swarm::PeerInfo> peer = rpc::FromProto(proto, trackers_->zones());
    if (peer.ok()) peers.push_back(*std::move(peer));
  }
  const swarm::TorrentKey key = {digest,
                                 ByteCount(static_cast<int64_t>(news.piece_length_bytes()))};
  node_->OnTrackerPeers(key, peers);
}

void Downloads::OnFailure(Download& download, const absl::Status& failure) {
  download.last_failure = failure;
  if (download.leeching) return;  // its pieces may still come from peers
  if (!absl::IsUnavailable(failure) && !absl::IsResourceExhausted(failure)) {
    OnDone(download.digest, failure);
    return;
  }
  loop_->CancelTimer(download.retry);
  download.retry = loop_->RunAfter(*download.backoff.NextDelay(), [this, digest = download.digest] {
    if (Download* again = Find(digest)) trackers_->WantMetainfo(digest, again->ns);
  });
}

void Downloads::Answer(Download& download, const absl::Status& status) {
  std::vector<Ready> waiting = std::exchange(download.waiting, {});
  for (Ready& ready : waiting) ready(status);
}

void Downloads::OnDone(const Digest& digest, const absl::Status& status) {
  auto it = downloads_.find(digest);
  if (it == downloads_.end()) return;
  std::unique_ptr<Download> download = std::move(it->second);
  downloads_.erase(it);
  loop_->CancelTimer(download->deadline);
  loop_->CancelTimer(download->retry);
  trackers_->StopWanting(digest);
  if (download->started) ++(status.ok() ? stats_.completed : stats_.failed);
  if (!status.ok()) {
    telemetry::LogWarn("download failed", {{"digest", digest.ToString()},
                                           {"namespace", download->ns},
                                           {"reason", status.ToString()}});
  }
  Answer(*download, status);
}

void Downloads::Remove(const Digest& digest, Ready done) {
  const absl::Status removed = absl::CancelledError("the blob was removed by hand");
  OnDone(digest, removed);
  node_->Delete(digest, removed, std::move(done));
}

DownloadStats Downloads::stats() const {
  DownloadStats stats = stats_;
  stats.active = downloads_.size();
  return stats;
}

}  // namespace kraken::agent
