#include "kraken/peer_wire/payload_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/storage/piece_writer.h"

namespace kraken::peer_wire {

using PieceOutcome = swarm::Scheduler::PieceOutcome;

// A piece on its way.
struct PayloadReceiver::Piece {
  // Null: the bytes are skipped, and `outcome` is what they come to.
  std::unique_ptr<storage::PieceWriter> writer;
  PieceOutcome outcome = PieceOutcome::kVerified;
  int64_t received = 0;
  int64_t length = 0;
  MonotonicTime last_report;
};

struct PayloadReceiver::Channel {
  uint32_t number = 0;
  uint32_t peer_number = 0;
  std::shared_ptr<TorrentContent> content;
  absl::flat_hash_set<PieceIndex> requested;
  // Pieces that are skipped if they come without being asked for, and how often.
  absl::flat_hash_map<PieceIndex, int> once_more;
  absl::flat_hash_map<PieceIndex, Piece> pieces;
};

PayloadReceiver::PayloadReceiver(std::vector<WireEvent>* events) : events_(events) {}
PayloadReceiver::~PayloadReceiver() = default;

void PayloadReceiver::AddChannel(uint32_t channel, std::shared_ptr<TorrentContent> content) {
  auto added = std::make_unique<Channel>();
  added->number = channel;
  added->content = std::move(content);
  channels_[channel] = std::move(added);
}

void PayloadReceiver::SetPeerChannel(uint32_t channel, uint32_t peer_channel) {
  auto it = channels_.find(channel);
  if (it == channels_.end()) return;
  it->second->peer_number = peer_channel;
  channel_of_peer_[peer_channel] = channel;
}

void PayloadReceiver::RemoveChannel(uint32_t channel) {
  auto it = channels_.find(channel);
  if (it == channels_.end()) return;
  if (chunk_channel_ == it->second.get()) chunk_channel_ = nullptr;
  channel_of_peer_.erase(it->second->peer_number);
  channels_.erase(it);
}

ByteCount PayloadReceiver::AddRequest(uint32_t channel, PieceIndex piece) {
  auto it = channels_.find(channel);
  if (it == channels_.end()) return ByteCount(0);
  const storage::PieceLayout& layout = it->second->content->layout();
  if (!IsValidIndex(piece, layout.piece_count())) return ByteCount(0);
  it->second->requested.insert(piece);
  return layout.LengthOf(piece);
}

void PayloadReceiver::ExpectOnceMore(uint32_t channel, PieceIndex piece) {
  auto it = channels_.find(channel);
  if (it != channels_.end()) ++it->second->once_more[piece];
}

bool PayloadReceiver::OnRefused(uint32_t peer_channel, PieceIndex piece) {
  Channel* channel = FindByPeer(peer_channel);
  if (channel == nullptr || channel->requested.erase(piece) == 0) return false;
  auto it = channel->pieces.find(piece);
  if (it == channel->pieces.end()) return true;
  events_->emplace_back(PieceReceived{.channel = channel->number,
                                      .piece = piece,
                                      .outcome = PieceOutcome::kAborted,
                                      .bytes = ByteCount(it->second.received)});
  channel->pieces.erase(it);
  return false;
}

absl::Status PayloadReceiver::OnPeerOpened(uint32_t peer_channel) {
  if (peer_channel <= highest_peer_channel_) {
    return absl::InvalidArgumentError(
        absl::StrCat("channel ", peer_channel, " opened after ", highest_peer_channel_));
  }
  highest_peer_channel_ = peer_channel;
  return absl::OkStatus();
}

PayloadReceiver::Channel* PayloadReceiver::FindByPeer(uint32_t peer_channel) {
  auto it = channel_of_peer_.find(peer_channel);
  if (it == channel_of_peer_.end()) return nullptr;
  return channels_.at(it->second).get();
}

absl::Status PayloadReceiver::OnChunk(uint32_t peer_channel, const PieceChunk& chunk,
                                      MonotonicTime now) {
  chunk_channel_ = nullptr;
  chunk_left_ = chunk.length;
  Channel* channel = FindByPeer(peer_channel);
  if (channel == nullptr) {
    if (peer_channel <= highest_peer_channel_) return absl::OkStatus();  // closed meanwhile
    return absl::InvalidArgumentError(
        absl::StrCat("payload on channel ", peer_channel, ", which was never opened"));
  }
  if (!channel->requested.contains(chunk.piece)) {
    auto skipped = channel->once_more.find(chunk.piece);
    if (skipped != channel->once_more.end()) {
      if (--skipped->second == 0) channel->once_more.erase(skipped);
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("payload of piece ", chunk.piece.value(), ", which was not asked for"));
  }
  auto [it, is_new] = channel->pieces.try_emplace(chunk.piece);
  Piece& piece = it->second;
  if (is_new) StartPiece(*channel, piece, chunk.piece);
  if (chunk.offset != piece.received || chunk.length > piece.length - piece.received) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload of piece ", chunk.piece.value(), ": ", chunk.length, " bytes at ",
                     chunk.offset, ", expected at ", piece.received, " of ", piece.length));
  }
  chunk_channel_ = channel;
  chunk_piece_ = chunk.piece;
  if (is_new) piece.last_report = now - kProgressInterval;
  ReportProgress(now);
  return absl::OkStatus();
}

