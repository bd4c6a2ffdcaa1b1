#include "kraken/net/output_queue.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kraken::net {

std::string* OutputQueue::TailBuffer() {
  if (empty() || segments_.back().is_file() || segments_.back().text.size() >= kJoinBytes) {
    Segment segment;
    segment.text = std::move(spare_);
    spare_.clear();
    segments_.push_back(std::move(segment));
  }
  return &segments_.back().text;
}

void OutputQueue::Append(absl::string_view bytes) {
  if (bytes.empty()) return;
  TailBuffer()->append(bytes.data(), bytes.size());
}

void OutputQueue::AppendFile(int fd, uint64_t offset, uint64_t size,
                             std::shared_ptr<const void> keep_alive) {
  Segment segment;
  segment.fd = fd;
  segment.file_offset = offset;
  segment.file_size = size;
  segment.keep_alive = std::move(keep_alive);
  segments_.push_back(std::move(segment));
  ++ranges_;
}

void OutputQueue::Clear() {
  segments_.clear();
  first_ = 0;
  ranges_ = 0;
}

uint64_t OutputQueue::pending_memory() const {
  uint64_t bytes = 0;
  for (size_t i = first_; i < segments_.size(); ++i) {
    bytes += segments_[i].text.size() - segments_[i].text_offset;
  }
  return bytes;
}

uint64_t OutputQueue::pending_bytes() const {
  uint64_t bytes = pending_memory();
  for (size_t i = first_; i < segments_.size(); ++i) bytes += segments_[i].file_size;
  return bytes;
}

void OutputQueue::PopFront() {
  Segment& segment = segments_[first_];
  if (segment.is_file()) {
    --ranges_;
  } else if (segment.text.capacity() <= kKeepBytes) {
    spare_ = std::move(segment.text);
    spare_.clear();
  }
  segment = Segment();
  ++first_;
  // All sent, or mostly: the sent ones' places are freed, at a cost that is linear over time.
  if (first_ == segments_.size()) {
    segments_.clear();
    first_ = 0;
  } else if (first_ >= 32 && first_ * 2 >= segments_.size()) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutputQueue::DropText(size_t bytes) {
  while (!empty() && !segments_[first_].is_file()) {
    Segment& segment = segments_[first_];
    const size_t left = segment.text.size() - segment.text_offset;
    if (bytes < left) {
      segment.text_offset += bytes;
      return;
    }
    bytes -= left;
    PopFront();
  }
}

IoResult OutputQueue::SendTexts(Transport* transport) {
  std::array<iovec, kMaxPieces> pieces;
  size_t count = 0;
  size_t i = first_;
  for (; i < segments_.size() && count < kMaxPieces && !segments_[i].is_file(); ++i) {
    Segment& segment = segments_[i];
    if (segment.text_offset == segment.text.size()) continue;
    pieces[count++] = {segment.text.data() + segment.text_offset,
                       segment.text.size() - segment.text_offset};
  }
  if (count == 0) {
    DropText(0);
    return IoResult::Ok(0);
  }
  const bool more = i < segments_.size();
  const IoResult result = transport->Write(absl::MakeConstSpan(pieces.data(), count), more);
  if (result.ok()) DropText(result.bytes);
  return result;
}

IoResult OutputQueue::SendRange(Transport* transport, uint64_t budget) {
  Segment& segment = segments_[first_];
  const uint64_t size = std::min(segment.file_size, budget);
  const IoResult result = transport->SendFile(segment.fd, segment.file_offset, size);
  if (!result.ok()) return result;
  segment.file_offset += result.bytes;
  segment.file_size -= result.bytes;
  if (segment.file_size == 0) PopFront();
  return result;
}

OutputQueue::Result OutputQueue::Send(Transport* transport, uint64_t budget, uint64_t* sent) {
  while (!empty()) {
    if (budget == 0) return Result::kYield;
    const IoResult result =
        segments_[first_].is_file() ? SendRange(transport, budget) : SendTexts(transport);
    if (result.kind == IoResult::Kind::kWouldBlock) return Result::kBlocked;
    if (!result.ok()) return Result::kError;
    *sent += result.bytes;
    budget -= std::min<uint64_t>(budget, result.bytes);
  }
  if (!transport->HasUnflushed()) return Result::kDrained;
  const IoResult flushed = transport->Flush();
  if (flushed.kind == IoResult::Kind::kWouldBlock) return Result::kBlocked;
  return flushed.ok() ? Result::kDrained : Result::kError;
}

}  // namespace kraken::net
