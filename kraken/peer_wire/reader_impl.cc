#include "kraken/peer_wire/reader_impl.h"

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::peer_wire {

ReaderImpl::ReaderImpl(std::shared_ptr<ReaderHome> home, uint64_t number,
                       std::shared_ptr<TorrentContent> content, ByteOffset begin, ByteOffset end)
    : home_(std::move(home)),
      number_(number),
      content_(std::move(content)),
      end_(end),
      cursor_(begin),
      alive_(std::make_shared<bool>(true)) {}

ReaderImpl::~ReaderImpl() {
  *alive_ = false;
  content_->CancelWait(this);
  Tell([](ReaderRegistry& registry, uint64_t number) { registry.OnReaderGone(number); });
}

template <typename Function>
void ReaderImpl::Tell(Function function) {
  if (number_ == 0) return;
  home_->control.Post([home = home_, number = number_, function = std::move(function)] {
    if (home->registry != nullptr) function(*home->registry, number);
  });
}

void ReaderImpl::TellSuspended(bool suspended) {
  Tell([suspended](ReaderRegistry& registry, uint64_t number) {
    registry.OnReaderSuspended(number, suspended);
  });
}

ByteOffset ReaderImpl::available() const {
  return std::clamp(content_->ReadableFrom(cursor_).end, cursor_, end_);
}

absl::Status ReaderImpl::status() const {
  if (cursor_ == end_) return absl::OkStatus();
  return content_->ReadableFrom(cursor_).status;
}

int ReaderImpl::fd() const {
  if (source_.owner == nullptr) source_ = content_->File();
  return source_.fd;
}

void ReaderImpl::Wait(net::LoopHandle loop, absl::AnyInvocable<void()> ready) {
  content_->Wait(this, cursor_, std::move(loop),
                 [alive = alive_, ready = std::move(ready)]() mutable {
                   if (*alive) ready();
                 });
}

void ReaderImpl::Advance(ByteOffset offset) {
  KH_CHECK(cursor_ <= offset && offset <= end_);
  const int64_t piece_length = content_->layout().piece_length().value();
  const bool same_piece = cursor_.value() / piece_length == offset.value() / piece_length;
  cursor_ = offset;
  if (same_piece && offset < end_) return;
  // A reader of a range needs nothing beyond it.
  const ByteOffset told = offset == end_ ? ByteOffset(size().value()) : offset;
  Tell([told](ReaderRegistry& registry, uint64_t number) {
    registry.OnReaderAdvanced(number, told);
  });
}

}  // namespace kraken::peer_wire
