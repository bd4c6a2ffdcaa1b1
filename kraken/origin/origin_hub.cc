#include "kraken/origin/origin_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::origin {
namespace {

// Blobs of at most so many bytes travel with the metainfo instead of in pieces.
constexpr int64_t kMaxInlineBytes = 64 << 10;
// States wait at most this long for others to share their message and signature.
constexpr absl::Duration kPublishDelay = absl::Milliseconds(20);
constexpr absl::Duration kProgressInterval = absl::Seconds(1);

absl::string_view NameOf(BlobState state) {
  switch (state) {
    case BlobState::kLooking:
      return "looking";
    case BlobState::kReplicating:
      return "replicating";
    case BlobState::kFetching:
      return "fetching";
    case BlobState::kComplete:
      return "complete";
  }
  return "";
}

template <typename T>
void Remove(std::vector<T>& list, const T& item) {
  list.erase(std::remove(list.begin(), list.end(), item), list.end());
}

}  // namespace

OriginHub::OriginHub(Parts parts)
    : parts_(std::move(parts)), alive_(std::make_shared<OriginHub*>(this)) {}

OriginHub::~OriginHub() {
  *alive_ = nullptr;
  for (auto& [digest, blob] : blobs_) {
    parts_.loop->CancelTimer(blob->publish_timer);
    parts_.loop->CancelTimer(blob->progress_timer);
  }
}

// ---- Requests ----

void OriginHub::OnWatchMetainfo(rpc::v1::WatchMetainfoRequest request,
                                std::shared_ptr<rpc::MetainfoOutlet> outlet) {
  absl::StatusOr<Digest> digest = rpc::DigestFromBytes(request.digest());
  absl::Status status = digest.status();
  if (status.ok()) status = Namespace::Parse(request.namespace_()).status();
  if (status.ok() && stopping_) status = absl::UnavailableError("the origin is shutting down");
  if (status.ok() && request.only_if_here() && !IsHere(*digest)) {
    status = absl::NotFoundError("not here");
  }
  if (!status.ok()) {
    outlet->Finish(status);
    return;
  }
  OriginBlob& blob = Ensure(*digest, request.namespace_());
  blob.watchers.push_back(outlet);
  rpc::v1::MetainfoNews news;
  *news.mutable_origin() = Self(blob.state == BlobState::kComplete);
  if (blob.known.is_inline() || blob.known.ranges_size() > 0) *news.mutable_metainfo() = blob.known;
  outlet->Write(std::move(news));
}

void OriginHub::OnPrefetch(rpc::v1::PrefetchRequest request,
                           std::shared_ptr<rpc::ProgressOutlet> outlet) {
  absl::StatusOr<Digest> digest = rpc::DigestFromBytes(request.digest());
  absl::Status status = digest.status();
  if (status.ok()) status = Namespace::Parse(request.namespace_()).status();
  if (status.ok() && stopping_) status = absl::UnavailableError("the origin is shutting down");
  if (!status.ok()) {
    outlet->Finish(status);
    return;
  }
  OriginBlob& blob = Ensure(*digest, request.namespace_());
  blob.prefetches.push_back({.outlet = outlet, .replicas_pending = 0, .replica_failure = {}});
  if (request.all_replicas()) AskReplicas(blob, outlet);
  if (blob.progress_timer == net::TimerId::kNone) {
    blob.progress_timer = parts_.loop->RunAfter(
        kProgressInterval, [this, digest = *digest] { ReportProgress(digest); });
  }
  if (blob.state == BlobState::kComplete) FinishPrefetches(blob);
  DropIfUnused(*digest);
}

void OriginHub::OnStat(rpc::v1::StatRequest request,
                       std::function<void(absl::StatusOr<rpc::v1::StatReply>)> reply) {
  absl::StatusOr<Digest> digest = rpc::DigestFromBytes(request.digest());
  if (!digest.ok()) {
    reply(digest.status());
    return;
  }
  absl::StatusOr<std::shared_ptr<const storage::Blob>> blob = parts_.store->Find(*digest);
  if (blob.ok()) {
    rpc::v1::StatReply stat;
    stat.set_size_bytes(static_cast<uint64_t>((*blob)->size().value()));
    stat.set_cached(true);
    reply(stat);
    return;
  }
  if (request.local() || !absl::IsNotFound(blob.status())) {
    reply(blob.status());
    return;
  }
  parts_.fetcher->Stat(*digest, request.namespace_(), [reply](absl::StatusOr<ByteCount> size) {
    if (!size.ok()) {
      reply(size.status());
      return;
    }
    rpc::v1::StatReply stat;
    stat.set_size_bytes(static_cast<uint64_t>(size->value()));
    reply(stat);
  });
}

