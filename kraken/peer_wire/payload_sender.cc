#include "kraken/peer_wire/payload_sender.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace kraken::peer_wire {
namespace {

// Sent messages are dropped from the front of the buffer when there are so many.
constexpr size_t kCompactBytes = 256 << 10;

// Whether the first and the last page of the piece are in the page cache: a piece that was written
// or sent a while ago mostly is, or is not, as a whole.
bool IsInPageCache(const TorrentContent::Source& source) {
  char byte;
  iovec one = {&byte, 1};
  const off_t first = static_cast<off_t>(source.offset.value());
  const off_t last = first + static_cast<off_t>(source.length.value()) - 1;
  for (off_t offset : {first, last}) {
    if (::preadv2(source.fd, &one, 1, offset, RWF_NOWAIT) < 0 && errno == EAGAIN) return false;
  }
  return true;
}

}  // namespace

// A piece that is being sent.
struct PayloadSender::Upload {
  uint32_t channel = 0;
  PieceIndex piece;
  TorrentContent::Source source;
  int64_t offset = 0;
  bool corrupt = false;
  // Its pages are being read.
  bool warming = false;
  // No longer wanted: ends with the chunk under way.
  bool stopped = false;
  // The channel is gone: ends without a word.
  bool silent = false;
};

// The part of an upload that is on its way: once begun it is sent to its end.
struct PayloadSender::Chunk {
  std::shared_ptr<Upload> upload;
  std::string header;
  size_t header_sent = 0;
  int64_t length = 0;
  int64_t sent = 0;
  // Used instead of the file if not empty.
  std::string bytes;
};

PayloadSender::PayloadSender(std::vector<WireEvent>* events) : events_(events) {}
PayloadSender::~PayloadSender() = default;

void PayloadSender::AddChannel(uint32_t channel, std::shared_ptr<TorrentContent> content) {
  channels_[channel] = std::move(content);
}

void PayloadSender::RemoveChannel(uint32_t channel) {
  channels_.erase(channel);
  if (chunk_ != nullptr && chunk_->upload->channel == channel) chunk_->upload->silent = true;
  uploads_.erase(std::remove_if(uploads_.begin(), uploads_.end(),
                                [channel](const std::shared_ptr<Upload>& upload) {
                                  return upload->channel == channel;
                                }),
                 uploads_.end());
}

void PayloadSender::StartUpload(uint32_t channel, PieceIndex piece, bool corrupt) {
  auto it = channels_.find(channel);
  if (it == channels_.end()) return;
  auto source = it->second->OpenPiece(piece);
  if (!source.ok()) {
    dialect_->Append({.channel = channel, .body = Reject{piece}}, &messages_);
    events_->emplace_back(UploadDone{channel, piece});
    return;
  }
  auto upload = std::make_shared<Upload>();
  upload->channel = channel;
  upload->piece = piece;
  upload->source = *std::move(source);
  upload->corrupt = corrupt;
  uploads_.push_back(upload);
  if (warmer_ != nullptr && !IsInPageCache(upload->source)) Warm(upload);
}

void PayloadSender::Warm(const std::shared_ptr<Upload>& upload) {
  upload->warming = true;
  warmer_(upload->source, [upload] { upload->warming = false; });
}

std::shared_ptr<PayloadSender::Upload> PayloadSender::FindUpload(uint32_t channel,
                                                                 PieceIndex piece) const {
  for (const std::shared_ptr<Upload>& upload : uploads_) {
    if (upload->channel == channel && upload->piece == piece) return upload;
  }
  return nullptr;
}

void PayloadSender::RemoveUpload(const Upload& upload) {
  uploads_.erase(std::find_if(
      uploads_.begin(), uploads_.end(),
      [&upload](const std::shared_ptr<Upload>& each) { return each.get() == &upload; }));
}

void PayloadSender::StopUpload(uint32_t channel, PieceIndex piece) {
  const std::shared_ptr<Upload> upload = FindUpload(channel, piece);
  if (upload == nullptr) return;
  if (chunk_ != nullptr && chunk_->upload == upload) {
    upload->stopped = true;
    return;
  }
  RemoveUpload(*upload);
  dialect_->Append({.channel = channel, .body = Abort{piece}}, &messages_);
  events_->emplace_back(UploadDone{channel, piece});
}

absl::StatusOr<PayloadSender::Result> PayloadSender::SendSome(net::Transport& transport,
                                                              int64_t budget) {
  Result result;
  const uint64_t begin = sent_bytes_;
  Step step = Step::kProgress;
  if (transport.HasUnflushed()) {
    KH_ASSIGN_OR_RETURN(step, ToStep(transport, transport.Flush()));
  }
  while (step == Step::kProgress) {
    if (static_cast<int64_t>(sent_bytes_ - begin) >= budget) {
      result.end = Result::End::kBudget;
      return result;
    }
    if (chunk_ != nullptr) {
      KH_ASSIGN_OR_RETURN(step, SendChunk(transport, &result.payload_bytes));
    } else if (queued_message_bytes() > 0) {
      KH_ASSIGN_OR_RETURN(step, SendMessages(transport));
    } else if (StartChunk()) {
      KH_RETURN_IF_ERROR(CorruptChunk());
    } else {
      step = Step::kIdle;
    }
  }
  if (step == Step::kBlocked) result.end = Result::End::kBlocked;
  return result;
}

