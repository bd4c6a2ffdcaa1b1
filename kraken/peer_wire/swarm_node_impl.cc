#include "kraken/peer_wire/swarm_node_impl.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/worker_pool.h"
#include "kraken/peer_wire/swarm_node_state.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/swarm/piece_list_signature.h"

namespace kraken::peer_wire {
namespace {

std::shared_ptr<WireEnvironment> MakeEnvironment(const SwarmNodeOptions& options) {
  auto environment = std::make_shared<WireEnvironment>();
  environment->control = options.control->handle();
  environment->disk = options.disk;
  environment->limits = options.limits;
  environment->security = options.security;
  environment->hello.peer = options.self.id;
  environment->hello.instance = SystemBitGen().Next();
  environment->hello.listen_port = options.self.port;
  environment->hello.zone = options.self.zone;
  environment->hello.origin = options.self.origin;
  environment->hello.tls = options.self.tls;
  return environment;
}

std::unique_ptr<BitGen> MakeRandom(uint64_t seed) {
  if (seed == 0) seed = SystemBitGen().Next();
  return std::make_unique<SeededBitGen>(seed);
}

// Of a blob that is read, and not swarmed: any layout with its size will do.
absl::StatusOr<storage::PieceLayout> AnyLayout(ByteCount size) {
  return storage::PieceLayout::Create(size, ByteCount(storage::kMaxPieceLength));
}

}  // namespace

SwarmNodeImpl::SwarmNodeImpl(SwarmNodeOptions options, net::ListenSocket socket)
    : options_(std::move(options)),
      alive_(std::make_shared<SwarmNodeImpl*>(this)),
      control_(options_.control->handle()),
      reader_home_(std::make_shared<ReaderHome>(ReaderHome{control_, this})),
      environment_(MakeEnvironment(options_)),
      random_(MakeRandom(options_.random_seed)),
      clock_(options_.control, [this] { scheduler_.OnTimer(); }),
      network_(
          options_.control, options_.io, std::move(socket), environment_, options_.faults,
          [this](const swarm::TorrentKey& key, ByteCount size,
                 absl::AnyInvocable<void(bool)> done) { OpenForPeer(key, size, std::move(done)); },
          [this](const KrakenHandshake& handshake,
                 absl::AnyInvocable<void(absl::StatusOr<swarm::TorrentKey>)> done) {
            OpenForKraken(handshake, std::move(done));
          },
          [this](const swarm::TorrentKey& key, const absl::Status& status) {
            ++blobs_failed_;
            Drop(key, status);
          }),
      scheduler_(options_.swarm, options_.self,
                 {.network = &network_,
                  .announcer = options_.announcer,
                  .clock = &clock_,
                  .observer = this,
                  .random = random_.get()}) {
  network_.set_scheduler(&scheduler_);
}

SwarmNodeImpl::~SwarmNodeImpl() {
  *alive_ = nullptr;
  reader_home_->registry = nullptr;
}

void SwarmNodeImpl::Start() { network_.StartAccepting(); }

void SwarmNodeImpl::Shutdown(Done done) {
  shutting_down_ = true;
  const absl::Status reason = absl::CancelledError("the node shuts down");
  while (!torrents_.empty()) Remove(*torrents_.begin()->second, reason, /*in_engine=*/true);
  network_.Shutdown([done = std::move(done)]() mutable { done(absl::OkStatus()); });
}

// ---- Torrents ----

SwarmNodeImpl::Torrent* SwarmNodeImpl::Find(const swarm::TorrentKey& key) const {
  auto it = torrents_.find(key);
  return it == torrents_.end() ? nullptr : it->second.get();
}

SwarmNodeImpl::Torrent* SwarmNodeImpl::FindById(swarm::TorrentId id) const {
  auto it = key_of_id_.find(id);
  return it == key_of_id_.end() ? nullptr : Find(it->second);
}

SwarmNodeImpl::Torrent* SwarmNodeImpl::FindByDigest(const Digest& digest) const {
  // A handful are live; of the same digest there is one but for a change of piece lengths.
  for (const auto& [key, torrent] : torrents_) {
    if (key.digest == digest) return torrent.get();
  }
  return nullptr;
}

SwarmNodeImpl::Torrent& SwarmNodeImpl::NewTorrent(const swarm::TorrentKey& key,
                                                  std::shared_ptr<TorrentContent> content) {
  auto torrent = std::make_unique<Torrent>();
  torrent->key = key;
  torrent->generation = next_generation_++;
  torrent->content = std::move(content);
  Torrent& result = *torrent;
  torrents_[key] = std::move(torrent);
  return result;
}

void SwarmNodeImpl::Leech(swarm::Metainfo metainfo, LeechCallbacks callbacks) {
  const swarm::TorrentKey key = metainfo.key();
  Torrent* torrent = Find(key);
  if (torrent != nullptr && torrent->complete && !options_.store->Contains(key.digest)) {
    Drop(key, absl::NotFoundError("deleted from the store"));
    torrent = nullptr;
  }
  if (shutting_down_ || (torrent != nullptr && torrent->complete)) {
    std::vector<LeechCallbacks> waiters;
    waiters.push_back(std::move(callbacks));
    return TellWaiters(std::move(waiters), shutting_down_
                                               ? absl::CancelledError("the node shuts down")
                                               : absl::OkStatus());
  }
  if (torrent == nullptr) {
    torrent = &NewTorrent(key, std::make_shared<TorrentContent>(key.digest, metainfo.layout()));
    torrent->waiters.push_back(std::move(callbacks));
    torrent->metainfo = std::move(metainfo);
    return StartOpening(*torrent);
  }
  torrent->waiters.push_back(std::move(callbacks));
  if (!torrent->metainfo.has_value()) torrent->metainfo = std::move(metainfo);
  const std::shared_ptr<storage::PartialBlob> partial = torrent->content->partial();
  if (!torrent->id.is_valid() || partial == nullptr) return;
  // It arrives by another road already: from now on by both.
  const swarm::PieceMap known = torrent->metainfo->known_states();
  if (AddMissingStates(*torrent->metainfo, *partial).ok()) {
    for (PieceIndex i(0); IsValidIndex(i, known.size()); ++i) {
      if (!known.Has(i)) continue;
      scheduler_.OnStatesKnown(torrent->id, i, PieceCount(1)).IgnoreError();
    }
  }
  if (partial->all_verified()) BeginCommit(*torrent);
}

void SwarmNodeImpl::StartOpening(Torrent& torrent) {
  auto work = [alive = alive_, control = control_, store = options_.store, key = torrent.key,
               generation = torrent.generation, metainfo = *torrent.metainfo] {
    auto opened = OpenForLeech(*store, metainfo);
    PostTo(alive, control,
           [key, generation, opened = std::move(opened)](SwarmNodeImpl& self) mutable {
             self.OnOpened(key, generation, std::move(opened));
           });
  };
  const absl::Status submitted = options_.disk->Submit(std::move(work));
  if (submitted.ok()) return;
  Later([key = torrent.key, generation = torrent.generation, submitted](SwarmNodeImpl& self) {
    self.OnOpened(key, generation, submitted);
  });
}

void SwarmNodeImpl::OnOpened(const swarm::TorrentKey& key, uint64_t generation,
                             absl::StatusOr<OpenedBlob> opened) {
  Torrent* torrent = Find(key);
  if (torrent == nullptr || torrent->generation != generation) {
    auto deletion = deletions_.find(generation);
    if (deletion == deletions_.end()) return;
    Deletion found = std::move(deletion->second);
    deletions_.erase(deletion);
    return DeleteFromStore(key.digest, opened.ok() ? opened->partial : nullptr, std::move(found));
  }
  absl::Status status = opened.status();
  if (status.ok() && opened->blob != nullptr) {
    // Complete already, perhaps in other pieces: served when somebody asks for it.
    torrent->content->SetBlob(opened->blob);
    return Remove(*torrent, absl::OkStatus(), /*in_engine=*/false);
  }
  if (status.ok()) {
    // What was merged meanwhile.
    status = AddMissingStates(*torrent->metainfo, *opened->partial);
  }
  if (status.ok()) status = AttachPartial(*torrent, opened->partial);
  if (!status.ok()) {
    ++blobs_failed_;
    return Remove(*torrent, status, /*in_engine=*/false);
  }
  if (opened->partial->all_verified()) BeginCommit(*torrent);
}

// The partial's pieces, and what is known of its list, go to the engine.
absl::Status SwarmNodeImpl::AttachPartial(Torrent& torrent,
                                          std::shared_ptr<storage::PartialBlob> partial) {
  torrent.content->SetPartial(
      partial, [alive = alive_, control = control_, key = torrent.key,
                generation = torrent.generation](const storage::PartialBlobEvent& event) {
        PostTo(alive, control, [key, generation, event](SwarmNodeImpl& self) {
          self.OnPartialEvent(key, generation, event);
        });
      });
  // After the listener was set, so that no piece is missed; one that is told of twice does no harm.
  KH_ASSIGN_OR_RETURN(const swarm::TorrentSpec spec, SpecOfPartial(*partial));
  return AddToEngine(torrent, spec);
}

absl::Status SwarmNodeImpl::AddToEngine(Torrent& torrent, const swarm::TorrentSpec& spec) {
  network_.AddContent(torrent.key, torrent.content);
  const absl::StatusOr<swarm::TorrentId> id = scheduler_.AddTorrent(spec);
  if (!id.ok()) {
    network_.RemoveContent(torrent.key);
    return id.status();
  }
  torrent.id = *id;
  key_of_id_[*id] = torrent.key;
  for (auto& [number, reader] : readers_) {
    if (reader->key == torrent.key) AttachReader(*reader, torrent);
  }
  scheduler_.OnTrackerPeers(torrent.id, torrent.early_peers);
  torrent.early_peers.clear();
  std::vector<absl::AnyInvocable<void(bool)>> on_opened;
  on_opened.swap(torrent.on_opened);
  for (auto& done : on_opened) {
    Later([done = std::move(done)](SwarmNodeImpl&) mutable { done(true); });
  }
  return absl::OkStatus();
}

absl::Status SwarmNodeImpl::AddComplete(const CompleteTorrent& complete) {
  const swarm::TorrentKey key{complete.spec.digest, complete.spec.layout.piece_length()};
  if (Find(key) != nullptr || shutting_down_) return absl::OkStatus();
  auto content = std::make_shared<TorrentContent>(key.digest, complete.spec.layout);
  content->SetBlob(complete.blob);
  Torrent& torrent = NewTorrent(key, std::move(content));
  torrent.complete = true;
  absl::Status status = AddToEngine(torrent, complete.spec);
  if (!status.ok()) torrents_.erase(key);
  return status;
}

// Out of memory, and out of the engine unless it has done that by itself. Waiters are told
// `reason`.
void SwarmNodeImpl::Remove(Torrent& torrent, const absl::Status& reason, bool in_engine) {
  const swarm::TorrentKey key = torrent.key;
  auto it = torrents_.find(key);
  const std::unique_ptr<Torrent> removed = std::move(it->second);
  torrents_.erase(it);
  if (!reason.ok()) removed->content->Fail(reason);
  if (removed->id.is_valid()) {
    key_of_id_.erase(removed->id);
    if (in_engine) scheduler_.RemoveTorrent(removed->id, reason).IgnoreError();
    network_.RemoveContent(key);
  }
  for (auto& [number, reader] : readers_) {
    if (reader->key == key) reader->id = {};
  }
  for (auto& done : removed->on_opened) {
    Later([done = std::move(done)](SwarmNodeImpl&) mutable { done(false); });
  }
  TellWaiters(std::move(removed->waiters), reason);
}

void SwarmNodeImpl::TellWaiters(std::vector<LeechCallbacks> waiters, const absl::Status& status) {
  for (LeechCallbacks& waiter : waiters) {
    if (waiter.on_done == nullptr) continue;
    control_.Post([done = std::move(waiter.on_done), status]() mutable { done(status); });
  }
}

void SwarmNodeImpl::Drop(const swarm::TorrentKey& key, const absl::Status& reason) {
  Torrent* torrent = Find(key);
  if (torrent == nullptr) return;
  Remove(*torrent, reason.ok() ? absl::CancelledError("dropped") : reason, /*in_engine=*/true);
}

void SwarmNodeImpl::Revoke(const swarm::TorrentKey& key, const absl::Status& reason) {
  Torrent* torrent = Find(key);
  if (torrent != nullptr && torrent->complete) return;
  std::shared_ptr<storage::PartialBlob> partial;
  if (torrent != nullptr) {
    partial = torrent->content->partial();
    ++blobs_failed_;
    Drop(key, reason);
  }
  // Found here and now: later there may be another one, of another attempt.
  if (partial == nullptr) partial = options_.store->FindPartial(key.digest);
  if (partial == nullptr) return;
  const absl::Status why = reason.ok() ? absl::CancelledError("revoked") : reason;
  auto work = [partial, why] { partial->Abandon(why); };
  // With a full pool it stays on disk, and is refused by the list that comes next.
  options_.disk->Submit(std::move(work)).IgnoreError();
}

void SwarmNodeImpl::Delete(const Digest& digest, const absl::Status& reason, Done done) {
  Deletion deletion{reason, std::make_shared<Done>(std::move(done))};
  std::optional<uint64_t> opening;
  while (const Torrent* torrent = FindByDigest(digest)) {
    if (!torrent->id.is_valid()) opening = torrent->generation;
    Drop(torrent->key, reason);
  }
  if (opening.has_value()) {
    // What a disk thread is about to open is deleted when it is there.
    deletions_.emplace(*opening, std::move(deletion));
    return;
  }
  DeleteFromStore(digest, options_.store->FindPartial(digest), std::move(deletion));
}

void SwarmNodeImpl::DeleteFromStore(const Digest& digest,
                                    std::shared_ptr<storage::PartialBlob> partial,
                                    Deletion deletion) {
  auto work = [alive = alive_, control = control_, store = options_.store,
               partial = std::move(partial), digest, deletion] {
    if (partial != nullptr) partial->Abandon(deletion.reason);
    absl::Status status = store->Delete(digest, /*force=*/true);
    if (partial != nullptr && absl::IsNotFound(status)) status = absl::OkStatus();
    PostTo(alive, control, [deletion, status](SwarmNodeImpl&) { (*deletion.done)(status); });
  };
  const absl::Status submitted = options_.disk->Submit(std::move(work));
  if (submitted.ok()) return;
  Later([deletion, submitted](SwarmNodeImpl&) { (*deletion.done)(submitted); });
}

// ---- Piece lists ----

void SwarmNodeImpl::AddStates(swarm::SignedPieceRange range, Done done) {
  if (options_.verifier == nullptr) {
    return Later([range = std::move(range), done = std::move(done)](SwarmNodeImpl& self) mutable {
      self.MergeStates(range, std::move(done));
    });
  }
  auto shared_done = std::make_shared<Done>(std::move(done));
  auto work = [alive = alive_, control = control_, verifier = options_.verifier,
               range = std::move(range), shared_done] {
    const absl::Status status = verifier->Verify(range, absl::Now());
    PostTo(alive, control, [range, status, shared_done](SwarmNodeImpl& self) {
      if (!status.ok()) return (*shared_done)(status);
      self.MergeStates(range, std::move(*shared_done));
    });
  };
  const absl::Status submitted = options_.disk->Submit(std::move(work));
  if (submitted.ok()) return;
  Later([shared_done, submitted](SwarmNodeImpl&) { (*shared_done)(submitted); });
}

void SwarmNodeImpl::MergeStates(const swarm::SignedPieceRange& range, Done done) {
  Torrent* torrent = Find({range.digest, range.piece_length});
  if (torrent == nullptr || !torrent->metainfo.has_value()) {
    // Who has the blob needs no list.
    return done(torrent != nullptr && torrent->complete
                    ? absl::OkStatus()
                    : absl::NotFoundError(absl::StrCat("no fetch of ", range.digest.ToString())));
  }
  done(MergeInto(*torrent, range));
}

absl::Status SwarmNodeImpl::MergeInto(Torrent& torrent, const swarm::SignedPieceRange& range) {
  KH_RETURN_IF_ERROR(torrent.metainfo->Merge(range));
  const std::shared_ptr<storage::PartialBlob> partial = torrent.content->partial();
  if (partial == nullptr || !torrent.id.is_valid()) return absl::OkStatus();
  KH_RETURN_IF_ERROR(partial->SetStates(range.first, range.states));
  return scheduler_.OnStatesKnown(torrent.id, range.first,
                                  PieceCount(static_cast<int32_t>(range.states.size())));
}

void SwarmNodeImpl::SetInfoHash(const swarm::TorrentKey& key, const InfoHash& info_hash) {
  if (Torrent* torrent = Find(key)) torrent->content->SetInfoHash(info_hash);
}

// ---- Completion ----

void SwarmNodeImpl::BeginCommit(Torrent& torrent) {
  if (torrent.committing || torrent.complete) return;
  const std::shared_ptr<storage::PartialBlob> partial = torrent.content->partial();
  if (partial == nullptr) return;
  torrent.committing = true;
  partial->Commit(
      [alive = alive_, control = control_, key = torrent.key,
       generation = torrent.generation](absl::StatusOr<std::shared_ptr<const storage::Blob>> blob) {
        PostTo(alive, control, [key, generation, blob = std::move(blob)](SwarmNodeImpl& self) {
          self.OnCommitted(key, generation, blob);
        });
      });
}

void SwarmNodeImpl::OnCommitted(const swarm::TorrentKey& key, uint64_t generation,
                                absl::StatusOr<std::shared_ptr<const storage::Blob>> blob) {
  Torrent* torrent = Find(key);
  if (torrent == nullptr || torrent->generation != generation || torrent->complete) return;
  if (blob.ok()) return OnComplete(*torrent, *std::move(blob));
  torrent->committing = false;
  if (!absl::IsResourceExhausted(blob.status())) {
    ++blobs_failed_;
    return Remove(*torrent, blob.status(), /*in_engine=*/true);
  }
  options_.control->RunAfter(kCommitRetryDelay, [alive = alive_, key, generation] {
    if (*alive == nullptr) return;
    Torrent* again = (*alive)->Find(key);
    if (again != nullptr && again->generation == generation) (*alive)->BeginCommit(*again);
  });
}

void SwarmNodeImpl::OnComplete(Torrent& torrent, std::shared_ptr<const storage::Blob> blob) {
  torrent.complete = true;
  torrent.committing = false;
  torrent.metainfo.reset();
  torrent.content->SetBlob(std::move(blob));
  ++blobs_completed_;
  TellWaiters(std::move(torrent.waiters), absl::OkStatus());
  torrent.waiters.clear();
}

// ---- What happens to a partial by other hands ----

void SwarmNodeImpl::OnPartialEvent(const swarm::TorrentKey& key, uint64_t generation,
                                   const storage::PartialBlobEvent& event) {
  Torrent* torrent = Find(key);
  if (torrent == nullptr || torrent->generation != generation || torrent->complete) return;
  switch (event.kind) {
    case storage::PartialBlobEvent::Kind::kPieceVerified:
      return OnForeignPiece(*torrent, event.piece);
    case storage::PartialBlobEvent::Kind::kCommitted:
      return OnCommitted(key, generation, options_.store->Find(key.digest));
    case storage::PartialBlobEvent::Kind::kAbandoned:
      ++blobs_failed_;
      return Remove(*torrent, event.status, /*in_engine=*/true);
  }
}

void SwarmNodeImpl::OnForeignPiece(Torrent& torrent, PieceIndex piece) {
  if (!torrent.id.is_valid() || scheduler_.Have(torrent.id).Has(piece)) return;
  // A piece that is verified has its states.
  const PieceIndex last = torrent.content->layout().last_piece();
  const PieceIndex first_state(piece.value() == 0 ? 0 : piece.value() - 1);
  const PieceIndex end_state = piece == last ? piece : piece + PieceCount(1);
  scheduler_.OnStatesKnown(torrent.id, first_state, end_state - first_state).IgnoreError();
  scheduler_.OnLocalPiece(torrent.id, piece).IgnoreError();
  // Who wrote the rest commits it, unless it was a fetch of ours.
  if (torrent.metainfo.has_value() && scheduler_.Have(torrent.id).IsFull()) BeginCommit(torrent);
}

// ---- Reading ----

absl::StatusOr<std::unique_ptr<BlobReader>> SwarmNodeImpl::OpenReader(const Digest& digest,
                                                                      ByteOffset offset,
                                                                      ByteCount length) {
  Torrent* torrent = FindByDigest(digest);
  std::shared_ptr<TorrentContent> content;
  if (torrent != nullptr) {
    content = torrent->content;
  } else {
    KH_ASSIGN_OR_RETURN(std::shared_ptr<const storage::Blob> blob, options_.store->Find(digest));
    KH_ASSIGN_OR_RETURN(const storage::PieceLayout layout, AnyLayout(blob->size()));
    content = std::make_shared<TorrentContent>(digest, layout);
    content->SetBlob(std::move(blob));
  }
  const ByteOffset size(content->layout().size().value());
  if (offset < ByteOffset(0) || offset > size || length > size - offset) {
    return absl::OutOfRangeError(absl::StrCat("blob ", digest.ToString(), " has ", size.value(),
                                              " bytes, wanted ", length.value(), " from ",
                                              offset.value()));
  }
  const ByteOffset end = length < ByteCount(0) ? size : offset + length;
  uint64_t number = 0;
  if (torrent != nullptr && !torrent->complete && offset < end) {
    number = next_reader_++;
    auto reader = std::make_unique<Reader>();
    reader->number = number;
    reader->key = torrent->key;
    reader->cursor = offset;
    if (torrent->id.is_valid()) AttachReader(*reader, *torrent);
    readers_[number] = std::move(reader);
  }
  return std::unique_ptr<BlobReader>(
      std::make_unique<ReaderImpl>(reader_home_, number, std::move(content), offset, end));
}

void SwarmNodeImpl::AttachReader(Reader& reader, Torrent& torrent) {
  if (reader.cursor.value() >= torrent.content->layout().size().value()) return;
  const absl::StatusOr<swarm::ReaderId> id = scheduler_.AddReader(torrent.id, reader.cursor);
  if (!id.ok()) return;
  reader.id = *id;
  if (reader.suspended) scheduler_.SuspendReader(reader.id);
}

void SwarmNodeImpl::OnReaderAdvanced(uint64_t number, ByteOffset cursor) {
  auto it = readers_.find(number);
  if (it == readers_.end()) return;
  it->second->cursor = cursor;
  if (it->second->id.is_valid()) scheduler_.AdvanceReader(it->second->id, cursor);
}

void SwarmNodeImpl::OnReaderSuspended(uint64_t number, bool suspended) {
  auto it = readers_.find(number);
  if (it == readers_.end()) return;
  it->second->suspended = suspended;
  if (!it->second->id.is_valid()) return;
  if (suspended) {
    scheduler_.SuspendReader(it->second->id);
  } else {
    scheduler_.ResumeReader(it->second->id);
  }
}

void SwarmNodeImpl::OnReaderGone(uint64_t number) {
  auto it = readers_.find(number);
  if (it == readers_.end()) return;
  const swarm::ReaderId id = it->second->id;
  readers_.erase(it);
  if (id.is_valid()) scheduler_.RemoveReader(id);
}

// ---- The tracker ----

void SwarmNodeImpl::OnTrackerPeers(const swarm::TorrentKey& key,
                                   absl::Span<const swarm::PeerInfo> peers) {
  Torrent* torrent = Find(key);
  if (torrent == nullptr) return;
  if (torrent->id.is_valid()) return scheduler_.OnTrackerPeers(torrent->id, peers);
  const size_t room =
      static_cast<size_t>(options_.swarm.max_candidates) -
      std::min(static_cast<size_t>(options_.swarm.max_candidates), torrent->early_peers.size());
  const auto kept = peers.first(std::min(room, peers.size()));
  torrent->early_peers.insert(torrent->early_peers.end(), kept.begin(), kept.end());
}

// ---- The engine's observer: nothing here calls the engine ----

void SwarmNodeImpl::OnPieceAvailable(swarm::TorrentId, PieceIndex) {
  // The I/O loop that wrote the piece has told its readers.
}

void SwarmNodeImpl::OnTorrentComplete(swarm::TorrentId id) {
  if (Torrent* torrent = FindById(id)) BeginCommit(*torrent);
}

void SwarmNodeImpl::OnTorrentStalled(swarm::TorrentId id) {
  Later([id](SwarmNodeImpl& self) {
    Torrent* torrent = self.FindById(id);
    if (torrent == nullptr) return;
    // A callback may drop the torrent, and with it the others.
    const swarm::TorrentKey key = torrent->key;
    const uint64_t generation = torrent->generation;
    for (size_t i = 0; torrent != nullptr && i < torrent->waiters.size(); ++i) {
      if (torrent->waiters[i].on_stalled == nullptr) continue;
      auto stalled = std::move(torrent->waiters[i].on_stalled);
      stalled();
      torrent = self.Find(key);
      if (torrent == nullptr || torrent->generation != generation) return;
      if (i < torrent->waiters.size()) torrent->waiters[i].on_stalled = std::move(stalled);
    }
  });
}

void SwarmNodeImpl::OnTorrentEvicted(swarm::TorrentId id) {
  Torrent* torrent = FindById(id);
  if (torrent == nullptr) return;
  Remove(*torrent, absl::DeadlineExceededError("nobody has used the torrent for a while"),
         /*in_engine=*/false);
}

void SwarmNodeImpl::OnPeerBanned(const swarm::PeerInfo&, const absl::Status&) {}

// ---- Metrics ----

SwarmNodeStats SwarmNodeImpl::stats() const {
  SwarmNodeStats stats;
  const WireCounters& counters = environment_->counters;
  stats.bytes_from_origins = counters.bytes_from_origins;
  stats.bytes_from_agents = counters.bytes_from_agents;
  stats.bytes_sent = counters.bytes_sent;
  stats.connections_malformed = counters.malformed;
  stats.connections_dialed = network_.dialed_count();
  stats.connections_accepted = network_.accepted_count();
  stats.connections = network_.connection_count();
  stats.blobs_completed = blobs_completed_;
  stats.blobs_failed = blobs_failed_;
  stats.torrents = torrents_.size();
  for (const auto& [key, torrent] : torrents_) stats.torrents_incomplete += !torrent->complete;
  stats.readers = readers_.size();
  stats.engine = scheduler_.stats();
  stats.pieces_corrupt = stats.engine.pieces_corrupt;
  return stats;
}

}  // namespace kraken::peer_wire
