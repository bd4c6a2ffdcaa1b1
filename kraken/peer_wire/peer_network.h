#ifndef KRAKEN_PEER_WIRE_PEER_NETWORK_H_
#define KRAKEN_PEER_WIRE_PEER_NETWORK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/listen_socket.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/socket_address.h"
#include "kraken/peer_wire/kraken_handshake.h"
#include "kraken/peer_wire/peer_connection.h"
#include "kraken/peer_wire/torrent_content.h"
#include "kraken/peer_wire/wire_environment.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/scheduler.h"
#include "kraken/telemetry/log_throttle.h"

namespace kraken::peer_wire {

// The swarm's real network: the engine's links as channels of connections, one connection for each
// pair of peers; with a peer that speaks Kraken's version 1, one for each link. Connections live on
// the I/O loops and move payload between sockets and torrents' contents by themselves; here is who
// is linked to whom.
//
// Belongs to the control loop.
class PeerNetwork final : public swarm::Network, private WireEventSink {
 public:
  // A peer may wait for a torrent to be opened; so many of them at a time.
  static constexpr size_t kMaxWaitingOpens = 256;
  // How often unused connections are looked for.
  static constexpr absl::Duration kSweepInterval = absl::Seconds(5);
  // Of the log's lines about peers that were refused.
  static constexpr absl::Duration kRefusalLogInterval = absl::Seconds(10);

  // Opens a torrent that a peer has asked for: adds it to the engine if it is here. Calls back with
  // whether it did, never from within.
  using Opener = std::function<void(const swarm::TorrentKey& key, ByteCount size,
                                    absl::AnyInvocable<void(bool opened)> done)>;
  // The same for a peer that speaks Kraken's version 1, which names a torrent by the blob and the
  // number of its pieces. Calls back with the key of the torrent that was opened.
  using KrakenOpener =
      std::function<void(const KrakenHandshake& handshake,
                         absl::AnyInvocable<void(absl::StatusOr<swarm::TorrentKey>)> done)>;
  // A piece could not be written: the disk is full, or broken. Called from no engine input.
  using OnWriteFailed =
      std::function<void(const swarm::TorrentKey& key, const absl::Status& status)>;

  // `environment` is complete but for `sink`.
  PeerNetwork(net::EventLoop* control, net::LoopPool* io, net::ListenSocket socket,
              std::shared_ptr<WireEnvironment> environment, WireFaults faults, Opener opener,
              KrakenOpener kraken_opener, OnWriteFailed on_write_failed);
  ~PeerNetwork() override;

  // The engine must be set before anything happens, and outlives the network's use.
  void set_scheduler(swarm::Scheduler* scheduler) { scheduler_ = scheduler; }
  void StartAccepting();
  // Closes everything; links end without a word. `done` when no connection is left on any I/O loop.
  void Shutdown(absl::AnyInvocable<void()> done);

  // Where the torrent's bytes are; set before the engine knows it, removed after it has forgotten.
  void AddContent(const swarm::TorrentKey& key, std::shared_ptr<TorrentContent> content);
  void RemoveContent(const swarm::TorrentKey& key);

  size_t connection_count() const { return connections_.size(); }
  uint64_t dialed_count() const { return dialed_count_; }
  uint64_t accepted_count() const { return accepted_count_; }

  // ---- swarm::Network ----
  void Dial(swarm::LinkId id, const swarm::TorrentKey& key, const swarm::PeerInfo& info) override;
  void SendHandshake(swarm::LinkId id, const swarm::Handshake& handshake) override;
  void Accept(swarm::IncomingId incoming, swarm::LinkId id,
              const swarm::Handshake& handshake) override;
  void SendHave(absl::Span<const swarm::LinkId> links, absl::Span<const PieceIndex> pieces,
                swarm::LoadHint load) override;
  void SendRequest(swarm::LinkId id, PieceIndex piece) override;
  void SendCancel(swarm::LinkId id, PieceIndex piece) override;
  void SendReject(swarm::LinkId id, PieceIndex piece) override;
  void StartUpload(swarm::LinkId id, PieceIndex piece) override;
  void StopUpload(swarm::LinkId id, PieceIndex piece) override;
  void Close(swarm::LinkId id, const absl::Status& reason) override;

 private:
  struct Connection;
  struct Link;
  struct Peer;
  struct IncomingOpen;

