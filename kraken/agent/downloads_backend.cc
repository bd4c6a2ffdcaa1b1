// The last way to a blob: the registry itself.
#include <utility>

#include "kraken/agent/download.h"
#include "kraken/agent/downloads.h"
#include "kraken/rpc/convert.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {

void Downloads::ReadBackend(Download& download) {
  if (parts_.backends == nullptr || download.backend != BackendState::kIdle) return;
  download.backend = BackendState::kAsking;
  download.backend_failure = absl::OkStatus();
  ++stats_.asked[static_cast<size_t>(BlobSource::kBackend)];
  telemetry::LogWarn(
      "the backend is read, past the swarm",
      {{"digest", download.digest.ToString()},
       {"namespace", download.ns},
       {"reason", download.leeching
                      ? "peers bring nothing"
                      : Describe(download, net::EventLoop::MonotonicNow() - download.begun)}});
  daemon::FetchRequest request{.digest = download.digest, .ns = download.ns};
  // With a list, the pieces are the list's; without, any that are here already.
  request.piece_length = download.leeching ? download.key.piece_length : ByteCount(0);
  request.trust_piece_list = download.list_complete;
  const auto current = [alive = alive_, digest = download.digest, id = download.id]() -> Download* {
    Download* found = *alive == nullptr ? nullptr : (*alive)->Find(digest);
    return found != nullptr && found->id == id ? found : nullptr;
  };
  daemon::FetchEvents events;
  events.on_begin = [this, current](std::shared_ptr<storage::PartialBlob> partial,
                                    const std::vector<Sha256State>&) {
    if (Download* found = current()) OnBackendBegin(*found, std::move(partial));
  };
  // Who reads the blob hears of its pieces from the partial.
  events.on_states = [](const std::vector<Sha256State>&) {};
  events.on_progress = [this, alive = alive_](uint64_t received, uint64_t) {
    if (*alive != nullptr) stats_.backend_bytes += received;
  };
  events.on_done = [this, current](const absl::Status& status) {
    if (Download* found = current()) OnBackendDone(*found, status);
  };
  parts_.backends->Fetch(std::move(request), download.backend_read, std::move(events));
}

// From now on what arrives can be read: each piece as soon as it is verified, the last byte when
// the digest holds. Pieces that no origin's list covers are provisional until then.
void Downloads::OnBackendBegin(Download& download, std::shared_ptr<storage::PartialBlob> partial) {
  download.backend = BackendState::kReading;
  if (download.leeching || !partial->layout().has_value()) return;
  const storage::PieceLayout layout = *partial->layout();
  if (layout.size().value() > rpc::kMaxInlineBytes) {
    const absl::Status seeding = parts_.node->SeedArriving(std::move(partial));
    if (!seeding.ok()) {
      // It can be read when it is complete.
      telemetry::LogError("cannot stream",
                          {{"digest", download.digest.ToString()}, {"reason", seeding.ToString()}});
      return;
    }
    download.key = {download.digest, layout.piece_length()};
    download.seeding_backend = true;
    OnFound(download, BlobSource::kBackend);
  }
  const rpc::v1::Metainfo held = std::exchange(download.held, {});
  if (held.ranges_size() > 0) OnMetainfo(BlobSource::kTracker, download, held);
  if (download.seeding_backend) Answer(download, absl::OkStatus());
}

void Downloads::OnBackendDone(Download& download, const absl::Status& status) {
  if (status.ok()) {
    if (!download.readable()) OnFound(download, BlobSource::kBackend);
    return OnDone(download.digest, absl::OkStatus());
  }
  download.backend = BackendState::kIdle;
  download.backend_failure = status;
  telemetry::LogWarn("the backend does not help", {{"digest", download.digest.ToString()},
                                                   {"namespace", download.ns},
                                                   {"reason", status.ToString()}});
  // The swarm goes on, or is what the blob waits for.
  if (download.leeching) return;
  if (download.seeding_backend || absl::IsNotFound(status)) {
    return OnDone(download.digest, status);
  }
  const rpc::v1::Metainfo held = std::exchange(download.held, {});
  if (held.ranges_size() > 0) return OnMetainfo(BlobSource::kTracker, download, held);
  GiveUpIfHopeless(download);
}

}  // namespace kraken::agent
