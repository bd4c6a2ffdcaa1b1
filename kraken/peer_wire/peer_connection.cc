#include "kraken/peer_wire/peer_connection.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/resolver.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/tls_context.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

// The first byte of a TLS record that shakes hands, and of a frame (lengths are below 2^24).
constexpr char kTlsFirstByte = 0x16;
constexpr char kFrameFirstByte = 0x00;
// What an operator can do for a peer that is refused for what it speaks.
constexpr char kKrakenCure[] =
    "peers of Kraken's version 1 are taken with compat.kraken from compat.allowed_cidrs";

void SetSocketOptions(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const int low_water = PeerConnection::kNotSentLowWaterBytes;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low_water, sizeof(low_water));
}

// Reads a piece once, so that sendfile finds its pages.
void ReadIntoPageCache(const TorrentContent::Source& source) {
  constexpr off_t kStepBytes = 256 << 10;
  const off_t begin = static_cast<off_t>(source.offset.value());
  const off_t end = begin + static_cast<off_t>(source.length.value());
  ::readahead(source.fd, begin, static_cast<size_t>(end - begin));
  // Waits for the last page of each step, and with it for all before.
  for (off_t at = begin; at < end;) {
    at = std::min(at + kStepBytes, end);
    char byte;
    if (::pread(source.fd, &byte, 1, at - 1) != 1) return;
  }
}

}  // namespace

PeerConnection::PeerConnection(std::shared_ptr<WireEnvironment> environment, net::EventLoop* loop,
                               ConnectionId id)
    : environment_(std::move(environment)),
      loop_(loop),
      id_(id),
      reader_(this),
      receiver_(&events_),
      sender_(&events_) {}

PeerConnection::~PeerConnection() = default;

std::shared_ptr<PeerConnection> PeerConnection::Dial(std::shared_ptr<WireEnvironment> environment,
                                                     net::EventLoop* loop, ConnectionId id,
                                                     DialTarget target) {
  std::shared_ptr<PeerConnection> connection(new PeerConnection(std::move(environment), loop, id));
  connection->is_dialer_ = true;
  connection->expected_ = target.expected;
  connection->peer_is_origin_ = target.origin;
  connection->Run([target = std::move(target)](PeerConnection& self) { self.StartDial(target); });
  return connection;
}

std::shared_ptr<PeerConnection> PeerConnection::Accept(std::shared_ptr<WireEnvironment> environment,
                                                       net::EventLoop* loop, ConnectionId id,
                                                       UniqueFd fd) {
  std::shared_ptr<PeerConnection> connection(new PeerConnection(std::move(environment), loop, id));
  connection->Run(
      [fd = std::move(fd)](PeerConnection& self) mutable { self.StartAccepted(std::move(fd)); });
  return connection;
}

// ---- The control loop's side: each call is done on the I/O loop ----

template <typename Function>
void PeerConnection::Run(Function function) {
  loop_->Post([self = shared_from_this(), function = std::move(function)]() mutable {
    function(*self);
    if (self->phase_ == Phase::kEstablished && self->sender_.has_output()) self->ScheduleTurn();
    self->FlushEvents();
  });
}

void PeerConnection::SendHello() {
  Run([](PeerConnection& self) {
    if (self.phase_ != Phase::kEstablished) return;
    AppendHello(self.environment_->hello, &self.sender_.messages());
  });
}

void PeerConnection::Send(WireMessage message) {
  Run([message = std::move(message)](PeerConnection& self) { self.Queue(message); });
}

void PeerConnection::Open(WireMessage message, std::shared_ptr<TorrentContent> content) {
  Run([message = std::move(message), content = std::move(content)](PeerConnection& self) {
    if (self.phase_ != Phase::kEstablished) return;
    self.receiver_.AddChannel(message.channel, content);
    self.sender_.AddChannel(message.channel, content);
    if (message.peer_channel != 0) {
      self.receiver_.SetPeerChannel(message.channel, message.peer_channel);
    }
    self.Queue(message);
    if (self.kraken_ != nullptr && self.kraken_->is_open()) self.EndHandshake();
  });
}