// True if there is one. Uploads whose pages are being read let others pass.
bool PayloadSender::StartChunk() {
  auto it = std::find_if(uploads_.begin(), uploads_.end(),
                         [](const std::shared_ptr<Upload>& upload) { return !upload->warming; });
  if (it == uploads_.end()) return false;
  std::shared_ptr<Upload> upload = *it;
  // The next chunk is another's turn.
  uploads_.erase(it);
  uploads_.push_back(upload);
  chunk_ = std::make_unique<Chunk>();
  chunk_->length =
      std::min(dialect_->max_chunk_bytes(), upload->source.length.value() - upload->offset);
  dialect_->Append({.channel = upload->channel,
                    .body = PieceChunk{upload->piece, upload->offset, chunk_->length}},
                   &chunk_->header);
  chunk_->upload = std::move(upload);
  return true;
}

absl::Status PayloadSender::CorruptChunk() {
  Upload& upload = *chunk_->upload;
  if (!upload.corrupt) return absl::OkStatus();
  upload.corrupt = false;
  chunk_->bytes.resize(static_cast<size_t>(chunk_->length));
  const ssize_t n = ::pread(upload.source.fd, chunk_->bytes.data(), chunk_->bytes.size(),
                            static_cast<off_t>(upload.source.offset.value() + upload.offset));
  if (n != static_cast<ssize_t>(chunk_->bytes.size())) {
    return ErrnoToStatus(n < 0 ? errno : EIO, "read a piece");
  }
  chunk_->bytes[0] ^= 1;
  return absl::OkStatus();
}

absl::StatusOr<PayloadSender::Step> PayloadSender::SendMessages(net::Transport& transport) {
  const bool more = std::any_of(uploads_.begin(), uploads_.end(),
                                [](const std::shared_ptr<Upload>& each) { return !each->warming; });
  KH_ASSIGN_OR_RETURN(const Step step, SendBytes(transport, messages_, &messages_sent_, more));
  if (messages_sent_ == messages_.size()) {
    messages_.clear();
    messages_sent_ = 0;
  } else if (messages_sent_ >= kCompactBytes) {
    messages_.erase(0, messages_sent_);
    messages_sent_ = 0;
  }
  return step;
}

absl::StatusOr<PayloadSender::Step> PayloadSender::SendChunk(net::Transport& transport,
                                                             int64_t* payload_bytes) {
  Chunk& chunk = *chunk_;
  if (chunk.header_sent < chunk.header.size()) {
    return SendBytes(transport, chunk.header, &chunk.header_sent, /*more=*/true);
  }
  const int64_t left = chunk.length - chunk.sent;
  Step step = Step::kProgress;
  int64_t sent = 0;
  if (!chunk.bytes.empty()) {
    size_t position = static_cast<size_t>(chunk.sent);
    KH_ASSIGN_OR_RETURN(step, SendBytes(transport, chunk.bytes, &position, /*more=*/false));
    sent = static_cast<int64_t>(position) - chunk.sent;
  } else {
    const Upload& upload = *chunk.upload;
    const int64_t offset = upload.source.offset.value() + upload.offset + chunk.sent;
    const net::IoResult result = transport.SendFile(upload.source.fd, static_cast<uint64_t>(offset),
                                                    static_cast<uint64_t>(left));
    KH_ASSIGN_OR_RETURN(step, ToStep(transport, result));
    if (step == Step::kProgress) sent = static_cast<int64_t>(result.bytes);
    sent_bytes_ += static_cast<uint64_t>(sent);
  }
  chunk.sent += sent;
  *payload_bytes += sent;
  if (chunk.sent == chunk.length) FinishChunk();
  return step;
}

void PayloadSender::FinishChunk() {
  const std::shared_ptr<Upload> upload = chunk_->upload;
  upload->offset += chunk_->length;
  chunk_ = nullptr;
  if (upload->silent) return;
  const bool done = upload->offset == upload->source.length.value();
  if (!done && !upload->stopped) return;
  if (!done) {
    dialect_->Append({.channel = upload->channel, .body = Abort{upload->piece}}, &messages_);
  } else if (auto said = dialect_->OnPieceSent(upload->channel, upload->piece)) {
    events_->emplace_back(*std::move(said));
  }
  RemoveUpload(*upload);
  events_->emplace_back(UploadDone{upload->channel, upload->piece});
}

absl::StatusOr<PayloadSender::Step> PayloadSender::SendBytes(net::Transport& transport,
                                                             const std::string& bytes, size_t* sent,
                                                             bool more) {
  const iovec piece = {const_cast<char*>(bytes.data()) + *sent, bytes.size() - *sent};
  const net::IoResult result = transport.Write(absl::MakeConstSpan(&piece, 1), more);
  KH_ASSIGN_OR_RETURN(const Step step, ToStep(transport, result));
  if (step == Step::kProgress) {
    *sent += result.bytes;
    sent_bytes_ += result.bytes;
  }
  return step;
}

absl::StatusOr<PayloadSender::Step> PayloadSender::ToStep(net::Transport& transport,
                                                          const net::IoResult& result) {
  switch (result.kind) {
    case net::IoResult::Kind::kOk:
      return Step::kProgress;
    case net::IoResult::Kind::kWouldBlock:
      return Step::kBlocked;
    case net::IoResult::Kind::kEof:
    case net::IoResult::Kind::kError:
      break;
  }
  if (!transport.error().ok()) return transport.error();
  return absl::UnavailableError("the connection is closed");
}

}  // namespace kraken::peer_wire
