#include "kraken/peer_wire/kraken_dialect.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

constexpr char kRejectText[] = "the piece is not served";

WireMessage OnChannel(decltype(WireMessage::body) body) {
  return {.channel = KrakenDialect::kChannel, .body = std::move(body)};
}

// What a peer that is known to have a piece would say of it.
WireMessage HaveOf(std::vector<PieceIndex> pieces) {
  return OnChannel(Have{.pieces = std::move(pieces), .load = {}});
}

}  // namespace

KrakenDialect::KrakenDialect(const PeerId& self, const PeerId& peer, const InfoHash& info_hash)
    : self_(self), peer_(peer), info_hash_(info_hash) {}

KrakenDialect::KrakenDialect(const PeerId& self, const KrakenHandshake& theirs)
    : self_(self), peer_(theirs.peer), info_hash_(theirs.info_hash), theirs_(theirs) {}

// ---- In ----

absl::StatusOr<std::optional<WireMessage>> KrakenDialect::Parse(const proto::Message& message) {
  if (phase_ == Phase::kAwaiting) return ParseAnswer(message);
  if (phase_ == Phase::kOpen) return ParseOpen(message);
  return absl::InvalidArgumentError("a message before the handshakes are through");
}

absl::StatusOr<std::optional<WireMessage>> KrakenDialect::ParseAnswer(
    const proto::Message& message) {
  KH_ASSIGN_OR_RETURN(const KrakenHandshake answer, ParseKrakenHandshake(message));
  if (answer.peer != peer_) {
    return absl::PermissionDeniedError(
        absl::StrCat("the peer is ", answer.peer.ToString(), ", dialled was ", peer_.ToString()));
  }
  if (answer.digest != torrent_->digest || answer.info_hash != info_hash_) {
    return absl::InvalidArgumentError(
        absl::StrCat("answer of another torrent: ", answer.digest.ToString(), ", info hash ",
                     answer.info_hash.ToString()));
  }
  const PieceCount pieces = torrent_->layout.piece_count();
  KH_ASSIGN_OR_RETURN(torrent_->theirs, swarm::PieceMap::FromWireBytes(answer.bitfield, pieces));
  phase_ = Phase::kOpen;
  const storage::PieceLayout& layout = torrent_->layout;
  WireMessage open = OnChannel(OpenChannel{.key = {torrent_->digest, layout.piece_length()},
                                           .size = layout.size(),
                                           .have = torrent_->theirs,
                                           .load = {}});
  open.peer_channel = kChannel;
  return open;
}

absl::StatusOr<std::optional<WireMessage>> KrakenDialect::ParseOpen(const proto::Message& message) {
  switch (message.type()) {
    case proto::Message::BITFIELD:
      return std::nullopt;  // late: Kraken ignores it too
    case proto::Message::PIECE_REQUEST: {
      KH_ASSIGN_OR_RETURN(const PieceIndex piece,
                          ParseWholePiece(message.has_piece_request(), message.piece_request()));
      return OnChannel(Request{piece, torrent_->layout.LengthOf(piece)});
    }
    case proto::Message::PIECE_PAYLOAD: {
      KH_ASSIGN_OR_RETURN(const PieceIndex piece,
                          ParseWholePiece(message.has_piece_payload(), message.piece_payload()));
      return OnChannel(PieceChunk{piece, 0, torrent_->layout.LengthOf(piece).value()});
    }
    case proto::Message::ANNOUCE_PIECE: {
      KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParsePiece(message.has_announce_piece(),
                                                             message.announce_piece().index()));
      return AddTheirs(piece);
    }
    case proto::Message::CANCEL_PIECE: {
      KH_ASSIGN_OR_RETURN(const PieceIndex piece,
                          ParsePiece(message.has_cancel_piece(), message.cancel_piece().index()));
      return OnChannel(Cancel{piece});
    }
    case proto::Message::ERROR: {
      KH_ASSIGN_OR_RETURN(const PieceIndex piece,
                          ParsePiece(message.has_error(), message.error().index()));
      if (message.error().code() == proto::ErrorMessage::PIECE_REQUEST_FAILED) {
        return OnChannel(Reject{piece});
      }
      return absl::InvalidArgumentError(absl::StrCat("error code ", message.error().code()));
    }
    case proto::Message::COMPLETE:
      return AddAllTheirs();
    default:
      return absl::InvalidArgumentError(absl::StrCat("message of type ", message.type()));
  }
}

absl::StatusOr<PieceIndex> KrakenDialect::ParsePiece(bool present, int32_t index) const {
  const PieceCount pieces = torrent_->layout.piece_count();
  if (!present || !IsValidIndex(PieceIndex(index), pieces)) {
    return absl::InvalidArgumentError(absl::StrCat("piece ", index, " of ", pieces.value(),
                                                   present ? "" : ", in a message without a body"));
  }
  return PieceIndex(index);
}

template <typename Part>
absl::StatusOr<PieceIndex> KrakenDialect::ParseWholePiece(bool present, const Part& part) const {
  KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParsePiece(present, part.index()));
  const int64_t whole = torrent_->layout.LengthOf(piece).value();
  if (part.offset() != 0 || part.length() != whole) {
    return absl::InvalidArgumentError(absl::StrCat(part.length(), " bytes at offset ",
                                                   part.offset(), " of piece ", part.index(),
                                                   ", which has ", whole));
  }
  return piece;
}