void OriginHub::OnMetainfoStreamClosed(const std::shared_ptr<rpc::MetainfoOutlet>& outlet) {
  std::vector<Digest> touched;
  for (auto& [digest, blob] : blobs_) {
    const size_t before = blob->watchers.size();
    Remove(blob->watchers, outlet);
    if (blob->watchers.size() != before) touched.push_back(digest);
  }
  for (const Digest& digest : touched) DropIfUnused(digest);
}

void OriginHub::OnProgressStreamClosed(const std::shared_ptr<rpc::ProgressOutlet>& outlet) {
  std::vector<Digest> touched;
  for (auto& [digest, blob] : blobs_) {
    std::vector<PrefetchWaiter>& list = blob->prefetches;
    const auto end = std::remove_if(list.begin(), list.end(), [&](const PrefetchWaiter& waiter) {
      return waiter.outlet == outlet;
    });
    if (end == list.end()) continue;
    list.erase(end, list.end());
    touched.push_back(digest);
  }
  for (const Digest& digest : touched) DropIfUnused(digest);
}

void OriginHub::Warm(const Digest& digest, const std::string& ns) {
  if (!stopping_) Ensure(digest, ns);
}

// ---- Bookkeeping ----

OriginBlob& OriginHub::Ensure(const Digest& digest, const std::string& ns) {
  std::unique_ptr<OriginBlob>& blob = blobs_[digest];
  if (blob == nullptr) {
    blob = std::make_unique<OriginBlob>(next_blob_++, digest, ns);
    LookUp(digest);
  }
  return *blob;
}

OriginBlob* OriginHub::Find(const Digest& digest) {
  auto it = blobs_.find(digest);
  return it == blobs_.end() ? nullptr : it->second.get();
}

// A complete blob that nobody asks about costs nothing to find again. One that is arriving goes on:
// who asked may come back for it.
void OriginHub::DropIfUnused(const Digest& digest) {
  OriginBlob* blob = Find(digest);
  if (blob == nullptr || blob->state != BlobState::kComplete) return;
  if (!blob->watchers.empty() || !blob->prefetches.empty()) return;
  parts_.loop->CancelTimer(blob->progress_timer);
  parts_.loop->CancelTimer(blob->publish_timer);
  blobs_.erase(digest);
}

// ---- The store ----

void OriginHub::LookUp(const Digest& digest) {
  const absl::Status submitted = parts_.disk->Submit(
      [alive = alive_, handle = parts_.loop->handle(), store = parts_.store, digest] {
        const bool complete = store->Contains(digest);
        handle.Post([alive, digest, complete] {
          OriginHub* self = *alive;
          OriginBlob* blob = self == nullptr ? nullptr : self->Find(digest);
          if (blob == nullptr) return;
          if (complete) {
            self->LoadMetainfo(digest);
          } else {
            self->NextSource(*blob);
          }
        });
      });
  if (!submitted.ok()) {
    parts_.loop->Defer([alive = alive_, digest, submitted] {
      if (*alive != nullptr) (*alive)->Fail(digest, submitted);
    });
  }
}

// Reads what a complete blob is, signs it, and tells.
void OriginHub::LoadMetainfo(const Digest& digest) {
  const absl::Status submitted = parts_.disk->Submit(
      [this, alive = alive_, handle = parts_.loop->handle(), store = parts_.store, digest] {
        const auto load = [&]() -> absl::StatusOr<rpc::v1::Metainfo> {
          rpc::v1::Metainfo metainfo;
          metainfo.set_complete(true);
          KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::Blob> blob, store->Find(digest));
          metainfo.set_size_bytes(static_cast<uint64_t>(blob->size().value()));
          if (blob->size().value() <= kMaxInlineBytes) {
            KH_ASSIGN_OR_RETURN(*metainfo.mutable_inline_blob(), store->GetSmall(digest));
            metainfo.set_is_inline(true);
            return metainfo;
          }
          KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::PieceList> list,
                              blob->piece_list());
          KH_ASSIGN_OR_RETURN(*metainfo.add_ranges(), SignedRange(digest, list->layout().size(),
                                                                  list->layout().piece_length(),
                                                                  PieceIndex(0), list->states()));
          return metainfo;
        };
        handle.Post([alive, digest, metainfo = load()]() mutable {
          if (*alive != nullptr) (*alive)->OnComplete(digest, std::move(metainfo));
        });
      });
  if (!submitted.ok()) Fail(digest, submitted);
}

