#ifndef KRAKEN_SWARM_FAKE_ENVIRONMENT_H_
#define KRAKEN_SWARM_FAKE_ENVIRONMENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/config.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/piece_map.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::swarm {

// An engine with nothing around it, for tests: writes down what the engine asks for, and plays the
// peers on demand. Time stands still until Advance.
class FakeEnvironment : private Network,
                        private Announcer,
                        private SwarmClock,
                        private SwarmObserver {
 public:
  // What the engine did, e.g. "request 1/4" (link 1, piece 4), in order. See fake_environment.cc.
  using Log = std::vector<std::string>;

  explicit FakeEnvironment(const SwarmConfig& config, bool origin = false, uint16_t zone = 0);
  ~FakeEnvironment() override;

  Scheduler& engine() { return *engine_; }

  // A torrent of 64 KiB pieces of which we have `have`, e.g. {0, 3}. All can be checked.
  TorrentId Add(int pieces, const std::vector<int>& have = {});
  // As above, and no state is known yet.
  TorrentId AddProvisional(int pieces);
  TorrentSpec Spec(int pieces, const std::vector<int>& have) const;
  TorrentKey key() const { return key_; }
  // What is added and connected from now on is of another torrent.
  void SwitchTorrent(int number);

  // A peer; equal numbers are the same.
  static PeerInfo Peer(int number);
  // Peer `number` opens a link and has these pieces. Returns the link; invalid if refused
  // (`status()` says why).
  LinkId Connect(int number, const std::vector<int>& have, bool origin = false, uint16_t zone = 0);
  Handshake HandshakeOf(int number, const std::vector<int>& have) const;
  const absl::Status& status() const { return status_; }

  // The last link that the engine dialled.
  LinkId dialed() const { return dialed_; }

  void Have(LinkId link, const std::vector<int>& pieces, LoadHint load = {});
  void Deliver(LinkId link, int piece,
               Scheduler::PieceOutcome outcome = Scheduler::PieceOutcome::kVerified);

  void Reject(LinkId link, int piece);

  // Moves time on, waking the engine as it asked.
  void Advance(int64_t nanos);

  // What was done since the last call.
  Log TakeLog();
  // Of the log since the last TakeLog, the entries that start with `prefix`.
  Log Logged(const std::string& prefix) const;
  // Piece numbers of requests under way, as asked and not answered, of a link.
  std::vector<int> RequestsOf(LinkId link) const;

  // What the engine last said of its own.
  const LoadHint& last_load() const { return last_load_; }
  const AnnounceRecord& last_announce() const { return last_announce_; }
  int64_t now_nanos() const { return now_.nanos(); }

 private:
  void Dial(LinkId link, const TorrentKey& key, const PeerInfo& peer) override;
  void SendHandshake(LinkId link, const Handshake& handshake) override;
  void Accept(IncomingId incoming, LinkId link, const Handshake& handshake) override;
  void SendHave(absl::Span<const LinkId> links, absl::Span<const PieceIndex> pieces,
                LoadHint load) override;
  void SendRequest(LinkId link, PieceIndex piece) override;
  void SendCancel(LinkId link, PieceIndex piece) override;
  void SendReject(LinkId link, PieceIndex piece) override;
  void StartUpload(LinkId link, PieceIndex piece) override;
  void StopUpload(LinkId link, PieceIndex piece) override;
  void Close(LinkId link, const absl::Status& reason) override;
  void Announce(TorrentId torrent, const AnnounceRecord& record) override;
  Instant Now() const override { return now_; }
  void WakeAt(Instant when) override { wake_at_ = when; }
  void OnPieceAvailable(TorrentId torrent, PieceIndex piece) override;
  void OnTorrentComplete(TorrentId torrent) override;
  void OnTorrentStalled(TorrentId torrent) override;
  void OnTorrentEvicted(TorrentId torrent) override;
  void OnPeerBanned(const PeerInfo& peer, const absl::Status& reason) override;

  struct Request {
    LinkId link;
    int piece;
  };

  void Note(const std::string& what, LinkId link, PieceIndex piece);
  void EndRequest(LinkId link, int piece);

  SeededBitGen random_;
  Instant now_ = Instant::FromNanos(kNanosPerSecond);
  Instant wake_at_ = Instant::Never();
  TorrentKey key_;
  int pieces_ = 0;
  Log log_;
  std::vector<Request> requests_;
  LinkId dialed_;
  LinkId accepted_;
  absl::Status status_;
  LoadHint last_load_;
  AnnounceRecord last_announce_;
  std::unique_ptr<Scheduler> engine_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_FAKE_ENVIRONMENT_H_