void PeerConnection::SetPeerChannel(uint32_t channel, uint32_t peer_channel) {
  Run([=](PeerConnection& self) { self.receiver_.SetPeerChannel(channel, peer_channel); });
}

void PeerConnection::SendRequest(uint32_t channel, PieceIndex piece) {
  Run([=](PeerConnection& self) {
    const ByteCount length = self.receiver_.AddRequest(channel, piece);
    if (length > ByteCount(0)) self.Queue({.channel = channel, .body = Request{piece, length}});
  });
}

void PeerConnection::StartUpload(uint32_t channel, PieceIndex piece, bool corrupt) {
  Run([=](PeerConnection& self) { self.sender_.StartUpload(channel, piece, corrupt); });
}

void PeerConnection::StopUpload(uint32_t channel, PieceIndex piece) {
  Run([=](PeerConnection& self) { self.sender_.StopUpload(channel, piece); });
}

void PeerConnection::Close(WireMessage message) {
  Run([message = std::move(message)](PeerConnection& self) {
    self.receiver_.RemoveChannel(message.channel);
    self.sender_.RemoveChannel(message.channel);
    self.Queue(message);
  });
}

void PeerConnection::ForgetChannel(uint32_t channel) {
  Run([=](PeerConnection& self) {
    self.receiver_.RemoveChannel(channel);
    self.sender_.RemoveChannel(channel);
  });
}

void PeerConnection::Disconnect(Goodbye goodbye) {
  Run([goodbye = std::move(goodbye)](PeerConnection& self) {
    if (self.phase_ == Phase::kEstablished && !self.sender_.in_chunk()) {
      // In one attempt: who does not take it sees the end of the connection all the same.
      self.Queue({.body = goodbye});
      const absl::Status status = self.WriteSome();
      (void)status;
    }
    self.CloseNow(absl::OkStatus());
  });
}

void PeerConnection::OnEventsHandled(size_t count) {
  events_in_flight_ -= static_cast<int>(count);
  if (reading_paused_ && events_in_flight_ < kMaxEventsInFlight / 2 &&
      reading_paused_.exchange(false)) {
    Run([](PeerConnection& self) { self.ScheduleTurn(); });
  }
}

// ---- The I/O loop's side ----

void PeerConnection::StartDial(const DialTarget& target) {
  if (phase_ == Phase::kClosed) return;
  timer_ =
      loop_->RunAfter(environment_->limits.handshake_timeout, [this] { OnHandshakeTimeout(); });
  net::ConnectTarget connect_to;
  connect_to.host = target.ip;
  connect_to.port = target.port;
  if (target.tls) connect_to.tls = environment_->security.client;
  connector_ =
      net::Connector::Start(loop_, &net::Resolver::Default(), std::move(connect_to),
                            environment_->limits.handshake_timeout,
                            [this, info_hash = target.info_hash](
                                absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
                              // The connector is destroyed in here.
                              const std::shared_ptr<PeerConnection> self = shared_from_this();
                              OnConnected(std::move(transport), info_hash);
                              FlushEvents();
                            });
}

void PeerConnection::OnConnected(absl::StatusOr<std::unique_ptr<net::Transport>> transport,
                                 const std::optional<InfoHash>& info_hash) {
  connector_ = nullptr;
  if (!transport.ok()) return CloseNow(transport.status());
  transport_ = *std::move(transport);
  if (info_hash.has_value()) {
    SpeakKraken(std::make_unique<KrakenDialect>(environment_->hello.peer, expected_, *info_hash));
    StartTransport(Phase::kEstablished);
    return Emit(KrakenConnected{});
  }
  AppendHello(environment_->hello, &sender_.messages());
  StartTransport(Phase::kAwaitingHello);
}

