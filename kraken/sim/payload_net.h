#ifndef KRAKEN_SIM_PAYLOAD_NET_H_
#define KRAKEN_SIM_PAYLOAD_NET_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "kraken/base/strong_index.h"
#include "kraken/sim/event_queue.h"
#include "kraken/sim/sim_config.h"

namespace kraken::sim {

class World;

// Pieces under way, and the lines of the hosts (the model: world.h). Not thread safe.
class PayloadNet {
 public:
  // `world` outlives it.
  explicit PayloadNet(World* world);

  // Hosts are numbered as they are added.
  void AddHost(const HostSpec& spec);

  // Sends `piece` out of link end `end`. `corrupt`: what arrives will not check.
  void Start(uint32_t end, PieceIndex piece, int64_t bytes, bool corrupt);
  // Ends it early, if it is under way.
  void Stop(uint32_t end, PieceIndex piece);
  bool IsSending(uint32_t end, PieceIndex piece) const;
  // Drops all that goes out of, or comes in at, this link end.
  void CloseLink(uint32_t end);

  void OnChunkSent(const Event& event);
  void OnChunkCrossed(const Event& event);
  void OnChunkArrived(const Event& event);
  void OnChunkAcked(const Event& event);
  void OnPieceDone(const Event& event);
  // Fetches into the cache what `event`, one of a chunk, is about to read: step 0, 1, ...
  void Prefetch(const Event& event, int step) const;

  uint64_t bytes_out(uint32_t host) const { return lines_[host].bytes_out; }
  // Payload that went out of, and came into, a zone.
  uint64_t bytes_out_of_zone(uint16_t zone) const { return zones_[zone].bytes_out; }
  uint64_t bytes_into_zone(uint16_t zone) const { return zones_[zone].bytes_in; }
  int active(uint32_t host) const { return static_cast<int>(lines_[host].sending.size()); }
  // The share of the time since `since` that the host's line up was busy.
  int64_t up_busy_nanos(uint32_t host) const { return lines_[host].up_busy_nanos; }

 private:
  // Of transfers.
  using Numbers = absl::InlinedVector<uint32_t, 6>;

  struct Transfer {
    uint32_t end = 0;  // of the sender
    // The hosts at both ends.
    uint32_t from = 0;
    uint32_t to = 0;
    PieceIndex piece;
    int64_t unsent = 0;
    int64_t not_arrived = 0;
    int64_t last_arrival = 0;
    int64_t bytes = 0;
    uint32_t in_window = 0;
    // Events in the queue that name it.
    uint32_t events = 0;
    bool corrupt = false;
    bool dead = false;
    bool stopped = false;
  };

  struct Line {
    double up_nanos_per_byte = 0;
    double down_nanos_per_byte = 0;
    double disk_nanos_per_byte = 0;
    int64_t down_free_at = 0;
    int64_t disk_free_at = 0;
    int64_t up_busy_nanos = 0;
    uint64_t bytes_out = 0;
    // Transfers with bytes to send, and whose turn it is.
    Numbers sending;
    uint32_t turn = 0;
    uint16_t zone = 0;
    bool up_busy = false;
  };

  // What the hosts of a zone share.
  struct ZoneLine {
    double up_nanos_per_byte = 0;
    double down_nanos_per_byte = 0;
    int64_t up_free_at = 0;
    int64_t down_free_at = 0;
    uint64_t bytes_out = 0;
    uint64_t bytes_in = 0;
  };

  void Kick(uint32_t host);
  ZoneLine& ZoneOf(uint32_t host);
  void Deliver(uint32_t number, uint32_t bytes, int64_t at);
  void RemoveFromLine(uint32_t number);
  void FinishSending(uint32_t number);
  // An event that named the transfer has happened.
  void Release(uint32_t number);
  // Frees the transfer if nothing is left of it.
  void FreeIfOver(uint32_t number);

  World* world_;
  std::vector<Line> lines_;
  std::vector<ZoneLine> zones_;
  std::vector<Transfer> transfers_;
  std::vector<uint32_t> free_;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_PAYLOAD_NET_H_
