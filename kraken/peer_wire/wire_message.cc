#include "kraken/peer_wire/wire_message.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/status_macros.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::peer_wire {
namespace {

template <size_t kSize>
absl::StatusOr<std::array<uint8_t, kSize>> ToBytes(const std::string& bytes, const char* what) {
  if (bytes.size() != kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " of ", bytes.size(), " bytes, wanted ", kSize));
  }
  std::array<uint8_t, kSize> result;
  std::copy(bytes.begin(), bytes.end(), result.begin());
  return result;
}

template <size_t kSize>
std::string ToString(const std::array<uint8_t, kSize>& bytes) {
  return std::string(bytes.begin(), bytes.end());
}

std::string CutReason(absl::string_view text) {
  return std::string(text.substr(0, kMaxReasonBytes));
}

// As proto3 wants its strings.
std::string ToUtf8(absl::string_view text) {
  std::string result = CutReason(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) >= 0x80 || static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  return result;
}

absl::StatusOr<PieceIndex> ParseIndex(int64_t index) {
  if (index < 0 || index >= swarm::kMaxPieces) {
    return absl::InvalidArgumentError(absl::StrCat("piece ", index));
  }
  return PieceIndex(static_cast<int32_t>(index));
}

absl::StatusOr<OpenChannel> ParseOpen(const proto::OpenMessage& message) {
  KH_ASSIGN_OR_RETURN(const auto digest, ToBytes<32>(message.digest(), "digest"));
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  if (message.size() > kMost || message.piece_length() > kMost) {
    return absl::InvalidArgumentError("blob or piece length out of range");
  }
  OpenChannel open;
  open.key.digest = Digest::FromBytes(digest);
  open.key.piece_length = ByteCount(static_cast<int64_t>(message.piece_length()));
  open.size = ByteCount(static_cast<int64_t>(message.size()));
  KH_ASSIGN_OR_RETURN(const storage::PieceLayout layout,
                      storage::PieceLayout::Create(open.size, open.key.piece_length));
  if (open.size == ByteCount(0) || layout.piece_count().value() > swarm::kMaxPieces) {
    return absl::InvalidArgumentError(absl::StrCat("torrent of ", open.size.value(), " bytes in ",
                                                   layout.piece_count().value(), " pieces"));
  }
  // A full map costs memory that the message did not pay for; the layout bounds it (128 KiB).
  switch (message.pieces()) {
    case proto::OpenMessage::NONE:
      open.have = swarm::PieceMap(layout.piece_count());
      break;
    case proto::OpenMessage::ALL:
      open.have = swarm::PieceMap::Full(layout.piece_count());
      break;
    case proto::OpenMessage::SOME: {
      KH_ASSIGN_OR_RETURN(open.have,
                          swarm::PieceMap::FromWireBytes(message.bitfield(), layout.piece_count()));
      break;
    }
    default:
      return absl::InvalidArgumentError(absl::StrCat("pieces of kind ", message.pieces()));
  }
  open.load.backlog_micros = message.load();
  return open;
}

absl::StatusOr<Have> ParseHave(const proto::HaveMessage& message) {
  Have have;
  if (message.pieces_size() > static_cast<int>(kMaxHavesPerMessage)) {
    return absl::InvalidArgumentError(absl::StrCat("HAVE of ", message.pieces_size(), " pieces"));
  }
  have.pieces.reserve(message.pieces_size());
  for (uint32_t index : message.pieces()) {
    KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParseIndex(index));
    have.pieces.push_back(piece);
  }
  have.load.backlog_micros = message.load();
  return have;
}

absl::StatusOr<Request> ParseRequest(const proto::PieceRequestMessage& message) {
  KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParseIndex(message.index()));
  if (message.offset() != 0 || message.length() <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("request of ", message.length(),
                                                   " bytes at offset ", message.offset(),
                                                   " of piece ", message.index()));
  }
  return Request{piece, ByteCount(message.length())};
}

absl::StatusOr<PieceChunk> ParseChunk(const proto::PiecePayloadMessage& message) {
  KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParseIndex(message.index()));
  if (message.offset() < 0 || message.length() <= 0 || message.length() > kMaxChunkBytes) {
    return absl::InvalidArgumentError(absl::StrCat("payload of ", message.length(),
                                                   " bytes at offset ", message.offset(),
                                                   " of piece ", message.index()));
  }
  return PieceChunk{piece, message.offset(), message.length()};
}

