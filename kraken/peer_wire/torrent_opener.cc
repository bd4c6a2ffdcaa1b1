#include "kraken/peer_wire/torrent_opener.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/piece_list.h"

namespace kraken::peer_wire {
namespace {

absl::Status CheckSwarmable(const Digest& digest, const storage::PieceLayout& layout) {
  if (layout.size() > ByteCount(0) && layout.piece_count().value() <= swarm::kMaxPieces) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("blob ", digest.ToString(), " of ", layout.size().value(), " bytes in ",
                   layout.piece_count().value(), " pieces can't be a torrent"));
}

// Begins or resumes; a partial whose list is another one is given up, once.
constexpr int kAttempts = 2;

absl::StatusOr<std::shared_ptr<storage::PartialBlob>> OpenPartial(storage::BlobStore& store,
                                                                  const swarm::Metainfo& metainfo) {
  absl::Status status;
  for (int i = 0; i < kAttempts; ++i) {
    KH_ASSIGN_OR_RETURN(std::shared_ptr<storage::PartialBlob> partial,
                        store.OpenPartial(metainfo.digest(), metainfo.layout().size(),
                                          {.piece_length = metainfo.layout().piece_length()}));
    if (partial->piece_length() != metainfo.layout().piece_length()) {
      status = absl::FailedPreconditionError(
          absl::StrCat("blob ", metainfo.digest().ToString(), " is being fetched in pieces of ",
                       partial->piece_length().value(), " bytes"));
    } else {
      status = AddMissingStates(metainfo, *partial);
      if (status.ok()) return partial;
    }
    partial->Abandon(status);
  }
  return status;
}

}  // namespace

absl::StatusOr<OpenedBlob> OpenForLeech(storage::BlobStore& store,
                                        const swarm::Metainfo& metainfo) {
  OpenedBlob opened;
  auto blob = store.Find(metainfo.digest());
  if (blob.ok()) {
    opened.blob = *std::move(blob);
    return opened;
  }
  if (!absl::IsNotFound(blob.status())) return blob.status();
  auto partial = OpenPartial(store, metainfo);
  if (partial.ok()) {
    opened.partial = *std::move(partial);
    return opened;
  }
  if (!absl::IsAlreadyExists(partial.status())) return partial.status();
  KH_ASSIGN_OR_RETURN(opened.blob, store.Find(metainfo.digest()));
  return opened;
}

absl::Status AddMissingStates(const swarm::Metainfo& metainfo, storage::PartialBlob& partial) {
  const swarm::PieceMap& known = metainfo.known_states();
  const PieceIndex end(known.size().value());
  for (PieceIndex first = known.FirstAtOrAfter(PieceIndex(0)); first < end;) {
    const PieceIndex last = known.FirstMissingAtOrAfter(first);
    KH_RETURN_IF_ERROR(partial.SetStates(first, metainfo.States(first, last - first)));
    first = known.FirstAtOrAfter(last);
  }
  return absl::OkStatus();
}

absl::StatusOr<swarm::TorrentSpec> SpecOfPartial(const storage::PartialBlob& partial) {
  const auto layout = partial.layout();
  if (!layout.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the size of ", partial.digest().ToString(), " is not known yet"));
  }
  KH_RETURN_IF_ERROR(CheckSwarmable(partial.digest(), *layout));
  const PieceCount pieces = layout->piece_count();
  swarm::TorrentSpec spec{.digest = partial.digest(),
                          .layout = *layout,
                          .have = swarm::PieceMap(pieces),
                          .known_states = swarm::PieceMap(pieces - PieceCount(1))};
  for (PieceIndex piece(0); piece.value() < pieces.value(); ++piece) {
    if (partial.Has(piece)) spec.have.Add(piece);
    if (piece != layout->last_piece() && partial.StateAfter(piece).has_value()) {
      spec.known_states.Add(piece);
    }
  }
  return spec;
}

absl::StatusOr<CompleteTorrent> OpenComplete(storage::BlobStore& store, const Digest& digest) {
  KH_ASSIGN_OR_RETURN(std::shared_ptr<const storage::Blob> blob, store.Find(digest));
  KH_ASSIGN_OR_RETURN(const auto list, blob->piece_list());
  const storage::PieceLayout layout = list->layout();
  KH_RETURN_IF_ERROR(CheckSwarmable(digest, layout));
  return CompleteTorrent{.blob = std::move(blob),
                         .spec = {.digest = digest,
                                  .layout = layout,
                                  .have = swarm::PieceMap::Full(layout.piece_count()),
                                  .known_states = swarm::PieceMap(PieceCount(0)),
                                  .all_states_known = true}};
}

}  // namespace kraken::peer_wire
