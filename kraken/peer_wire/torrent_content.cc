#include "kraken/peer_wire/torrent_content.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/piece_writer.h"

namespace kraken::peer_wire {
namespace {

// The content whose piece is being finished on this thread: the partial tells its listeners on the
// thread that caused the event, and this one is told of otherwise.
thread_local const TorrentContent* finishing = nullptr;

}  // namespace

TorrentContent::~TorrentContent() { StopListening(); }

void TorrentContent::SetPartial(std::shared_ptr<storage::PartialBlob> partial,
                                std::function<void(const storage::PartialBlobEvent&)> on_event) {
  {
    absl::MutexLock lock(&mu_);
    KH_CHECK(listened_to_ == nullptr);
    partial_ = partial;
    listened_to_ = partial;
  }
  on_event_ = std::move(on_event);
  const int64_t id = partial->AddListener(
      [this](const storage::PartialBlobEvent& event) { OnPartialEvent(event); });
  {
    absl::MutexLock lock(&mu_);
    listener_ = id;
  }
  WakeWaiters();
}

void TorrentContent::SetBlob(std::shared_ptr<const storage::Blob> blob) {
  StopListening();
  std::shared_ptr<storage::PartialBlob> done;  // closed without the lock
  {
    absl::MutexLock lock(&mu_);
    blob_ = std::move(blob);
    done = std::move(partial_);
    partial_ = nullptr;
  }
  WakeWaiters();
}

void TorrentContent::Fail(const absl::Status& status) {
  KH_CHECK(!status.ok());
  {
    absl::MutexLock lock(&mu_);
    if (!status_.ok() || blob_ != nullptr) return;
    status_ = status;
  }
  WakeWaiters();
}

void TorrentContent::SetInfoHash(const InfoHash& info_hash) {
  absl::MutexLock lock(&mu_);
  info_hash_ = info_hash;
}

std::optional<InfoHash> TorrentContent::info_hash() const {
  absl::MutexLock lock(&mu_);
  return info_hash_;
}

std::shared_ptr<storage::PartialBlob> TorrentContent::partial() const {
  absl::MutexLock lock(&mu_);
  return partial_;
}

absl::StatusOr<std::unique_ptr<storage::PieceWriter>> TorrentContent::StartPiece(PieceIndex piece) {
  std::shared_ptr<storage::PartialBlob> partial;
  {
    absl::MutexLock lock(&mu_);
    if (!status_.ok()) return status_;
    if (blob_ != nullptr) return absl::AlreadyExistsError("the blob is complete");
    partial = partial_;
  }
  if (partial == nullptr) return absl::FailedPreconditionError("the blob is not open yet");
  return partial->StartPiece(piece);
}

absl::Status TorrentContent::FinishPiece(storage::PieceWriter& writer) {
  finishing = this;
  absl::Status status = writer.Finish();
  finishing = nullptr;
  if (status.ok()) WakeWaiters();
  return status;
}

absl::StatusOr<TorrentContent::Source> TorrentContent::OpenPiece(PieceIndex piece) const {
  if (!IsValidIndex(piece, layout_.piece_count())) {
    return absl::NotFoundError(absl::StrCat("piece ", piece.value()));
  }
  Source source;
  source.offset = layout_.OffsetOf(piece);
  source.length = layout_.LengthOf(piece);
  absl::MutexLock lock(&mu_);
  if (!status_.ok()) return status_;
  if (blob_ != nullptr) {
    source.owner = blob_;
    source.fd = blob_->fd();
    return source;
  }
  if (partial_ == nullptr || !partial_->Has(piece)) {
    return absl::NotFoundError(absl::StrCat("piece ", piece.value(), " is not here"));
  }
  source.owner = partial_;
  source.fd = partial_->ReadFd();
  return source;
}

TorrentContent::Readable TorrentContent::ReadableFrom(ByteOffset offset) const {
  absl::MutexLock lock(&mu_);
  return ReadableFromLocked(offset);
}

TorrentContent::Readable TorrentContent::ReadableFromLocked(ByteOffset offset) const {
  if (!status_.ok()) return {offset, status_};
  const ByteOffset size = ByteOffset(layout_.size().value());
  if (blob_ != nullptr) return {size, absl::OkStatus()};
  if (partial_ == nullptr || offset >= size) return {offset, absl::OkStatus()};
  ByteOffset end = partial_->VerifiedEnd(offset);
  // No client gets the last byte before the digest holds.
  if (end >= size && !partial_->all_verified()) end = size - ByteCount(1);
  return {std::max(end, offset), absl::OkStatus()};
}

TorrentContent::Source TorrentContent::File() const {
  Source source;
  source.length = layout_.size();
  absl::MutexLock lock(&mu_);
  if (blob_ != nullptr) {
    source.owner = blob_;
    source.fd = blob_->fd();
  } else if (partial_ != nullptr) {
    source.owner = partial_;
    source.fd = partial_->ReadFd();
  }
  return source;
}

bool TorrentContent::IsReadyLocked(ByteOffset offset) const {
  const Readable readable = ReadableFromLocked(offset);
  return readable.end > offset || !readable.status.ok();
}

void TorrentContent::Wait(const void* waiter, ByteOffset offset, net::LoopHandle loop,
                          absl::AnyInvocable<void()> ready) {
  {
    absl::MutexLock lock(&mu_);
    waiters_.erase(waiter);
    if (!IsReadyLocked(offset)) {
      waiters_.emplace(waiter, Waiter{offset, loop, std::move(ready)});
      return;
    }
  }
  loop.Post(std::move(ready));
}

void TorrentContent::CancelWait(const void* waiter) {
  absl::AnyInvocable<void()> dropped;  // destroyed without the lock: it is somebody's closure
  absl::MutexLock lock(&mu_);
  auto it = waiters_.find(waiter);
  if (it == waiters_.end()) return;
  dropped = std::move(it->second.ready);
  waiters_.erase(it);
}

void TorrentContent::OnPartialEvent(const storage::PartialBlobEvent& event) {
  if (finishing == this) return;
  if (event.kind == storage::PartialBlobEvent::Kind::kAbandoned) {
    Fail(event.status);
  } else {
    WakeWaiters();
  }
  on_event_(event);
}

void TorrentContent::WakeWaiters() {
  std::vector<Waiter> awake;
  {
    absl::MutexLock lock(&mu_);
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      if (IsReadyLocked(it->second.offset)) {
        awake.push_back(std::move(it->second));
        waiters_.erase(it++);
      } else {
        ++it;
      }
    }
  }
  for (Waiter& waiter : awake) waiter.loop.Post(std::move(waiter.ready));
}

void TorrentContent::StopListening() {
  std::shared_ptr<storage::PartialBlob> partial;
  int64_t listener = 0;
  {
    absl::MutexLock lock(&mu_);
    partial = std::move(listened_to_);
    listened_to_ = nullptr;
    listener = listener_;
  }
  if (partial != nullptr) partial->RemoveListener(listener);
}

}  // namespace kraken::peer_wire