absl::StatusOr<WireMessage> ParseError(WireMessage result, const proto::ErrorMessage& message) {
  KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParseIndex(message.index()));
  switch (message.code()) {
    case proto::ErrorMessage::PIECE_REQUEST_FAILED:
      result.body = Reject{piece};
      return result;
    case proto::ErrorMessage::PIECE_ABORTED:
      result.body = Abort{piece};
      return result;
    default:
      return absl::InvalidArgumentError(absl::StrCat("error code ", message.code()));
  }
}

absl::StatusOr<CloseChannel> ParseClose(const proto::CloseMessage& message) {
  const absl::StatusCode code =
      message.code() <= static_cast<uint32_t>(absl::StatusCode::kUnauthenticated)
          ? static_cast<absl::StatusCode>(message.code())
          : absl::StatusCode::kUnknown;
  return CloseChannel{absl::Status(code, CutReason(message.reason()))};
}

absl::StatusOr<Goodbye> ParseGoodbye(const proto::GoodbyeMessage& message) {
  Goodbye goodbye;
  if (proto::GoodbyeMessage::Reason_IsValid(message.reason())) {
    goodbye.reason = static_cast<Goodbye::Reason>(message.reason());
  }
  goodbye.text = CutReason(message.text());
  return goodbye;
}

bool IsOfChannel(proto::Message::Type type) {
  switch (type) {
    case proto::Message::PING:
    case proto::Message::PONG:
    case proto::Message::GOODBYE:
      return false;
    default:
      return true;
  }
}

// Fills in a protobuf message from each kind of body.
struct BodyWriter {
  proto::Message& out;

  void operator()(const OpenChannel& open) const {
    out.set_type(proto::Message::OPEN);
    proto::OpenMessage& message = *out.mutable_open();
    message.set_digest(ToString(open.key.digest.bytes()));
    message.set_piece_length(static_cast<uint64_t>(open.key.piece_length.value()));
    message.set_size(static_cast<uint64_t>(open.size.value()));
    if (open.have.IsEmpty()) {
      message.set_pieces(proto::OpenMessage::NONE);
    } else if (open.have.IsFull()) {
      message.set_pieces(proto::OpenMessage::ALL);
    } else {
      message.set_pieces(proto::OpenMessage::SOME);
      message.set_bitfield(open.have.ToWireBytes());
    }
    message.set_load(open.load.backlog_micros);
  }
  void operator()(const CloseChannel& close) const {
    out.set_type(proto::Message::CLOSE);
    out.mutable_close()->set_code(static_cast<uint32_t>(close.status.code()));
    out.mutable_close()->set_reason(ToUtf8(close.status.message()));
  }
  void operator()(const Have& have) const {
    out.set_type(proto::Message::ANNOUCE_PIECE);
    for (PieceIndex piece : have.pieces) {
      out.mutable_have()->add_pieces(static_cast<uint32_t>(piece.value()));
    }
    out.mutable_have()->set_load(have.load.backlog_micros);
  }
  void operator()(const Request& request) const {
    out.set_type(proto::Message::PIECE_REQUEST);
    out.mutable_piece_request()->set_index(request.piece.value());
    out.mutable_piece_request()->set_length(static_cast<int32_t>(request.length.value()));
  }
  void operator()(const PieceChunk& chunk) const {
    out.set_type(proto::Message::PIECE_PAYLOAD);
    out.mutable_piece_payload()->set_index(chunk.piece.value());
    out.mutable_piece_payload()->set_offset(static_cast<int32_t>(chunk.offset));
    out.mutable_piece_payload()->set_length(static_cast<int32_t>(chunk.length));
  }
  void operator()(const Cancel& cancel) const {
    out.set_type(proto::Message::CANCEL_PIECE);
    out.mutable_cancel_piece()->set_index(cancel.piece.value());
  }
  void operator()(const Reject& reject) const {
    SetError(reject.piece, proto::ErrorMessage::PIECE_REQUEST_FAILED);
  }
  void operator()(const Abort& abort) const {
    SetError(abort.piece, proto::ErrorMessage::PIECE_ABORTED);
  }
  void operator()(const Ping&) const { out.set_type(proto::Message::PING); }
  void operator()(const Pong&) const { out.set_type(proto::Message::PONG); }
  void operator()(const Goodbye& goodbye) const {
    out.set_type(proto::Message::GOODBYE);
    out.mutable_goodbye()->set_reason(static_cast<proto::GoodbyeMessage::Reason>(goodbye.reason));
    out.mutable_goodbye()->set_text(ToUtf8(goodbye.text));
  }

