#include "kraken/swarm/upload_queue.h"

#include <algorithm>

#include "kraken/base/check.h"

namespace kraken::swarm {
namespace {

// Assumed until the first upload has ended: 1 Gbit/s.
constexpr double kInitialNanosPerByte = 8.0;

// How much of the sums an upload leaves of what was before.
constexpr double kFading = 0.9;

auto Is(LinkId link, PieceIndex piece) {
  return [=](const Upload& upload) { return upload.link == link && upload.piece == piece; };
}

auto IsOf(LinkId link) {
  return [=](const Upload& upload) { return upload.link == link; };
}

}  // namespace

void UploadQueue::Enqueue(LinkId link, PieceIndex piece, ByteCount bytes) {
  KH_DCHECK(!Contains(link, piece));
  waiting_.push_back({.link = link, .piece = piece, .bytes = bytes});
  waiting_bytes_ += bytes.value();
}

bool UploadQueue::RemoveWaiting(LinkId link, PieceIndex piece) {
  auto it = std::find_if(waiting_.begin(), waiting_.end(), Is(link, piece));
  if (it == waiting_.end()) return false;
  waiting_bytes_ -= it->bytes.value();
  waiting_.erase(it);
  return true;
}

void UploadQueue::RemoveLink(LinkId link) {
  active_.erase(std::remove_if(active_.begin(), active_.end(), IsOf(link)), active_.end());
  RemoveWaiting(link);
}

void UploadQueue::RemoveWaiting(LinkId link) {
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), IsOf(link)), waiting_.end());
  waiting_bytes_ = 0;
  for (const Upload& upload : waiting_) waiting_bytes_ += upload.bytes.value();
}

absl::optional<Upload> UploadQueue::StartNext(Instant now) {
  if (waiting_.empty() || !HasFreeSlot()) return absl::nullopt;
  Upload upload = waiting_.front();
  waiting_.pop_front();
  waiting_bytes_ -= upload.bytes.value();
  upload.started = now;
  if (active_.empty()) busy_since_ = now;
  active_.push_back(upload);
  return upload;
}

bool UploadQueue::Finish(LinkId link, PieceIndex piece, bool completed, Instant now) {
  auto it = std::find_if(active_.begin(), active_.end(), Is(link, piece));
  if (it == active_.end()) return false;
  if (completed) MeasureRate(it->bytes, now);
  active_.erase(it);
  return true;
}

bool UploadQueue::Contains(LinkId link, PieceIndex piece) const {
  return IsActive(link, piece) || std::any_of(waiting_.begin(), waiting_.end(), Is(link, piece));
}

bool UploadQueue::IsActive(LinkId link, PieceIndex piece) const {
  return std::any_of(active_.begin(), active_.end(), Is(link, piece));
}

void UploadQueue::MeasureRate(ByteCount bytes, Instant now) {
  recent_bytes_ = recent_bytes_ * kFading + static_cast<double>(bytes.value());
  recent_nanos_ = recent_nanos_ * kFading + static_cast<double>(now - busy_since_);
  busy_since_ = now;
}

LoadHint UploadQueue::Load(Instant now) const {
  const double nanos_per_byte =
      recent_bytes_ > 0 ? recent_nanos_ / recent_bytes_ : kInitialNanosPerByte;
  double nanos = static_cast<double>(waiting_bytes_) * nanos_per_byte;
  for (const Upload& upload : active_) {
    const double whole = static_cast<double>(upload.bytes.value()) * nanos_per_byte;
    const double sent = static_cast<double>(now - upload.started) /
                        static_cast<double>(std::max<size_t>(active_.size(), 1));
    nanos += std::max(whole - sent, 0.0);
  }
  return LoadHint::OfNanos(nanos);
}

}  // namespace kraken::swarm