void OriginHub::OnComplete(const Digest& digest, absl::StatusOr<rpc::v1::Metainfo> metainfo) {
  OriginBlob* blob = Find(digest);
  if (blob == nullptr) return;
  if (!metainfo.ok()) {
    Fail(digest, metainfo.status());
    return;
  }
  if (blob->source_call != nullptr) std::exchange(blob->source_call, nullptr)->Cancel();
  ++blob->source_generation;
  blob->state = BlobState::kComplete;
  blob->known = *metainfo;
  blob->bytes_done = blob->bytes_total = metainfo->size_bytes();
  if (!metainfo->is_inline()) {
    parts_.node->SeedComplete(digest, [digest](absl::Status status) {
      if (!status.ok()) {
        telemetry::LogError("cannot seed", {{"digest", digest.ToString()}, {"reason", status}});
      }
    });
  }
  rpc::v1::MetainfoNews news;
  *news.mutable_origin() = Self(true);
  *news.mutable_metainfo() = *std::move(metainfo);
  TellAll(*blob, std::move(news));
  FinishPrefetches(*blob);
  DropIfUnused(digest);
}

// ---- Other origins ----

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
                                           if (OriginBlob* blob = current())
                                             OnSourceNews(*blob, std::move(news));
                                         },
                                     .on_closed =
                                         [this, current](const absl::Status& status) {
                                           if (OriginBlob* blob = current())
                                             OnSourceClosed(blob->digest, status);
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
    const std::string bytes = metainfo.inline_blob();
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

// ---- The backend ----

void OriginHub::FetchFromBackend(OriginBlob& blob) {
  blob.state = BlobState::kFetching;
  ++stats_.backend_fetches;
  // A fetch that was given up ends later, perhaps while another one of the same blob is under way.
  const auto current = [this, digest = blob.digest, id = blob.id]() -> OriginBlob* {
    OriginBlob* blob = Find(digest);
    return blob != nullptr && blob->id == id ? blob : nullptr;
  };
  FetchEvents events;
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
  parts_.fetcher->Fetch(blob.digest, blob.ns, blob.fetch, std::move(events));
}

void OriginHub::OnFetchBegin(OriginBlob& blob, std::shared_ptr<storage::PartialBlob> partial,
                             std::vector<Sha256State> states) {
  if (!partial->layout().has_value()) return;
  const storage::PieceLayout layout = *partial->layout();
  blob.bytes_total = static_cast<uint64_t>(layout.size().value());
  if (layout.size().value() <= kMaxInlineBytes) return;
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

// ---- Those who asked ----

// Remembers what is new and tells it.
void OriginHub::Tell(OriginBlob& blob, const rpc::v1::Metainfo& news) {
  blob.known.set_size_bytes(news.size_bytes());
  for (const rpc::v1::PieceRange& range : news.ranges()) *blob.known.add_ranges() = range;
  rpc::v1::MetainfoNews message;
  *message.mutable_metainfo() = news;
  message.mutable_metainfo()->set_complete(false);
  TellAll(blob, std::move(message));
}

void OriginHub::TellAll(OriginBlob& blob, rpc::v1::MetainfoNews message) {
  for (const std::shared_ptr<rpc::MetainfoOutlet>& watcher : blob.watchers) watcher->Write(message);
}

// The bytes were not the digest's: nothing of them may be used by anybody.
void OriginHub::Revoke(OriginBlob& blob, const absl::Status& reason) {
  ++stats_.revocations;
  rpc::v1::MetainfoNews news;
  *news.mutable_revoked() = rpc::ToFailure(reason);
  TellAll(blob, std::move(news));
  if (blob.in_swarm) parts_.node->Revoke(blob.key, reason);
  Fail(blob.digest, reason);
}

void OriginHub::Fail(const Digest& digest, const absl::Status& status) {
  auto it = blobs_.find(digest);
  if (it == blobs_.end()) return;
  const std::unique_ptr<OriginBlob> blob = std::move(it->second);
  blobs_.erase(it);
  parts_.loop->CancelTimer(blob->publish_timer);
  parts_.loop->CancelTimer(blob->progress_timer);
  blob->fetch.Cancel();
  if (blob->source_call != nullptr) blob->source_call->Cancel();
  if (blob->in_swarm && blob->state != BlobState::kComplete) parts_.node->Drop(blob->key, status);
  for (const auto& watcher : blob->watchers) watcher->Finish(status);
  for (const PrefetchWaiter& waiter : blob->prefetches) waiter.outlet->Finish(status);
}

void OriginHub::AskReplicas(OriginBlob& blob, const std::shared_ptr<rpc::ProgressOutlet>& outlet) {
  for (const std::string& host : parts_.cluster->ring()->Locations(blob.digest)) {
    if (host == parts_.self) continue;
    rpc::v1::PrefetchRequest request;
    request.set_digest(rpc::ToBytes(blob.digest));
    request.set_namespace_(blob.ns);
    ++blob.prefetches.back().replicas_pending;
    parts_.origins->Prefetch(
        host, request,
        {.on_message = nullptr,
         .on_closed = [alive = alive_, digest = blob.digest, outlet, host](absl::Status status) {
           if (*alive != nullptr) (*alive)->OnReplicaDone(digest, outlet, host, status);
         }});
  }
}

void OriginHub::OnReplicaDone(const Digest& digest,
                              const std::shared_ptr<rpc::ProgressOutlet>& outlet,
                              const std::string& host, const absl::Status& status) {
  OriginBlob* blob = Find(digest);
  if (blob == nullptr) return;
  for (PrefetchWaiter& waiter : blob->prefetches) {
    if (waiter.outlet != outlet) continue;
    --waiter.replicas_pending;
    if (absl::IsUnavailable(status)) {
      // A dead origin gets its copy when it is back and is asked.
      parts_.cluster->ReportFailure(host);
      telemetry::LogWarn("an origin has no copy for now",
                         {{"digest", digest.ToString()}, {"origin", host}, {"reason", status}});
    } else if (!status.ok()) {
      waiter.replica_failure = status;
    }
  }
  if (blob->state == BlobState::kComplete) FinishPrefetches(*blob);
  DropIfUnused(digest);
}

void OriginHub::FinishPrefetches(OriginBlob& blob) {
  auto finished = [](const PrefetchWaiter& waiter) {
    if (waiter.replicas_pending > 0) return false;
    waiter.outlet->Finish(waiter.replica_failure);
    return true;
  };
  std::vector<PrefetchWaiter>& list = blob.prefetches;
  list.erase(std::remove_if(list.begin(), list.end(), finished), list.end());
}

void OriginHub::ReportProgress(const Digest& digest) {
  OriginBlob* blob = Find(digest);
  if (blob == nullptr) return;
  blob->progress_timer = net::TimerId::kNone;
  if (blob->prefetches.empty()) return;
  if (blob->state == BlobState::kReplicating && blob->in_swarm) {
    std::shared_ptr<storage::PartialBlob> partial = parts_.store->FindPartial(digest);
    if (partial != nullptr) {
      blob->bytes_done = static_cast<uint64_t>(partial->verified_count().value()) *
                         static_cast<uint64_t>(partial->piece_length().value());
    }
  }
  rpc::v1::PrefetchProgress progress;
  progress.set_bytes_done(std::min(blob->bytes_done, blob->bytes_total));
  progress.set_bytes_total(blob->bytes_total);
  for (const PrefetchWaiter& waiter : blob->prefetches) waiter.outlet->Write(progress);
  blob->progress_timer =
      parts_.loop->RunAfter(kProgressInterval, [this, digest] { ReportProgress(digest); });
}

// ---- Small things ----

rpc::v1::Peer OriginHub::Self(bool complete) const {
  swarm::PeerInfo peer = parts_.node->self();
  peer.origin = true;
  peer.complete = complete;
  rpc::v1::Peer proto = rpc::ToProto(peer, zones_);
  proto.set_zone(parts_.zone);
  return proto;
}

// Any thread.
absl::StatusOr<rpc::v1::PieceRange> OriginHub::SignedRange(const Digest& digest, ByteCount size,
                                                           ByteCount piece_length, PieceIndex first,
                                                           std::vector<Sha256State> states) const {
  swarm::SignedPieceRange range;
  range.digest = digest;
  range.size = size;
  range.piece_length = piece_length;
  range.first = first;
  range.states = std::move(states);
  if (parts_.signer != nullptr) KH_RETURN_IF_ERROR(parts_.signer->Sign(range));
  return rpc::ToProto(range);
}

void OriginHub::Stop() {
  stopping_ = true;
  std::vector<Digest> all;
  for (const auto& [digest, blob] : blobs_) all.push_back(digest);
  for (const Digest& digest : all) {
    Fail(digest, absl::UnavailableError("the origin is shutting down"));
  }
}

std::string OriginHub::DescribeJson() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [digest, blob] : blobs_) {
    int replicas_pending = 0;
    for (const PrefetchWaiter& waiter : blob->prefetches)
      replicas_pending += waiter.replicas_pending;
    const bool has_source =
        blob->state == BlobState::kReplicating && blob->source < blob->sources.size();
    list.push_back({{"digest", digest.ToString()},
                    {"namespace", blob->ns},
                    {"state", std::string(NameOf(blob->state))},
                    {"source", has_source ? blob->sources[blob->source] : ""},
                    {"bytes_done", blob->bytes_done},
                    {"bytes_total", blob->bytes_total},
                    {"watchers", blob->watchers.size()},
                    {"prefetches", blob->prefetches.size()},
                    {"replicas_pending", replicas_pending}});
  }
  return DumpJson(list);
}

OriginStats OriginHub::stats() const {
  OriginStats stats = stats_;
  stats.active = blobs_.size();
  stats.healthy_origins = parts_.cluster->healthy().size();
  for (const auto& [digest, blob] : blobs_) stats.watchers += blob->watchers.size();
  return stats;
}

}  // namespace kraken::origin
