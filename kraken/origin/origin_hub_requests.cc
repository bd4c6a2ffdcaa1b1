// Those who asked for a blob, and what they are told of it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/namespace.h"
#include "kraken/daemon/stored_manifest.h"
#include "kraken/origin/origin_hub.h"
#include "kraken/rpc/status.h"
#include "kraken/rpc/write_epoch.h"
#include "kraken/telemetry/log.h"

namespace kraken::origin {
namespace {

constexpr absl::Duration kProgressInterval = absl::Seconds(1);

template <typename T>
void Remove(std::vector<T>& list, const T& item) {
  list.erase(std::remove(list.begin(), list.end(), item), list.end());
}

}  // namespace

void OriginHub::OnWatchMetainfo(rpc::v1::WatchMetainfoRequest request,
                                std::shared_ptr<rpc::MetainfoOutlet> outlet) {
  absl::StatusOr<Digest> digest = rpc::DigestFromBytes(request.digest());
  absl::Status status = digest.status();
  // Without a namespace the backend can't be asked.
  const bool needs_namespace = !request.only_if_here() || !request.namespace_().empty();
  if (status.ok() && needs_namespace) status = Namespace::Parse(request.namespace_()).status();
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

void OriginHub::Admit(const rpc::v1::WriteEpoch& epoch,
                      std::function<void(const absl::Status&)> done) {
  parts_.fence->Admit(epoch, [alive = alive_, done = std::move(done)](const absl::Status& status) {
    if (*alive == nullptr) return done(absl::UnavailableError("the origin is shutting down"));
    if (rpc::SeenEpoch(status).has_value()) ++(*alive)->stats_.stale_writes;
    done(status);
  });
}

void OriginHub::OnPrefetch(rpc::v1::PrefetchRequest request,
                           std::shared_ptr<rpc::ProgressOutlet> outlet) {
  const rpc::v1::WriteEpoch epoch = request.write_epoch();
  Admit(epoch, [this, request = std::move(request), outlet](const absl::Status& admitted) {
    if (admitted.ok()) {
      Prefetch(request, outlet);
    } else {
      outlet->Finish(admitted);
    }
  });
}

void OriginHub::Prefetch(const rpc::v1::PrefetchRequest& request,
                         const std::shared_ptr<rpc::ProgressOutlet>& outlet) {
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
  if (request.all_replicas()) AskReplicas(blob, request.write_epoch(), outlet);
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

void OriginHub::OnEvictManifest(
    rpc::v1::EvictManifestRequest request,
    std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply) {
  absl::StatusOr<Digest> digest = rpc::DigestFromBytes(request.digest());
  if (!digest.ok()) {
    reply(digest.status());
    return;
  }
  Admit(request.write_epoch(), [this, digest = *digest, reply](const absl::Status& admitted) {
    if (admitted.ok()) {
      EvictManifest(digest, reply);
    } else {
      reply(admitted);
    }
  });
}

void OriginHub::EvictManifest(
    const Digest& digest, std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply) {
  const absl::Status submitted = parts_.disk->Submit(
      [alive = alive_, handle = parts_.loop->handle(), store = parts_.store, digest, reply] {
        absl::StatusOr<std::string> manifest = daemon::ReadStoredManifest(*store, digest);
        handle.Post([alive, digest, reply, manifest = std::move(manifest)]() mutable {
          if (!manifest.ok() && !absl::IsNotFound(manifest.status())) {
            reply(manifest.status());
          } else if (!manifest.ok() || *alive == nullptr) {
            reply(rpc::v1::EvictManifestReply());
          } else {
            (*alive)->EvictFound(digest, *std::move(manifest), reply);
          }
        });
      });
  if (!submitted.ok()) reply(submitted);
}

// Nobody is told of the manifest any more, and then it goes.
void OriginHub::EvictFound(const Digest& digest, std::string manifest,
                           std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply) {
  ++stats_.evicted_manifests;
  const absl::Status reason =
      absl::NotFoundError(absl::StrCat(digest.ToString(), " was deleted at its Harbor"));
  if (OriginBlob* blob = Find(digest)) {
    rpc::v1::MetainfoNews news;
    *news.mutable_revoked() = rpc::ToFailure(reason);
    TellAll(*blob, std::move(news));
    Fail(digest, reason);
  }
  parts_.node->Delete(digest, reason,
                      [manifest = std::move(manifest), reply](const absl::Status& deleted) {
                        rpc::v1::EvictManifestReply evicted;
                        evicted.set_was_here(true);
                        evicted.set_manifest(manifest);
                        if (deleted.ok() || absl::IsNotFound(deleted)) {
                          reply(evicted);
                        } else {
                          reply(deleted);
                        }
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
// ---- What they are told ----

// Remembers what is new and tells it.
void OriginHub::Tell(OriginBlob& blob, const rpc::v1::Metainfo& news) {
  blob.known.set_size_bytes(news.size_bytes());
  for (const rpc::v1::PieceRange& range : news.ranges()) *blob.known.add_ranges() = range;
  rpc::v1::MetainfoNews message;
  *message.mutable_metainfo() = news;
  message.mutable_metainfo()->set_complete(false);
  // Each origin sums the blob itself.
  message.mutable_metainfo()->clear_kraken();
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

void OriginHub::AskReplicas(OriginBlob& blob, const rpc::v1::WriteEpoch& epoch,
                            const std::shared_ptr<rpc::ProgressOutlet>& outlet) {
  for (const std::string& host : parts_.cluster->ring()->Locations(blob.digest)) {
    if (host == parts_.self) continue;
    rpc::v1::PrefetchRequest request;
    request.set_digest(rpc::ToBytes(blob.digest));
    request.set_namespace_(blob.ns);
    *request.mutable_write_epoch() = epoch;
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

}  // namespace kraken::origin
