#ifndef KRAKEN_SIM_WORLD_H_
#define KRAKEN_SIM_WORLD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/types/span.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/sim/event_queue.h"
#include "kraken/sim/outages.h"
#include "kraken/sim/payload_net.h"
#include "kraken/sim/sim_config.h"
#include "kraken/sim/sim_host.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/hand_out.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::sim {

// The simulated cluster: hosts that run the real engine, a tracker that runs the real hand-out, the
// network between them, and virtual time. One thread, one seed; everything that happens is an
// event.
//
// Model of the network, and what it leaves out:
// - Each host has one line up and one down, each with its rate. What goes from zone to zone passes
//   the uplink of the one and the downlink of the other besides, which their hosts share, first
//   come, first served; nothing else in between has a limit.
// - Payload goes in chunks of SimConfig::chunk_bytes. A line up serves its transfers in turn, a
//   chunk at a time; a line down takes chunks first come, first served. A transfer has at most
//   window_chunks under way, so a full receiver slows down its senders and they give their line to
//   others: the fair sharing of TCP, roughly.
// - Each message and chunk takes rtt/2 and a random jitter; one in 1/loss takes loss_delay more.
//   What goes from one end of a link to the other never overtakes its own kind.
// - Hosts can be cut off, and zones parted (Outages). What is sent meanwhile arrives when that is
//   over; links over which nothing gets through for dead_link_nanos break, dials fail. What goes to
//   or from the tracker is lost: its streams broke.
// - Messages take no bandwidth and wait behind no payload (the wire's chunks bound that wait to one
//   chunk); they are counted.
// - The disk: a chunk is written at the disk's rate before it counts as received, and a piece is
//   checked and readable disk_nanos after its last byte. Reading costs nothing (the page cache).
// - The tracker remembers which lists were revoked, and tells whoever announces one.
// Not thread safe.
class World {
 public:
  explicit World(const SimConfig& config);
  ~World();

  const SimConfig& config() const { return config_; }
  EventQueue& queue() { return queue_; }
  PayloadNet& payload() { return payload_; }
  BitGen& random() { return random_; }
  int64_t now() const { return queue_.now(); }

  // ---- Building the scene ----

  // Adds a host, live at once. Returns its number.
  uint32_t AddHost(const HostSpec& spec);
  SimHost& host(uint32_t number) { return *hosts_[number]; }
  size_t host_count() const { return hosts_.size(); }

  // Runs `call` at virtual time `at`.
  void At(int64_t at, absl::AnyInvocable<void()> call);

  // The host is gone, as after kill -9 (its peers see their links close) or, if `silent`, as after
  // a power cut (they see nothing).
  void Kill(uint32_t host, bool silent);
  // The host says good-bye and goes.
  void Leave(uint32_t host);

  // For `nanos`: nothing goes to or from the host, or from one zone to the other.
  void CutHost(uint32_t host, int64_t nanos);
  void CutZones(uint16_t a, uint16_t b, int64_t nanos);

  // The blob's list is revoked: its origins drop it at once, and tell the tracker.
  void Revoke(const swarm::TorrentKey& key);

  // From now on the tracker neither hears nor answers.
  void KillTracker() { tracker_alive_ = false; }
  void ReviveTracker();

  // ---- Running ----

  // Until `done` says so (asked after each call or piece), nothing is left to do, or `limit`.
  // Returns false in the last two cases.
  // Also ends, with false, when something is reported.
  bool RunUntil(const std::function<bool()>& done, int64_t limit);

  // Something that must not be was seen.
  void Report(std::string what);
  const std::vector<std::string>& reports() const { return reports_; }

  // A number that stands for everything that happened, in order.
  uint64_t trace_hash() const { return trace_hash_; }
  uint64_t event_count() const { return event_count_; }

  // ---- For SimHost ----

  void Dial(uint32_t from, swarm::LinkId link, const swarm::TorrentKey& key,
            const swarm::PeerInfo& peer);
  void SendHandshake(uint32_t end, const swarm::Handshake& handshake);
  void Accept(swarm::IncomingId incoming, uint32_t from, swarm::LinkId link,
              const swarm::Handshake& handshake);
  void SendHave(absl::Span<const uint32_t> ends, absl::Span<const PieceIndex> pieces,
                swarm::LoadHint load);
  void SendControl(EventKind kind, uint32_t end, PieceIndex piece);
  void CloseLink(uint32_t end);
  void Announce(uint32_t from, const swarm::AnnounceRecord& record);
  void WakeAt(uint32_t host, uint32_t number, int64_t at);