void PayloadReceiver::ReportProgress(MonotonicTime now) {
  if (chunk_channel_ == nullptr) return;
  Piece& piece = chunk_channel_->pieces.at(chunk_piece_);
  if (now - piece.last_report < kProgressInterval) return;
  piece.last_report = now;
  events_->emplace_back(
      PieceProgress{chunk_channel_->number, chunk_piece_, ByteCount(piece.received)});
}

void PayloadReceiver::StartPiece(Channel& channel, Piece& piece, PieceIndex index) {
  piece.length = channel.content->layout().LengthOf(index).value();
  auto writer = channel.content->StartPiece(index);
  if (writer.ok()) {
    piece.writer = *std::move(writer);
  } else if (!absl::IsAlreadyExists(writer.status())) {
    piece.outcome = PieceOutcome::kLocalError;
  }
}

void PayloadReceiver::OnPayload(absl::string_view bytes) {
  chunk_left_ -= static_cast<int64_t>(bytes.size());
  if (chunk_channel_ == nullptr) return;
  Piece& piece = chunk_channel_->pieces.at(chunk_piece_);
  Write(piece, bytes);
  piece.received += static_cast<int64_t>(bytes.size());
  if (piece.received == piece.length) FinishPiece();
}

void PayloadReceiver::Write(Piece& piece, absl::string_view bytes) {
  if (piece.writer == nullptr) return;
  const absl::Status status = piece.writer->Write(
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  if (status.ok()) return;
  piece.writer = nullptr;
  piece.outcome = PieceOutcome::kLocalError;
  ReportFailure(status);
}

// A full or broken disk will not take the next piece either.
void PayloadReceiver::ReportFailure(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status) && !absl::IsDataLoss(status)) return;
  events_->emplace_back(WriteFailed{chunk_channel_->number, status});
}

void PayloadReceiver::FinishPiece() {
  Channel& channel = *chunk_channel_;
  auto it = channel.pieces.find(chunk_piece_);
  Piece& piece = it->second;
  if (piece.writer != nullptr) {
    const absl::Status status = channel.content->FinishPiece(*piece.writer);
    if (absl::IsDataLoss(status)) {
      piece.outcome = PieceOutcome::kCorrupt;
    } else if (!status.ok()) {
      piece.outcome = PieceOutcome::kLocalError;
    }
  }
  events_->emplace_back(PieceReceived{.channel = channel.number,
                                      .piece = chunk_piece_,
                                      .outcome = piece.outcome,
                                      .bytes = ByteCount(piece.length)});
  channel.requested.erase(chunk_piece_);
  channel.pieces.erase(it);
  chunk_channel_ = nullptr;
}

}  // namespace kraken::peer_wire
