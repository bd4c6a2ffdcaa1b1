// What Downloads keeps of a blob on its way.
#ifndef KRAKEN_AGENT_DOWNLOAD_H_
#define KRAKEN_AGENT_DOWNLOAD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kraken/agent/downloads.h"
#include "kraken/base/backoff.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/rpc/common.pb.h"
#include "kraken/swarm/ids.h"

namespace kraken::agent {

// Who can't be reached just now is asked again after this.
inline constexpr BackoffOptions kAskAgain = {.initial_interval = absl::Milliseconds(200),
                                             .max_interval = absl::Seconds(3)};

// Where the reading of a backend is.
enum class BackendState {
  kIdle,     // not begun, or failed
  kAsking,   // its size is asked for
  kReading,  // the partial blob is there, and grows
};

// A plain record: Downloads keeps its invariants.
struct Downloads::Download {
  enum Timer : size_t {
    kDeadline,       // DownloadConfig::metainfo_timeout
    kPatience,       // tracker_timeout
    kAskOrigins,     // ask_origins_after
    kReadBackend,    // read_backend_after
    kTrackersAgain,  // the back-offs
    kOriginsAgain,
    kTimerCount,
  };

  Download(uint64_t id, const Digest& digest, std::string ns, BitGen* bits)
      : id(id),
        digest(digest),
        ns(std::move(ns)),
        tracker_backoff(kAskAgain, bits),
        origin_backoff(kAskAgain, bits) {
    timers.fill(net::TimerId::kNone);
  }

  // Whether it can be read now.
  bool readable() const { return leeching || seeding_backend; }

  // Unlike that of any other download, of the same digest too.
  const uint64_t id;
  const Digest digest;
  const std::string ns;
  std::vector<Ready> waiting;
  // Who waits until all of it is in the store.
  std::vector<Ready> waiting_for_end;
  // It is not in the store: somebody has been asked.
  bool started = false;
  MonotonicTime begun;
  // A client waits for it; it is not only wanted ahead.
  bool urgent = false;
  std::array<net::TimerId, kTimerCount> timers;

  // The trackers.
  absl::Status tracker_failure;
  Backoff tracker_backoff;

  // The origins.
  bool origins_asked = false;
  // One is there, and works on it.
  bool origin_answered = false;
  absl::Status origin_failure;
  Backoff origin_backoff;

  // The swarm. Set once it fetches the blob.
  bool leeching = false;
  swarm::TorrentKey key;
  // The whole piece list came from an origin.
  bool list_complete = false;
  bool storing_inline = false;
  // Times in a row that the swarm brought nothing, and what was here then.
  int stalls = 0;
  PieceCount verified_at_stall{-1};

  // The backend.
  BackendState backend = BackendState::kIdle;
  absl::Status backend_failure;
  registry::Cancellation backend_read;
  // Its pieces can be read, by clients and peers, without a piece list from an origin.
  bool seeding_backend = false;
  // What was told of the blob until the partial was there.
  rpc::v1::Metainfo held;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_DOWNLOAD_H_