  void NoteBan(uint32_t by, const swarm::PeerInfo& banned) {
    bans_.emplace_back(by, HostOf(banned.id));
  }
  // (who banned, who was banned)
  const std::vector<std::pair<uint32_t, uint32_t>>& bans() const { return bans_; }
  uint64_t messages() const { return messages_; }
  uint64_t announces() const { return announces_; }

  const swarm::TorrentKey& key_of(uint32_t end) const { return keys_[end / 2]; }
  LinkEnd& end(uint32_t number) { return ends_[number]; }
  uint32_t end_count() const { return static_cast<uint32_t>(ends_.size()); }
  static uint32_t OtherEnd(uint32_t end) { return end ^ 1; }
  // Opened the link.
  static bool IsDialer(uint32_t end) { return (end & 1) == 0; }
  SimHost& HostOfEnd(uint32_t end) { return *hosts_[ends_[end].host]; }
  // Null if the host is dead.
  swarm::Scheduler* EngineOf(uint32_t end) { return engines_[ends_[end].host]; }
  // What a message or chunk takes from host to host.
  int64_t Delay(uint32_t from, uint32_t to);
  // The most that it takes when nothing is cut.
  int64_t LongestLatency() const;
  // When the last cut between the two ended or will end; 0: there was none.
  int64_t EndOfLastCut(uint32_t from, uint32_t to) const {
    return outages_.empty() ? 0 : outages_.EndOfLast(PlaceOf(from), PlaceOf(to));
  }
  int64_t EndOfLastCutFromTracker(uint32_t host) const {
    return outages_.empty() ? 0 : outages_.EndOfLast(PlaceOf(host), Tracker());
  }
  bool ReachesTracker(uint32_t host) const {
    return tracker_alive_ && EndOfLastCutFromTracker(host) <= now();
  }
  // When the tracker began to hear; < 0: it is dead.
  int64_t tracker_since() const { return tracker_alive_ ? tracker_since_ : -1; }
  size_t tracker_entries() const { return tracker_->entry_count(); }
  // 0: it is not revoked.
  int64_t RevokedAt(const swarm::TorrentKey& key) const;

 private:
  struct HaveBatch {
    std::vector<PieceIndex> pieces;
    swarm::LoadHint load;
    uint32_t references = 0;
  };

  // Fetches into the cache what the next events are about to read.
  void PrefetchAhead() const;
  void PrefetchForLink(const Event& event, int step) const;
  void Dispatch(const Event& event);
  void DeliverHave(const Event& event);
  void DeliverHaveBatch(const Event& event);
  int64_t Latency();
  int64_t ArrivalAt(uint32_t end);
  Outages::Place PlaceOf(uint32_t host) const {
    return {.host = host, .zone = hosts_[host]->spec().zone};
  }
  Outages::Place Tracker() const {
    return {.host = static_cast<uint32_t>(-1), .zone = config_.tracker_zone};
  }
  void MarkClosed(uint32_t end);
  void BreakDeadLinksLater(int64_t cut_nanos);
  void BreakDeadLinks();
  void BreakLink(uint32_t end);
  void TrackerHears(uint32_t from, const swarm::AnnounceRecord& record);
  void SendPeers(uint32_t to, const swarm::TorrentKey& key, std::vector<swarm::PeerInfo> peers);
  void SweepTracker();
  void RenewAtTracker(uint32_t host);
  uint32_t HostOf(const PeerId& id) const;

  const SimConfig config_;
  EventQueue queue_;
  SeededBitGen random_;
  PayloadNet payload_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
  // Of each host; null if it is dead.
  std::vector<swarm::Scheduler*> engines_;
  absl::flat_hash_map<PeerId, uint32_t> host_by_id_;
  std::vector<LinkEnd> ends_;
  // By half the number of an end.
  std::vector<swarm::TorrentKey> keys_;
  uint64_t messages_ = 0;
  uint64_t announces_ = 0;
  std::vector<std::pair<uint32_t, uint32_t>> bans_;
  std::vector<absl::AnyInvocable<void()>> calls_;
  std::vector<uint32_t> free_calls_;
  std::vector<std::unique_ptr<HaveBatch>> batches_;
  std::vector<uint32_t> free_batches_;
  SeededBitGen tracker_random_;
  std::unique_ptr<swarm::HandOut> tracker_;
  bool tracker_alive_ = true;
  int64_t tracker_since_ = 0;
  // Of each host: its announce stream stood a second ago.
  std::vector<bool> connected_;
  Outages outages_;
  absl::flat_hash_map<swarm::TorrentKey, int64_t> revoked_;
  std::vector<std::string> reports_;
  uint64_t trace_hash_ = 0xcbf29ce484222325;
  uint64_t event_count_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_WORLD_H_