  void OnWireEvents(ConnectionId id, std::vector<WireEvent> events) override;
  void OnEvent(Connection& connection, WireEvent& event);
  void OnIntroduced(Connection& connection, const PeerIntroduced& event);
  // Kraken's version 1 (peer_network_kraken.cc).
  void DialKraken(Link& link, const swarm::PeerInfo& info);
  void OnKrakenConnected(Connection& connection);
  void OnKrakenIntroduced(Connection& connection, const KrakenIntroduced& event);
  void OnKrakenTorrent(ConnectionId id, const KrakenHandshake& handshake,
                       const absl::StatusOr<swarm::TorrentKey>& key);
  bool Survives(const Connection& incoming, const Hello& hello) const;
  void OnMessage(Connection& connection, WireMessage& message);
  void OnOpen(Connection& connection, WireMessage& message);
  void OnOpenAnswer(Connection& connection, const WireMessage& message);
  void OnIncomingOpen(Connection& connection, WireMessage message, bool may_open_torrent);
  void OpenTorrentFor(Connection& connection, WireMessage message);
  void OnTorrentOpened(const swarm::TorrentKey& key, bool opened);
  void Refuse(Connection& connection, uint32_t peer_channel, const absl::Status& status);
  void OnPeerClosed(Connection& connection, const WireMessage& message);
  IncomingOpen* FindWaitingOpen(const Connection& connection, uint32_t peer_channel);
  void SendOpen(Link& link, const swarm::Handshake& handshake);
  void OnDisconnected(ConnectionId id, const Disconnected& event);
  void LogRefusal(const Connection& connection, const absl::Status& why);

  void OnAccept(UniqueFd fd);
  // For one more connection.
  bool has_room() const;
  Connection& AddConnection(ConnectionId id);
  // `target`: all but what `info` says.
  Connection& DialConnection(const swarm::PeerInfo& info, PeerConnection::DialTarget target);
  Connection* FindConnection(ConnectionId id);
  void StartDial(Peer& peer, const swarm::PeerInfo& info);
  void BecomeReady(Connection& connection);
  void DropConnection(Connection& connection, Goodbye::Reason reason, const std::string& text);
  void FailLinksOf(Connection& connection, const absl::Status& status);
  void FailWaiting(const PeerId& peer_id, const absl::Status& status);
  void ForgetPeerIfIdle(const PeerId& peer_id);
  void LaterLinkClosed(swarm::LinkId id, absl::Status status);
  void Sweep();
  void ScheduleSweep();
  void FinishShutdownIfDone();

  Link* FindLink(swarm::LinkId id);
  // An open link on a live connection, or null.
  Link* FindOpenLink(swarm::LinkId id, Connection** connection);
  Link* FindLinkByPeerChannel(Connection& connection, uint32_t peer_channel);
  Link* FindLinkByChannel(Connection& connection, uint32_t channel);
  void EraseLink(swarm::LinkId id);

  net::EventLoop* const control_;
  net::LoopPool* const io_;
  const std::shared_ptr<WireEnvironment> environment_;
  const WireFaults faults_;
  const Opener opener_;
  const KrakenOpener kraken_opener_;
  const OnWriteFailed on_write_failed_;
  swarm::Scheduler* scheduler_ = nullptr;
  std::optional<net::ListenSocket> socket_;
  std::unique_ptr<net::Acceptor> acceptor_;
  net::TimerId sweep_timer_ = net::TimerId::kNone;
  // Cleared when this object goes, for what is posted to later.
  std::shared_ptr<PeerNetwork*> alive_;

  absl::flat_hash_map<swarm::TorrentKey, std::shared_ptr<TorrentContent>> contents_;
  absl::flat_hash_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  absl::flat_hash_map<PeerId, std::unique_ptr<Peer>> peers_;
  absl::flat_hash_map<swarm::LinkId, std::unique_ptr<Link>> links_;
  absl::flat_hash_map<swarm::TorrentKey, std::vector<IncomingOpen>> waiting_opens_;
  size_t waiting_open_count_ = 0;
  // The peer's OpenChannel that the engine is being asked about, and its name there.
  const IncomingOpen* incoming_ = nullptr;
  uint64_t incoming_id_ = 0;

  uint64_t next_connection_ = 1;
  int pending_incoming_ = 0;
  uint64_t dialed_count_ = 0;
  uint64_t accepted_count_ = 0;
  uint64_t uploads_ = 0;
  telemetry::LogThrottle refusal_log_{kRefusalLogInterval};
  bool shutting_down_ = false;
  absl::AnyInvocable<void()> shutdown_done_;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_PEER_NETWORK_H_
