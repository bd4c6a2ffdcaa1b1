#ifndef KRAKEN_TRACKER_ANNOUNCE_LOAD_H_
#define KRAKEN_TRACKER_ANNOUNCE_LOAD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kraken/rpc/tracker.pb.h"

namespace kraken::tracker {

// For benchmarks: what many peers say to a tracker, each peer in as many swarms as the others.
// Peers of one group are in the same swarms, so that they can share these messages of 64 records.
class AnnounceLoad {
 public:
  static constexpr int kRecordsPerMessage = 64;

  // `torrents_per_peer` is rounded up to whole messages.
  AnnounceLoad(int groups, int torrents_per_peer);

  int groups() const { return static_cast<int>(renewals_.size()); }
  int torrents_per_peer() const { return messages_per_peer_ * kRecordsPerMessage; }
  int messages_per_peer() const { return messages_per_peer_; }

  // A peer's first message, but for its torrents; another id, address and zone for each.
  static rpc::v1::AnnounceRequest Hello(uint32_t peer);
  // A group's first announce of all its torrents: half of them complete, nobody wanted.
  const std::vector<rpc::v1::AnnounceRequest>& joins(size_t group) const { return joins_[group]; }
  // All its torrents again: of a message's 64 records 52 only renew, 5 want 20 peers, 3 say that
  // the torrent is complete, 2 leave and 2 join, wanting 20.
  const std::vector<rpc::v1::AnnounceRequest>& renewals(size_t group) const {
    return renewals_[group];
  }

 private:
  const int messages_per_peer_;
  std::vector<std::vector<rpc::v1::AnnounceRequest>> joins_;
  std::vector<std::vector<rpc::v1::AnnounceRequest>> renewals_;
};

// Of a process, as the kernel counts them.
int64_t ResidentBytes(pid_t pid);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_ANNOUNCE_LOAD_H_
