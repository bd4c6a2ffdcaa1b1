// What trackers and origins tell of a blob.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/agent/download.h"
#include "kraken/agent/downloads.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {
namespace {

// What was told of a blob can't be true. It is no fault of the client's.
absl::Status Unusable(const Digest& digest, absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat("blob ", digest.ToString(), ": its metainfo is of no use: ", why));
}

}  // namespace

void Downloads::OnNews(BlobSource source, const Digest& digest, const rpc::v1::TorrentNews& news) {
  Download* download = Find(digest);
  if (news.has_revoked()) {
    // A list that nothing was fetched by does not matter.
    if (download == nullptr || (download->seeding_backend && !download->leeching)) return;
    const absl::Status reason = rpc::FromFailure(news.revoked());
    if (download->leeching) parts_.node->Revoke(download->key, reason);
    return OnDone(digest, reason);
  }
  if (download != nullptr && news.has_metainfo()) OnMetainfo(source, *download, news.metainfo());
  if (news.peers_size() > 0) OnPeers(digest, news);
  download = Find(digest);
  if (download == nullptr || !news.has_failure()) return;
  const absl::Status failure = rpc::FromFailure(news.failure());
  if (source == BlobSource::kTracker) {
    OnTrackerFailure(*download, failure);
  } else {
    OnOriginFailure(*download, failure);
  }
}

void Downloads::OnOriginAnswer(const Digest& digest) {
  if (Download* download = Find(digest)) {
    download->origin_answered = true;
    download->origin_failure = absl::OkStatus();
  }
}

void Downloads::OnMetainfo(BlobSource source, Download& download,
                           const rpc::v1::Metainfo& metainfo) {
  if (metainfo.is_inline()) {
    if (!download.storing_inline && !download.readable()) OnFound(download, source);
    return OnInline(download, metainfo.inline_blob());
  }
  // How the backend's bytes are cut into pieces is about to be known: a list of others is of no
  // use.
  if (!download.leeching && download.backend == BackendState::kAsking) {
    download.held.MergeFrom(metainfo);
    return;
  }
  const bool was_readable = download.readable();
  for (const rpc::v1::PieceRange& proto : metainfo.ranges()) {
    absl::StatusOr<swarm::SignedPieceRange> range = rpc::FromProto(proto);
    if (!range.ok() || !(range->digest == download.digest)) {
      telemetry::LogWarn("bad piece range",
                         {{"digest", download.digest.ToString()}, {"source", NameOf(source)}});
      continue;
    }
    if (download.readable() && range->piece_length != download.key.piece_length) continue;
    if (!download.leeching) {
      const absl::Status begun = BeginLeech(download, *range);
      if (!begun.ok()) return OnDone(download.digest, Unusable(download.digest, begun.message()));
    }
    AddRange(*std::move(range));
  }
  if (!download.leeching) return;
  if (metainfo.complete()) download.list_complete = true;
  const absl::StatusOr<InfoHash> info_hash = rpc::InfoHashFromBytes(metainfo.kraken().info_hash());
  if (info_hash.ok()) parts_.node->SetInfoHash(download.key, *info_hash);
  if (!was_readable) OnFound(download, source);
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
  const absl::Status submitted = parts_.disk->Submit(
      [alive = alive_, handle = parts_.loop->handle(), store = parts_.store, digest, bytes] {
        // PutSmall checks the digest: what is inline needs no signature.
        absl::Status status = store->PutSmall(
            digest,
            absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
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
  callbacks.on_stalled = [alive = alive_, digest = download.digest] {
    if (*alive != nullptr) (*alive)->OnStalled(digest);
  };
  parts_.node->Leech(std::move(metainfo), std::move(callbacks));
  return absl::OkStatus();
}

void Downloads::AddRange(swarm::SignedPieceRange range) {
  const Digest digest = range.digest;
  parts_.node->AddStates(std::move(range), [alive = alive_, digest](absl::Status status) {
    if (status.ok() || *alive == nullptr) return;
    telemetry::LogError("piece list refused",
                        {{"digest", digest.ToString()}, {"reason", status.ToString()}});
  });
}

void Downloads::OnPeers(const Digest& digest, const rpc::v1::TorrentNews& news) {
  std::vector<swarm::PeerInfo> peers;
  for (const rpc::v1::Peer& proto : news.peers()) {
    absl::StatusOr<swarm::PeerInfo> peer = rpc::FromProto(proto, parts_.trackers->zones());
    if (peer.ok()) peers.push_back(*std::move(peer));
  }
  const swarm::TorrentKey key = {digest,
                                 ByteCount(static_cast<int64_t>(news.piece_length_bytes()))};
  parts_.node->OnTrackerPeers(key, peers);
}

void Downloads::OnTrackerFailure(Download& download, const absl::Status& failure) {
  download.tracker_failure = failure;
  if (download.readable()) return;  // its pieces may still come from peers
  if (!absl::IsUnavailable(failure) && !absl::IsResourceExhausted(failure)) {
    return OnDone(download.digest, failure);
  }
  Schedule(download, Download::kTrackersAgain, *download.tracker_backoff.NextDelay(),
           &Downloads::AskTrackers);
  // The tracker is there and does not reach the origins; perhaps we do.
  AskOrigins(download);
  ReadBackendIfDue(download);
}

// No origin can tell anything, for now. Only what their backend says, or the bytes, is final: a
// tracker may reach them where we do not.
void Downloads::OnOriginFailure(Download& download, const absl::Status& failure) {
  download.origin_failure = failure;
  download.origin_answered = false;
  const bool is_final = absl::IsNotFound(failure) || absl::IsDataLoss(failure);
  if (is_final && !download.readable()) return OnDone(download.digest, failure);
  Schedule(download, Download::kOriginsAgain, *download.origin_backoff.NextDelay(),
           &Downloads::AskOriginsAgain);
  ReadBackendIfDue(download);
  GiveUpIfHopeless(download);
}

}  // namespace kraken::agent