void PeerConnection::StartAccepted(UniqueFd fd) {
  if (phase_ == Phase::kClosed) return;
  timer_ =
      loop_->RunAfter(environment_->limits.handshake_timeout, [this] { OnHandshakeTimeout(); });
  sniffed_ = std::move(fd);
  StartTransport(Phase::kSniffing);
}

// Watches the socket, and looks at it at once.
void PeerConnection::StartTransport(Phase phase) {
  phase_ = phase;
  const int fd = transport_ != nullptr ? transport_->fd() : sniffed_.get();
  SetSocketOptions(fd);
  watcher_ =
      std::make_unique<net::FdWatcher>(loop_, fd, this, net::FdWatcher::Mode::kEdgeReadWrite);
  sender_.set_warmer([this](TorrentContent::Source source, absl::AnyInvocable<void()> done) {
    // Without a thread for it, sendfile waits for the disk itself.
    auto shared_done = std::make_shared<absl::AnyInvocable<void()>>(std::move(done));
    auto task = [self = shared_from_this(), source = std::move(source), shared_done] {
      ReadIntoPageCache(source);
      self->Run([shared_done](PeerConnection&) { (*shared_done)(); });
    };
    if (!environment_->disk->Submit(std::move(task)).ok()) (*shared_done)();
  });
  ScheduleTurn();
}

void PeerConnection::OnHandshakeTimeout() {
  const std::shared_ptr<PeerConnection> self = shared_from_this();
  timer_ = net::TimerId::kNone;
  CloseNow(absl::DeadlineExceededError("the peer has not introduced itself in time"));
  FlushEvents();
}

