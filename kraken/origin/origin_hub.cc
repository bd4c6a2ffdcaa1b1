#include "kraken/origin/origin_hub.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/telemetry/log.h"

namespace kraken::origin {
namespace {

// Until the disk's queue may have room again.
constexpr absl::Duration kSignAgainRetry = absl::Seconds(1);

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

// Any thread. What a complete blob is, signed.
absl::StatusOr<rpc::v1::Metainfo> OriginHub::ReadMetainfo(const Digest& digest) const {
  rpc::v1::Metainfo metainfo;
  metainfo.set_complete(true);
  KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::Blob> blob, parts_.store->Find(digest));
  metainfo.set_size_bytes(static_cast<uint64_t>(blob->size().value()));
  if (blob->size().value() <= rpc::kMaxInlineBytes) {
    KH_ASSIGN_OR_RETURN(*metainfo.mutable_inline_blob(), parts_.store->GetSmall(digest));
    metainfo.set_is_inline(true);
    return metainfo;
  }
  KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::PieceList> list, blob->piece_list());
  KH_ASSIGN_OR_RETURN(*metainfo.add_ranges(),
                      SignedRange(digest, list->layout().size(), list->layout().piece_length(),
                                  PieceIndex(0), list->states()));
  return metainfo;
}

// Reads what a complete blob is, signs it, and tells.
void OriginHub::LoadMetainfo(const Digest& digest) {
  const absl::Status submitted = parts_.disk->Submit(
      [this, alive = alive_, handle = parts_.loop->handle(), digest, signer = signer_generation_] {
        handle.Post([alive, digest, signer, metainfo = ReadMetainfo(digest)]() mutable {
          OriginHub* self = *alive;
          if (self == nullptr) return;
          self->OnComplete(digest, std::move(metainfo));
          // The signer may have changed in between.
          if (signer != self->signer_generation_) self->SignAgain({digest});
        });
      });
  if (!submitted.ok()) Fail(digest, submitted);
}

void OriginHub::OnSignerChanged() {
  ++signer_generation_;
  std::vector<Digest> all;
  for (const auto& [digest, blob] : blobs_) all.push_back(digest);
  SignAgain(std::move(all));
}

// What still arrives at this origin keeps the signatures that it has: once it is complete, one new
// one takes their place.
void OriginHub::SignAgain(std::vector<Digest> digests) {
  const auto is_done = [this](const Digest& digest) {
    const OriginBlob* blob = Find(digest);
    return blob == nullptr || blob->state != BlobState::kComplete || blob->known.is_inline();
  };
  digests.erase(std::remove_if(digests.begin(), digests.end(), is_done), digests.end());
  if (digests.empty()) return;
  const absl::Status submitted = parts_.disk->Submit(
      [this, alive = alive_, handle = parts_.loop->handle(), digests, signer = signer_generation_] {
        for (const Digest& digest : digests) {
          handle.Post([alive, digest, signer, metainfo = ReadMetainfo(digest)] {
            if (*alive != nullptr) (*alive)->OnSignedAgain(digest, signer, metainfo);
          });
        }
      });
  if (submitted.ok()) return;
  telemetry::LogWarn("piece lists wait for their new signatures", {{"reason", submitted}});
  parts_.loop->RunAfter(kSignAgainRetry, [alive = alive_, digests = std::move(digests)] {
    if (*alive != nullptr) (*alive)->SignAgain(digests);
  });
}

void OriginHub::OnSignedAgain(const Digest& digest, uint64_t signer,
                              const absl::StatusOr<rpc::v1::Metainfo>& metainfo) {
  OriginBlob* blob = Find(digest);
  if (blob == nullptr || blob->state != BlobState::kComplete || signer != signer_generation_) {
    return;
  }
  if (!metainfo.ok()) {
    telemetry::LogError("a piece list keeps its old signature",
                        {{"digest", digest.ToString()}, {"reason", metainfo.status()}});
    return;
  }
  *blob->known.mutable_ranges() = metainfo->ranges();
  rpc::v1::MetainfoNews news;
  *news.mutable_metainfo() = *metainfo;
  TellAll(*blob, std::move(news));
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
    parts_.node->SeedComplete(digest, [alive = alive_, digest](absl::Status status) {
      if (!status.ok()) {
        telemetry::LogError("cannot seed", {{"digest", digest.ToString()}, {"reason", status}});
      } else if (*alive != nullptr) {
        (*alive)->UseInfoHash(digest);
      }
    });
  }
  rpc::v1::MetainfoNews news;
  *news.mutable_origin() = Self(true);
  *news.mutable_metainfo() = *std::move(metainfo);
  TellAll(*blob, std::move(news));
  FinishPrefetches(*blob);
  DropIfUnused(digest);
  TellKraken(digest);
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
    for (const PrefetchWaiter& waiter : blob->prefetches) {
      replicas_pending += waiter.replicas_pending;
    }
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
