#ifndef KRAKEN_PEER_WIRE_PEER_CONNECTION_H_
#define KRAKEN_PEER_WIRE_PEER_CONNECTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/clock.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/connector.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/transport.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/kraken_dialect.h"
#include "kraken/peer_wire/payload_receiver.h"
#include "kraken/peer_wire/payload_sender.h"
#include "kraken/peer_wire/torrent_content.h"
#include "kraken/peer_wire/wire_dialect.h"
#include "kraken/peer_wire/wire_environment.h"
#include "kraken/peer_wire/wire_event.h"
#include "kraken/peer_wire/wire_message.h"

namespace kraken::peer_wire {

// One connection to one peer, on one I/O loop: between our own it carries all torrents that the two
// share, as channels; with a peer that speaks Kraken's version 1 it is one torrent's
// (KrakenDialect). Payload goes between the socket and the torrents' files here; what is to be
// decided goes to the control loop as events, in order.
//
// Everything outside is called from the control loop and done on the I/O loop, in order; nothing
// blocks, nothing calls back from within. Bytes that make no sense end this connection and nothing
// else. Reading pauses while the control loop is kMaxEventsInFlight events behind.
class PeerConnection : public std::enable_shared_from_this<PeerConnection>,
                       public net::FdHandler,
                       private FrameReader::Handler {
 public:
  // Bytes that wait to be sent, payload apart; a peer that lets more pile up is cut off.
  static constexpr size_t kMaxOutputBytes = 8 << 20;
  static constexpr int kMaxEventsInFlight = 4096;
  // Of a socket's unsent bytes: what is sent later can't overtake them.
  static constexpr int kNotSentLowWaterBytes = 128 << 10;
  // One turn's share of the loop.
  static constexpr int kMaxReadsPerTurn = 16;
  static constexpr int64_t kMaxSentPerTurn = 1 << 20;
  // Ping intervals without a byte sent, though there is something to send.
  static constexpr int kMaxStuckTicks = 2;

  struct DialTarget {
    std::string ip;
    uint16_t port = 0;
    bool tls = false;
    PeerId expected;
    bool origin = false;
    // Set if the peer speaks Kraken's version 1: the torrent that it is dialled for.
    std::optional<InfoHash> info_hash;
  };

  // Begin at once. PeerIntroduced, or Disconnected, follows; with a v1 peer KrakenConnected (after
  // Dial) or KrakenIntroduced instead of the former.
  static std::shared_ptr<PeerConnection> Dial(std::shared_ptr<WireEnvironment> environment,
                                              net::EventLoop* loop, ConnectionId id,
                                              DialTarget target);
  static std::shared_ptr<PeerConnection> Accept(std::shared_ptr<WireEnvironment> environment,
                                                net::EventLoop* loop, ConnectionId id, UniqueFd fd);
  ~PeerConnection() override;

  // The acceptor's answer to the peer's hello. (The one who dialled sends his by himself.)
  void SendHello();
  // Any message but a PieceChunk, and not what has a method below.
  void Send(WireMessage message);
  // Sends an OpenChannel; payload of `message.channel` is from now on written to, and read from,
  // `content`. The peer's number of the channel, if known, is `message.peer_channel`.
  void Open(WireMessage message, std::shared_ptr<TorrentContent> content);
  // The peer's number of a channel.
  void SetPeerChannel(uint32_t channel, uint32_t peer_channel);
  void SendRequest(uint32_t channel, PieceIndex piece);
  // `corrupt`: with a flipped byte (WireFaults).
  void StartUpload(uint32_t channel, PieceIndex piece, bool corrupt);
  void StopUpload(uint32_t channel, PieceIndex piece);
  // Sends a CloseChannel and forgets the channel and all payload of it.
  void Close(WireMessage message);
  // Without a message: the peer has closed it.
  void ForgetChannel(uint32_t channel);
  // Says goodbye and closes.
  void Disconnect(Goodbye goodbye);

  // The control loop has dealt with so many events.
  void OnEventsHandled(size_t count);

  // Of the I/O loop's watcher.
  void OnFdReady(net::FdEvents events) override;

 private:
  enum class Phase : uint8_t {
    kConnecting,  // Connector at work
    kSniffing,    // accepted: TLS or plain?
    kTlsHandshake,
    kAwaitingHello,
    kEstablished,
    kClosed,
  };

  PeerConnection(std::shared_ptr<WireEnvironment> environment, net::EventLoop* loop,
                 ConnectionId id);

  // ---- All on the I/O loop ----
  template <typename Function>
  void Run(Function function);
  void StartDial(const DialTarget& target);
  void StartAccepted(UniqueFd fd);
  void OnConnected(absl::StatusOr<std::unique_ptr<net::Transport>> transport,
                   const std::optional<InfoHash>& info_hash);
  void OnHandshakeTimeout();
  void StartTransport(Phase phase);
  absl::Status Sniff();
  void Turn();
  void ScheduleTurn();
  absl::Status ProceedHandshake();
  absl::Status ReadSome();
  absl::Status WriteSome();
  absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) override;
  absl::Status OnPayload(absl::string_view bytes) override;
  absl::Status OnHello(const proto::Message& message);
  absl::Status OnKrakenHandshake(const proto::Message& message);
  void SpeakKraken(std::unique_ptr<KrakenDialect> dialect);
  void EndHandshake();
  absl::Status Dispatch(WireMessage message, uint64_t* payload_bytes);
  void Queue(const WireMessage& message);
  void OnTick();
  absl::Status CheckAlive();
  template <typename Event>
  void Emit(Event event);
  void FlushEvents();
  void Fail(const absl::Status& status);
  void CloseNow(const absl::Status& status);

  const std::shared_ptr<WireEnvironment> environment_;
  net::EventLoop* const loop_;
  const ConnectionId id_;

  Phase phase_ = Phase::kConnecting;
  bool is_dialer_ = false;
  // Accepted without TLS, from where peers may speak Kraken's version 1.
  bool may_speak_kraken_ = false;
  PeerId expected_;
  bool peer_is_origin_ = false;
  std::unique_ptr<net::Connector> connector_;
  UniqueFd sniffed_;
  std::unique_ptr<net::Transport> transport_;
  // Null: the peer is one of our own.
  std::unique_ptr<KrakenDialect> kraken_;
  WireDialect* dialect_ = &HarborDialect();
  std::unique_ptr<net::FdWatcher> watcher_;
  net::TimerId timer_ = net::TimerId::kNone;
  bool turn_scheduled_ = false;
  // Not tried since it would have blocked: no edge of readiness has come yet.
  bool may_read_ = true;
  bool may_write_ = true;

  FrameReader reader_;
  PayloadReceiver receiver_;
  PayloadSender sender_;

  std::vector<WireEvent> events_;
  // Events that the control loop has not dealt with.
  std::atomic<int> events_in_flight_{0};
  std::atomic<bool> reading_paused_{false};

  bool heard_since_tick_ = false;
  bool ping_unanswered_ = false;
  uint64_t sent_at_tick_ = 0;
  int stuck_ticks_ = 0;
  // Ping intervals without a byte in either direction.
  int quiet_ticks_ = 0;
  Goodbye::Reason peer_goodbye_ = Goodbye::Reason::kUnknown;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_PEER_CONNECTION_H_
