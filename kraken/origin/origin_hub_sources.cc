// How a blob comes to this origin: from another one, or from the backend.
#include <algorithm>
#include <utility>

#include "kraken/origin/origin_hub.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::origin {
namespace {

// States wait at most this long for others to share their message and signature.
constexpr absl::Duration kPublishDelay = absl::Milliseconds(20);

}  // namespace

// ---- From other origins ----

// Whether others can copy the blob from us: it is in the store, or being read from the backend.
bool OriginHub::IsHere(const Digest& digest) {
  const OriginBlob* blob = Find(digest);
  if (blob != nullptr &&
      (blob->state == BlobState::kFetching || blob->state == BlobState::kComplete)) {
    return true;
  }
  return parts_.store->Contains(digest);
}

// Rings differ for a while after an origin came or went: so everybody else is asked for a copy
// before the backend is read a second time.
void OriginHub::ListSources(OriginBlob& blob) const {
  const std::vector<std::string> locations = parts_.cluster->ring()->Locations(blob.digest);
  const auto self = std::find(locations.begin(), locations.end(), parts_.self);
  blob.sources.assign(locations.begin(), self);
  blob.better_sources = blob.sources.size();
  for (const std::string& host : parts_.cluster->healthy()) {
    const bool listed =
        std::find(blob.sources.begin(), blob.sources.end(), host) != blob.sources.end();
    if (host != parts_.self && !listed) blob.sources.push_back(host);
  }
}

// Asks the next of the other origins; when there is none left, this one is the blob's source.
void OriginHub::NextSource(OriginBlob& blob) {
  if (blob.state == BlobState::kLooking) {
    blob.state = BlobState::kReplicating;
    ListSources(blob);
  } else {
    ++blob.source;
    blob.source_peer.reset();
  }
  if (blob.source >= blob.sources.size()) {
    FetchFromBackend(blob);
    return;
  }
  rpc::v1::WatchMetainfoRequest request;
  request.set_digest(rpc::ToBytes(blob.digest));
  request.set_namespace_(blob.ns);
  request.set_only_if_here(blob.source >= blob.better_sources);
  const uint64_t generation = ++blob.source_generation;
  const auto current = [alive = alive_, digest = blob.digest, generation]() -> OriginBlob* {
    OriginBlob* blob = *alive == nullptr ? nullptr : (*alive)->Find(digest);
    return blob != nullptr && blob->source_generation == generation ? blob : nullptr;
  };
  blob.source_call =
      parts_.origins->WatchMetainfo(blob.sources[blob.source], request,
                                    {.on_message =
                                         [this, current](rpc::v1::MetainfoNews news) {
                                           if (OriginBlob* blob = current()) {
                                             OnSourceNews(*blob, std::move(news));
                                           }
                                         },
                                     .on_closed =
                                         [this, current](const absl::Status& status) {
                                           if (OriginBlob* blob = current()) {
                                             OnSourceClosed(blob->digest, status);
                                           }
                                         }});
}

