// What a node serves: blobs that arrive, that are complete, and those that peers ask for.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/worker_pool.h"
#include "kraken/peer_wire/swarm_node_impl.h"
#include "kraken/peer_wire/swarm_node_state.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob.h"

namespace kraken::peer_wire {

absl::Status SwarmNodeImpl::SeedArriving(std::shared_ptr<storage::PartialBlob> partial) {
  const auto layout = partial->layout();
  if (!layout.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the size of ", partial->digest().ToString(), " is not known yet"));
  }
  if (shutting_down_) return absl::CancelledError("the node shuts down");
  const swarm::TorrentKey key{partial->digest(), layout->piece_length()};
  if (Find(key) != nullptr) return absl::OkStatus();
  Torrent& torrent = NewTorrent(key, std::make_shared<TorrentContent>(key.digest, *layout));
  absl::Status status = AttachPartial(torrent, std::move(partial));
  if (!status.ok()) torrents_.erase(key);
  return status;
}

void SwarmNodeImpl::SeedComplete(const Digest& digest, Done done) {
  auto shared_done = std::make_shared<Done>(std::move(done));
  auto work = [alive = alive_, control = control_, store = options_.store, digest, shared_done] {
    auto complete = OpenComplete(*store, digest);
    PostTo(alive, control, [shared_done, complete = std::move(complete)](SwarmNodeImpl& self) {
      (*shared_done)(complete.ok() ? self.AddComplete(*complete) : complete.status());
    });
  };
  const absl::Status submitted = options_.disk->Submit(std::move(work));
  if (submitted.ok()) return;
  Later([shared_done, submitted](SwarmNodeImpl&) { (*shared_done)(submitted); });
}

// A peer wants a torrent that is not in the engine.
void SwarmNodeImpl::OpenForPeer(const swarm::TorrentKey& key, ByteCount size,
                                absl::AnyInvocable<void(bool)> done) {
  if (Torrent* torrent = Find(key)) {
    torrent->on_opened.push_back(std::move(done));
    return;
  }
  if (const auto partial = options_.store->FindPartial(key.digest)) {
    const auto layout = partial->layout();
    if (layout.has_value() && layout->size() == size &&
        layout->piece_length() == key.piece_length && SeedArriving(partial).ok()) {
      return Later([done = std::move(done)](SwarmNodeImpl&) mutable { done(true); });
    }
  }
  OpenCompleteForPeer(key, std::move(done));
}

SwarmNodeImpl::Torrent* SwarmNodeImpl::FindInPieces(const Digest& digest, PieceCount pieces) const {
  for (const auto& [key, torrent] : torrents_) {
    if (key.digest == digest && torrent->content->layout().piece_count() == pieces) {
      return torrent.get();
    }
  }
  return nullptr;
}

// Pieces are powers of two, so that a blob and the number of its pieces tell their length, except
// of a blob that is one piece, where it does not matter.
void SwarmNodeImpl::OpenForKraken(
    const KrakenHandshake& handshake,
    absl::AnyInvocable<void(absl::StatusOr<swarm::TorrentKey>)> done) {
  const Digest digest = handshake.digest;
  const PieceCount pieces = handshake.piece_count;
  auto opened = [alive = alive_, digest, pieces, done = std::move(done)](bool) mutable {
    if (*alive == nullptr) return;
    const Torrent* torrent = (*alive)->FindInPieces(digest, pieces);
    if (torrent != nullptr) return done(torrent->key);
    done(absl::NotFoundError(
        absl::StrCat("blob ", digest.ToString(), " in ", pieces.value(), " pieces is not here")));
  };
  Torrent* torrent = FindInPieces(digest, pieces);
  if (torrent != nullptr && !torrent->id.is_valid()) {
    torrent->on_opened.push_back(std::move(opened));
    return;
  }
  const auto partial = options_.store->FindPartial(digest);
  if (torrent != nullptr || (partial != nullptr && SeedArriving(partial).ok())) {
    return Later([opened = std::move(opened)](SwarmNodeImpl&) mutable { opened(true); });
  }
  SeedComplete(digest, [opened = std::move(opened)](const absl::Status& status) mutable {
    opened(status.ok());
  });
}

void SwarmNodeImpl::OpenCompleteForPeer(const swarm::TorrentKey& key,
                                        absl::AnyInvocable<void(bool)> done) {
  SeedComplete(key.digest,
               [alive = alive_, key, done = std::move(done)](absl::Status status) mutable {
                 if (*alive == nullptr) return;
                 const bool opened = status.ok() && (*alive)->Find(key) != nullptr;
                 done(opened);
                 const SwarmNodeOptions& options = (*alive)->options_;
                 if (!opened && options.on_missing != nullptr) options.on_missing(key);
               });
}

}  // namespace kraken::peer_wire