std::optional<WireMessage> KrakenDialect::AddTheirs(PieceIndex piece) {
  if (!torrent_->theirs.Add(piece)) return std::nullopt;
  return HaveOf({piece});
}

std::optional<WireMessage> KrakenDialect::AddAllTheirs() {
  swarm::PieceMap& theirs = torrent_->theirs;
  std::vector<PieceIndex> pieces;
  const PieceIndex end(theirs.size().value());
  for (PieceIndex piece = theirs.FirstMissingAtOrAfter(PieceIndex(0)); piece < end;
       piece = theirs.FirstMissingAtOrAfter(piece + PieceCount(1))) {
    pieces.push_back(piece);
  }
  if (pieces.empty()) return std::nullopt;
  theirs.AddAll();
  return HaveOf(std::move(pieces));
}

// Of its last piece the peer speaks itself: it says COMPLETE, or closes. Until then what it has not
// read yet must not be cut off, which closing a connection that nobody needs any more could do.
std::optional<WireMessage> KrakenDialect::OnPieceSent(uint32_t, PieceIndex piece) {
  const swarm::PieceMap& theirs = torrent_->theirs;
  if (theirs.count() + PieceCount(1) == theirs.size()) return std::nullopt;
  return AddTheirs(piece);
}

// ---- Out ----

struct KrakenDialect::Writer {
  KrakenDialect& dialect;
  std::string* out;

  void operator()(const OpenChannel& open) const { dialect.AppendOpen(open, out); }
  void operator()(const Have& have) const { dialect.AppendHave(have, out); }
  void operator()(const Request& request) const {
    proto::Message message;
    message.set_type(proto::Message::PIECE_REQUEST);
    message.mutable_piece_request()->set_index(request.piece.value());
    message.mutable_piece_request()->set_length(static_cast<int32_t>(request.length.value()));
    AppendFrame(message, out);
  }
  void operator()(const PieceChunk& chunk) const {
    KH_CHECK(chunk.offset == 0);
    proto::Message message;
    message.set_type(proto::Message::PIECE_PAYLOAD);
    message.mutable_piece_payload()->set_index(chunk.piece.value());
    message.mutable_piece_payload()->set_length(static_cast<int32_t>(chunk.length));
    AppendFrame(message, out);
  }
  void operator()(const Cancel& cancel) const {
    proto::Message message;
    message.set_type(proto::Message::CANCEL_PIECE);
    message.mutable_cancel_piece()->set_index(cancel.piece.value());
    AppendFrame(message, out);
  }
  void operator()(const Reject& reject) const { AppendReject(reject.piece); }
  // A piece is one chunk, so that none of it has been sent.
  void operator()(const Abort& abort) const { AppendReject(abort.piece); }
  void operator()(const CloseChannel&) const {}
  void operator()(const Ping&) const {}
  void operator()(const Pong&) const {}
  void operator()(const Goodbye&) const {}

  void AppendReject(PieceIndex piece) const {
    proto::Message message;
    message.set_type(proto::Message::ERROR);
    message.mutable_error()->set_error(kRejectText);
    message.mutable_error()->set_index(piece.value());
    AppendFrame(message, out);
  }
};

void KrakenDialect::Append(const WireMessage& message, std::string* out) {
  std::visit(Writer{*this, out}, message.body);
}

void KrakenDialect::AppendOpen(const OpenChannel& open, std::string* out) {
  const auto layout = storage::PieceLayout::Create(open.size, open.key.piece_length);
  KH_CHECK(phase_ == Phase::kNew && layout.ok() && layout->piece_count() <= kMaxKrakenPieces);
  torrent_.emplace(Torrent{.digest = open.key.digest,
                           .layout = *layout,
                           .ours = open.have,
                           .theirs = swarm::PieceMap(layout->piece_count())});
  phase_ = theirs_.has_value() ? Phase::kOpen : Phase::kAwaiting;
  if (theirs_.has_value()) {
    auto map = swarm::PieceMap::FromWireBytes(theirs_->bitfield, layout->piece_count());
    if (map.ok()) torrent_->theirs = *std::move(map);
    theirs_.reset();
  }
  AppendKrakenHandshake({.peer = self_,
                         .digest = open.key.digest,
                         .info_hash = info_hash_,
                         .piece_count = layout->piece_count(),
                         .bitfield = open.have.ToWireBytes()},
                        out);
}

// When the last piece is here, COMPLETE says it of all.
void KrakenDialect::AppendHave(const Have& have, std::string* out) {
  std::vector<PieceIndex> news;
  for (const PieceIndex piece : have.pieces) {
    if (torrent_->ours.Add(piece)) news.push_back(piece);
  }
  proto::Message message;
  if (!news.empty() && torrent_->ours.IsFull()) {
    message.set_type(proto::Message::COMPLETE);
    message.mutable_complete();
    return AppendFrame(message, out);
  }
  message.set_type(proto::Message::ANNOUCE_PIECE);
  for (const PieceIndex piece : news) {
    message.mutable_announce_piece()->set_index(piece.value());
    AppendFrame(message, out);
  }
}

}  // namespace kraken::peer_wire