  void SetError(PieceIndex piece, proto::ErrorMessage::ErrorCode code) const {
    out.set_type(proto::Message::ERROR);
    out.mutable_error()->set_index(piece.value());
    out.mutable_error()->set_code(code);
  }
};

}  // namespace

absl::StatusOr<Hello> ParseHello(const proto::Message& message) {
  if (message.version().empty()) {
    return absl::UnimplementedError("the peer speaks Kraken's protocol version 1");
  }
  absl::string_view version = message.version();
  uint32_t number = 0;
  if (!absl::ConsumePrefix(&version, "kh/") || !absl::SimpleAtoi(version, &number) || number == 0) {
    return absl::UnimplementedError("the peer speaks a protocol that we don't know");
  }
  if (!message.has_hello()) return absl::InvalidArgumentError("first message without a hello");
  const proto::HelloMessage& in = message.hello();
  KH_ASSIGN_OR_RETURN(const auto id, ToBytes<PeerId::kSizeBytes>(in.peer_id(), "peer id"));
  constexpr uint32_t kMost = std::numeric_limits<uint16_t>::max();
  if (in.listen_port() > kMost || in.zone() > kMost) {
    return absl::InvalidArgumentError("port or zone out of range");
  }
  Hello hello;
  hello.peer = PeerId::FromBytes(id);
  if (hello.peer == PeerId()) return absl::InvalidArgumentError("peer id of zeros");
  hello.instance = in.instance();
  hello.listen_port = static_cast<uint16_t>(in.listen_port());
  hello.zone = static_cast<uint16_t>(in.zone());
  hello.origin = in.origin();
  hello.tls = in.tls();
  return hello;
}

void AppendHello(const Hello& hello, std::string* out) {
  proto::Message message;
  message.set_version(kWireVersion);
  message.set_type(proto::Message::BITFIELD);
  // For the eyes of a v1 peer that was dialled by mistake.
  message.mutable_bitfield()->set_peer_id(hello.peer.hex());
  proto::HelloMessage& body = *message.mutable_hello();
  body.set_peer_id(ToString(hello.peer.bytes()));
  body.set_instance(hello.instance);
  body.set_listen_port(hello.listen_port);
  body.set_zone(hello.zone);
  body.set_origin(hello.origin);
  body.set_tls(hello.tls);
  AppendFrame(message, out);
}

absl::StatusOr<WireMessage> ParseWireMessage(const proto::Message& message) {
  WireMessage result;
  result.channel = message.channel();
  result.peer_channel = message.peer_channel();
  const bool may_lack_channel = message.type() == proto::Message::CLOSE;
  if (IsOfChannel(message.type()) && result.channel == 0 && !may_lack_channel) {
    return absl::InvalidArgumentError("message without a channel");
  }
  switch (message.type()) {
    case proto::Message::OPEN: {
      KH_ASSIGN_OR_RETURN(result.body, ParseOpen(message.open()));
      return result;
    }
    case proto::Message::CLOSE: {
      KH_ASSIGN_OR_RETURN(result.body, ParseClose(message.close()));
      return result;
    }
    case proto::Message::ANNOUCE_PIECE: {
      KH_ASSIGN_OR_RETURN(result.body, ParseHave(message.have()));
      return result;
    }
    case proto::Message::PIECE_REQUEST: {
      KH_ASSIGN_OR_RETURN(result.body, ParseRequest(message.piece_request()));
      return result;
    }
    case proto::Message::PIECE_PAYLOAD: {
      KH_ASSIGN_OR_RETURN(result.body, ParseChunk(message.piece_payload()));
      return result;
    }
    case proto::Message::CANCEL_PIECE: {
      KH_ASSIGN_OR_RETURN(const PieceIndex piece, ParseIndex(message.cancel_piece().index()));
      result.body = Cancel{piece};
      return result;
    }
    case proto::Message::ERROR:
      return ParseError(std::move(result), message.error());
    case proto::Message::PING:
      result.body = Ping{};
      return result;
    case proto::Message::PONG:
      result.body = Pong{};
      return result;
    case proto::Message::GOODBYE: {
      KH_ASSIGN_OR_RETURN(result.body, ParseGoodbye(message.goodbye()));
      return result;
    }
    default:
      return absl::InvalidArgumentError(absl::StrCat("message of type ", message.type()));
  }
}

void AppendWireMessage(const WireMessage& message, std::string* out) {
  proto::Message encoded;
  encoded.set_channel(message.channel);
  encoded.set_peer_channel(message.peer_channel);
  std::visit(BodyWriter{encoded}, message.body);
  AppendFrame(encoded, out);
}

}  // namespace kraken::peer_wire