// The first byte tells TLS from plain; it stays in the socket.
absl::Status PeerConnection::Sniff() {
  char first;
  const ssize_t n = ::recv(sniffed_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
  if (n < 0) return ErrnoToStatus(errno, "recv");
  if (n == 0) return absl::UnavailableError("the peer has closed the connection");
  const TransportSecurity& security = environment_->security;
  if (first == kTlsFirstByte) {
    if (security.server == nullptr) return absl::FailedPreconditionError("TLS is not configured");
    KH_ASSIGN_OR_RETURN(transport_,
                        net::MakeTlsTransport(std::move(sniffed_), *security.server, ""));
    phase_ = Phase::kTlsHandshake;
    return absl::OkStatus();
  }
  if (first != kFrameFirstByte) return absl::InvalidArgumentError("neither TLS nor a frame");
  may_speak_kraken_ = security.kraken_v1.Contains(net::SocketAddress::PeerOf(sniffed_.get()));
  // Our own peers are told apart by their first frame.
  if (!security.takes_plaintext() && !may_speak_kraken_) {
    return absl::PermissionDeniedError(absl::StrCat("plaintext is not allowed; ", kKrakenCure));
  }
  transport_ = net::MakePlainTransport(std::move(sniffed_));
  phase_ = Phase::kAwaitingHello;
  return absl::OkStatus();
}

void PeerConnection::OnFdReady(net::FdEvents events) {
  // TLS may have to write before it can read, and read before it can write.
  const bool tls = transport_ != nullptr && transport_->is_tls();
  may_read_ |= events.readable || tls;
  may_write_ |= events.writable || tls;
  Turn();
}

void PeerConnection::ScheduleTurn() {
  if (turn_scheduled_ || phase_ == Phase::kClosed) return;
  turn_scheduled_ = true;
  loop_->Defer([self = shared_from_this()] {
    self->turn_scheduled_ = false;
    self->Turn();
  });
}

// Moves what can be moved, in both directions, within a turn's share.
void PeerConnection::Turn() {
  const std::shared_ptr<PeerConnection> self = shared_from_this();
  absl::Status status = ProceedHandshake();
  if (status.ok()) status = ReadSome();
  if (status.ok()) status = WriteSome();
  if (!status.ok()) Fail(status);
  FlushEvents();
}

absl::Status PeerConnection::ProceedHandshake() {
  if (phase_ == Phase::kSniffing) KH_RETURN_IF_ERROR(Sniff());
  if (phase_ != Phase::kTlsHandshake) return absl::OkStatus();
  const net::IoResult result = transport_->Handshake();
  if (result.kind == net::IoResult::Kind::kWouldBlock) return absl::OkStatus();
  if (!result.ok()) {
    return transport_->error().ok() ? absl::UnavailableError("TLS handshake broken off")
                                    : transport_->error();
  }
  phase_ = Phase::kAwaitingHello;
  return absl::OkStatus();
}

absl::Status PeerConnection::ReadSome() {
  for (int i = 0; may_read_ && i < kMaxReadsPerTurn; ++i) {
    if (phase_ != Phase::kAwaitingHello && phase_ != Phase::kEstablished) return absl::OkStatus();
    if (static_cast<int>(events_.size()) + events_in_flight_ >= kMaxEventsInFlight) {
      reading_paused_ = true;
      // The control loop may have caught up before it could see that.
      if (events_in_flight_ == 0) ScheduleTurn();
      return absl::OkStatus();
    }
    reading_paused_ = false;
    const absl::Span<char> buffer = loop_->scratch();
    const net::IoResult result = transport_->Read(buffer.data(), buffer.size());
    switch (result.kind) {
      case net::IoResult::Kind::kOk:
        heard_since_tick_ = true;
        KH_RETURN_IF_ERROR(reader_.Consume({buffer.data(), result.bytes}));
        break;
      case net::IoResult::Kind::kWouldBlock:
        may_read_ = false;
        return absl::OkStatus();
      case net::IoResult::Kind::kEof:
        return absl::UnavailableError("the peer has closed the connection");
      case net::IoResult::Kind::kError:
        return transport_->error();
    }
  }
  if (may_read_) ScheduleTurn();
  return absl::OkStatus();
}

absl::Status PeerConnection::WriteSome() {
  if (!may_write_) return absl::OkStatus();
  if (phase_ != Phase::kAwaitingHello && phase_ != Phase::kEstablished) return absl::OkStatus();
  KH_ASSIGN_OR_RETURN(const PayloadSender::Result result,
                      sender_.SendSome(*transport_, kMaxSentPerTurn));
  environment_->counters.bytes_sent += static_cast<uint64_t>(result.payload_bytes);
  if (result.end == PayloadSender::Result::End::kBlocked) may_write_ = false;
  if (result.end == PayloadSender::Result::End::kBudget) ScheduleTurn();
  return absl::OkStatus();
}

absl::Status PeerConnection::OnMessage(const proto::Message& message, uint64_t* payload_bytes) {
  const bool refused = is_dialer_ && message.type() == proto::Message::GOODBYE;
  if (phase_ == Phase::kAwaitingHello && !refused) return OnHello(message);
  KH_ASSIGN_OR_RETURN(std::optional<WireMessage> parsed, dialect_->Parse(message));
  if (!parsed.has_value()) return absl::OkStatus();
  return Dispatch(*std::move(parsed), payload_bytes);
}

absl::Status PeerConnection::OnHello(const proto::Message& message) {
  if (message.version().empty() && !is_dialer_) {
    if (may_speak_kraken_) return OnKrakenHandshake(message);
    return absl::PermissionDeniedError(
        absl::StrCat("the peer speaks Kraken's version 1; ", kKrakenCure));
  }
  const TransportSecurity& security = environment_->security;
  KH_ASSIGN_OR_RETURN(const Hello hello, ParseHello(message));
  if (!is_dialer_ && !transport_->is_tls() && !security.takes_plaintext()) {
    return absl::PermissionDeniedError("plaintext is not allowed");
  }
  if (hello.peer == environment_->hello.peer) {
    return absl::PermissionDeniedError("the peer has our own id");
  }
  if (is_dialer_ && hello.peer != expected_) {
    return absl::PermissionDeniedError(absl::StrCat("the peer is ", hello.peer.ToString(),
                                                    ", dialled was ", expected_.ToString()));
  }
  const PeerAuthorizer& authorizer = security.authorizer;
  if (transport_->is_tls() && authorizer != nullptr) {
    const auto certificate = transport_->peer_certificate();
    if (!certificate.has_value()) return absl::UnauthenticatedError("no verified certificate");
    KH_RETURN_IF_ERROR(authorizer(*certificate, hello.peer));
  }
  phase_ = Phase::kEstablished;
  peer_is_origin_ = hello.origin;
  reader_.set_max_message_bytes(kMaxOurMessageBytes);
  EndHandshake();
  Emit(PeerIntroduced{hello, transport_->is_tls()});
  return absl::OkStatus();
}

// A peer of version 1 has dialled. It hears from us when its torrent has been found.
absl::Status PeerConnection::OnKrakenHandshake(const proto::Message& message) {
  KH_ASSIGN_OR_RETURN(KrakenHandshake handshake, ParseKrakenHandshake(message));
  if (handshake.peer == environment_->hello.peer) {
    return absl::PermissionDeniedError("the peer has our own id");
  }
  SpeakKraken(std::make_unique<KrakenDialect>(environment_->hello.peer, handshake));
  phase_ = Phase::kEstablished;
  Emit(KrakenIntroduced{std::move(handshake)});
  return absl::OkStatus();
}

// From now on. The kernel finds out whether the peer still takes what it is sent: it can't be
// asked.
void PeerConnection::SpeakKraken(std::unique_ptr<KrakenDialect> dialect) {
  kraken_ = std::move(dialect);
  dialect_ = kraken_.get();
  sender_.set_dialect(dialect_);
  const int patience_ms = static_cast<int>(
      absl::ToInt64Milliseconds(kMaxStuckTicks * environment_->limits.ping_interval));
  ::setsockopt(transport_->fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
}

// Both sides have introduced themselves.
void PeerConnection::EndHandshake() {
  loop_->CancelTimer(timer_);
  timer_ = loop_->RunAfter(environment_->limits.ping_interval, [this] { OnTick(); });
}

absl::Status PeerConnection::Dispatch(WireMessage message, uint64_t* payload_bytes) {
  if (const auto* chunk = std::get_if<PieceChunk>(&message.body)) {
    *payload_bytes = static_cast<uint64_t>(chunk->length);
    return receiver_.OnChunk(message.channel, *chunk, net::EventLoop::MonotonicNow());
  }
  if (const auto* reject = std::get_if<Reject>(&message.body)) {
    if (receiver_.OnRefused(message.channel, reject->piece)) Emit(std::move(message));
    return absl::OkStatus();
  }
  if (const auto* abort = std::get_if<Abort>(&message.body)) {
    // Aborted before it began is as good as rejected.
    const PieceIndex piece = abort->piece;
    if (receiver_.OnRefused(message.channel, piece)) {
      Emit(WireMessage{.channel = message.channel, .body = Reject{piece}});
    }
    return absl::OkStatus();
  }
  if (std::holds_alternative<Ping>(message.body)) {
    Queue({.body = Pong{}});
    return absl::OkStatus();
  }
  if (std::holds_alternative<Pong>(message.body)) return absl::OkStatus();
  if (const auto* goodbye = std::get_if<Goodbye>(&message.body)) {
    peer_goodbye_ = goodbye->reason;
    return absl::UnavailableError(absl::StrCat("the peer says goodbye: ", goodbye->text));
  }
  if (std::holds_alternative<OpenChannel>(message.body)) {
    KH_RETURN_IF_ERROR(receiver_.OnPeerOpened(message.channel));
    if (kraken_ != nullptr) EndHandshake();
  }
  Emit(std::move(message));
  return absl::OkStatus();
}

absl::Status PeerConnection::OnPayload(absl::string_view bytes) {
  WireCounters& counters = environment_->counters;
  (peer_is_origin_ ? counters.bytes_from_origins : counters.bytes_from_agents) += bytes.size();
  receiver_.OnPayload(bytes);
  if (kraken_ != nullptr) receiver_.ReportProgress(net::EventLoop::MonotonicNow());
  return absl::OkStatus();
}

void PeerConnection::Queue(const WireMessage& message) {
  if (phase_ != Phase::kEstablished) return;
  dialect_->Append(message, &sender_.messages());
  const auto* cancel = std::get_if<Cancel>(&message.body);
  if (cancel != nullptr && !dialect_->takes_requests_back()) {
    receiver_.ExpectOnceMore(message.channel, cancel->piece);
  }
  if (sender_.queued_message_bytes() > kMaxOutputBytes) {
    Fail(absl::ResourceExhaustedError("the peer does not take what it is sent"));
  }
}

void PeerConnection::OnTick() {
  const std::shared_ptr<PeerConnection> self = shared_from_this();
  timer_ = net::TimerId::kNone;
  const absl::Status alive = CheckAlive();
  if (!alive.ok()) {
    Fail(alive);
    return FlushEvents();
  }
  sent_at_tick_ = sender_.sent_bytes();
  heard_since_tick_ = false;
  if (phase_ == Phase::kEstablished) {
    timer_ = loop_->RunAfter(environment_->limits.ping_interval, [this] { OnTick(); });
    ScheduleTurn();
  }
}

// By what has come and gone since the last tick.
absl::Status PeerConnection::CheckAlive() {
  const WireLimits& limits = environment_->limits;
  // Silence that we caused ourselves proves nothing.
  const bool silent = !heard_since_tick_ && !reading_paused_;
  const bool nothing_sent = sender_.sent_bytes() == sent_at_tick_;
  if (silent && ping_unanswered_) return absl::DeadlineExceededError("the peer is silent");
  // A peer that takes nothing would hold an upload slot for ever.
  const bool stuck = sender_.has_output() && nothing_sent;
  stuck_ticks_ = stuck ? stuck_ticks_ + 1 : 0;
  if (stuck_ticks_ >= kMaxStuckTicks) return absl::DeadlineExceededError("the peer takes nothing");
  if (!dialect_->has_ping()) {
    quiet_ticks_ = silent && nothing_sent ? quiet_ticks_ + 1 : 0;
    const bool idle =
        quiet_ticks_ > 0 && quiet_ticks_ * limits.ping_interval >= limits.idle_timeout;
    return idle ? absl::DeadlineExceededError("the connection is idle") : absl::OkStatus();
  }
  ping_unanswered_ = silent;
  if (silent) Queue({.body = Ping{}});
  return absl::OkStatus();
}

template <typename Event>
void PeerConnection::Emit(Event event) {
  events_.emplace_back(std::move(event));
}

void PeerConnection::FlushEvents() {
  if (events_.empty()) return;
  std::vector<WireEvent> events;
  events.swap(events_);
  events_in_flight_ += static_cast<int>(events.size());
  environment_->control.Post([environment = environment_, self = shared_from_this(), id = id_,
                              events = std::move(events)]() mutable {
    const size_t count = events.size();
    if (environment->sink != nullptr) environment->sink->OnWireEvents(id, std::move(events));
    self->OnEventsHandled(count);
  });
}

void PeerConnection::Fail(const absl::Status& status) {
  if (phase_ == Phase::kClosed) return;
  const bool malformed = absl::IsInvalidArgument(status);
  if (malformed) ++environment_->counters.malformed;
  if (phase_ == Phase::kEstablished && !sender_.in_chunk() && malformed) {
    dialect_->Append(
        {.body = Goodbye{Goodbye::Reason::kProtocolError, std::string(status.message())}},
        &sender_.messages());
    const absl::Status ignored = WriteSome();
    (void)ignored;
  }
  CloseNow(status);
}

void PeerConnection::CloseNow(const absl::Status& status) {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  if (timer_ != net::TimerId::kNone) loop_->CancelTimer(timer_);
  timer_ = net::TimerId::kNone;
  connector_ = nullptr;
  watcher_ = nullptr;
  transport_ = nullptr;
  sniffed_.Reset();
  Emit(Disconnected{status, peer_goodbye_});
}

}  // namespace kraken::peer_wire