void OriginHub::OnSourceNews(OriginBlob& blob, rpc::v1::MetainfoNews news) {
  if (news.has_revoked()) {
    Revoke(blob, rpc::FromFailure(news.revoked()));
    return;
  }
  if (news.has_origin()) {
    absl::StatusOr<swarm::PeerInfo> peer = rpc::FromProto(news.origin(), zones_);
    if (peer.ok()) blob.source_peer = *std::move(peer);
  }
  if (!news.has_metainfo()) return;
  const rpc::v1::Metainfo& metainfo = news.metainfo();
  if (metainfo.is_inline()) {
    const std::string& bytes = metainfo.inline_blob();
    const absl::Status submitted =
        parts_.disk->Submit([alive = alive_, handle = parts_.loop->handle(), store = parts_.store,
                             digest = blob.digest, bytes] {
          const absl::Status status = store->PutSmall(
              digest,
              absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
          handle.Post([alive, digest, status] {
            if (*alive == nullptr) return;
            if (status.ok()) {
              (*alive)->LoadMetainfo(digest);
            } else {
              (*alive)->Fail(digest, status);
            }
          });
        });
    if (!submitted.ok()) Fail(blob.digest, submitted);
    return;
  }
  for (const rpc::v1::PieceRange& range : metainfo.ranges()) {
    if (!blob.in_swarm) Leech(blob, range);
    absl::StatusOr<swarm::SignedPieceRange> states = rpc::FromProto(range);
    if (blob.in_swarm && states.ok()) {
      parts_.node->AddStates(*std::move(states), [digest = blob.digest](absl::Status status) {
        if (!status.ok()) {
          telemetry::LogError("piece list refused",
                              {{"digest", digest.ToString()}, {"reason", status}});
        }
      });
    }
  }
  if (blob.in_swarm && blob.source_peer.has_value()) {
    parts_.node->OnTrackerPeers(blob.key, absl::MakeConstSpan(&*blob.source_peer, 1));
  }
  Tell(blob, metainfo);
}

void OriginHub::Leech(OriginBlob& blob, const rpc::v1::PieceRange& first) {
  absl::StatusOr<swarm::Metainfo> metainfo = swarm::Metainfo::Create(
      blob.digest, ByteCount(static_cast<int64_t>(first.size_bytes())),
      ByteCount(static_cast<int64_t>(first.piece_length_bytes())), first.sequence());
  if (!metainfo.ok()) {
    telemetry::LogWarn("bad metainfo from an origin",
                       {{"digest", blob.digest.ToString()}, {"reason", metainfo.status()}});
    return;
  }
  blob.key = metainfo->key();
  blob.in_swarm = true;
  ++stats_.replications;
  blob.bytes_total = first.size_bytes();
  peer_wire::LeechCallbacks callbacks;
  callbacks.on_done = [alive = alive_, digest = blob.digest](absl::Status status) {
    OriginHub* self = *alive;
    OriginBlob* blob = self == nullptr ? nullptr : self->Find(digest);
    if (blob == nullptr || blob->state != BlobState::kReplicating) return;
    if (status.ok()) {
      self->LoadMetainfo(digest);
    } else {
      self->Fail(digest, status);
    }
  };
  parts_.node->Leech(*std::move(metainfo), std::move(callbacks));
}

void OriginHub::OnSourceClosed(const Digest& digest, const absl::Status& status) {
  OriginBlob* blob = Find(digest);
  if (blob == nullptr || blob->state != BlobState::kReplicating) return;
  blob->source_call = nullptr;
  const bool speaks_for_backend = blob->source < blob->better_sources;
  if (speaks_for_backend && (absl::IsNotFound(status) || absl::IsPermissionDenied(status))) {
    Fail(digest, status);
    return;
  }
  if (!absl::IsNotFound(status)) {
    telemetry::LogInfo("source origin lost", {{"digest", digest.ToString()},
                                              {"origin", blob->sources[blob->source]},
                                              {"reason", status}});
  }
  if (absl::IsUnavailable(status)) parts_.cluster->ReportFailure(blob->sources[blob->source]);
  NextSource(*blob);
}

// ---- From the backend ----

void OriginHub::FetchFromBackend(OriginBlob& blob) {
  blob.state = BlobState::kFetching;
  ++stats_.backend_fetches;
  // A fetch that was given up ends later, perhaps while another one of the same blob is under way.
  const auto current = [this, digest = blob.digest, id = blob.id]() -> OriginBlob* {
    OriginBlob* blob = Find(digest);
    return blob != nullptr && blob->id == id ? blob : nullptr;
  };
  daemon::FetchEvents events;
  events.on_begin = [this, current](std::shared_ptr<storage::PartialBlob> partial,
                                    std::vector<Sha256State> states) {
    if (OriginBlob* blob = current()) OnFetchBegin(*blob, std::move(partial), std::move(states));
  };
  events.on_states = [this, current](const std::vector<Sha256State>& states) {
    OriginBlob* blob = current();
    if (blob == nullptr) return;
    blob->unpublished.insert(blob->unpublished.end(), states.begin(), states.end());
    PublishSoon(*blob);
  };
  events.on_progress = [this, current](uint64_t received, uint64_t bytes_done) {
    stats_.backend_bytes += received;
    if (OriginBlob* blob = current()) blob->bytes_done = bytes_done;
  };
  events.on_done = [this, current](const absl::Status& status) {
    if (OriginBlob* blob = current()) OnFetchDone(*blob, status);
  };
  parts_.fetcher->Fetch({.digest = blob.digest, .ns = blob.ns, .piece_length = std::nullopt},
                        blob.fetch, std::move(events));
}

void OriginHub::OnFetchBegin(OriginBlob& blob, std::shared_ptr<storage::PartialBlob> partial,
                             std::vector<Sha256State> states) {
  if (!partial->layout().has_value()) return;
  const storage::PieceLayout layout = *partial->layout();
  blob.bytes_total = static_cast<uint64_t>(layout.size().value());
  if (layout.size().value() <= rpc::kMaxInlineBytes) return;
  blob.key = {blob.digest, layout.piece_length()};
  blob.in_swarm = true;
  const absl::Status seeding = parts_.node->SeedArriving(std::move(partial));
  if (!seeding.ok() && !absl::IsAlreadyExists(seeding)) {
    telemetry::LogError("cannot seed", {{"digest", blob.digest.ToString()}, {"reason", seeding}});
  }
  blob.unpublished = std::move(states);
  blob.published = 0;
  Publish(blob);
}

void OriginHub::PublishSoon(OriginBlob& blob) {
  if (blob.publish_timer != net::TimerId::kNone) return;
  blob.publish_timer = parts_.loop->RunAfter(kPublishDelay, [this, digest = blob.digest] {
    OriginBlob* blob = Find(digest);
    if (blob == nullptr) return;
    blob->publish_timer = net::TimerId::kNone;
    Publish(*blob);
  });
}

// Tells the states computed since the last time; the first time perhaps none, only the size.
void OriginHub::Publish(OriginBlob& blob) {
  if (blob.state != BlobState::kFetching || !blob.in_swarm) return;
  const auto count = static_cast<int32_t>(blob.unpublished.size());
  absl::StatusOr<rpc::v1::PieceRange> range = SignedRange(
      blob.digest, ByteCount(static_cast<int64_t>(blob.bytes_total)), blob.key.piece_length,
      PieceIndex(blob.published), std::exchange(blob.unpublished, {}));
  if (!range.ok()) {
    Fail(blob.digest, range.status());
    return;
  }
  blob.published += count;
  rpc::v1::Metainfo news;
  news.set_size_bytes(blob.bytes_total);
  *news.add_ranges() = *std::move(range);
  // A download from another origin that this fetch goes on with learns of the pieces too.
  absl::StatusOr<swarm::SignedPieceRange> states = rpc::FromProto(news.ranges(0));
  if (states.ok()) parts_.node->AddStates(*std::move(states), [](absl::Status) {});
  Tell(blob, news);
}

void OriginHub::OnFetchDone(OriginBlob& blob, const absl::Status& status) {
  if (status.ok()) {
    LoadMetainfo(blob.digest);
    return;
  }
  ++stats_.backend_failures;
  telemetry::LogError(
      "backend fetch failed",
      {{"digest", blob.digest.ToString()}, {"namespace", blob.ns}, {"reason", status}});
  if (absl::IsDataLoss(status)) {
    Revoke(blob, status);
  } else {
    Fail(blob.digest, status);
  }
}

}  // namespace kraken::origin
