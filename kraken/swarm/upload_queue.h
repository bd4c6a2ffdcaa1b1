#ifndef KRAKEN_SWARM_UPLOAD_QUEUE_H_
#define KRAKEN_SWARM_UPLOAD_QUEUE_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/types/optional.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"

namespace kraken::swarm {

struct Upload {
  LinkId link;
  PieceIndex piece;
  ByteCount bytes;
  Instant started;
};

// Who gets which piece of this host next. At most `slots` pieces are sent at a time, each to its
// end: a piece that is sent whole can be sent on, ten tenths of pieces can't. First come, first
// served. Not thread safe.
class UploadQueue {
 public:
  explicit UploadQueue(int slots) : slots_(static_cast<size_t>(slots)) {}

  // REQUIRES: not queued or active already.
  void Enqueue(LinkId link, PieceIndex piece, ByteCount bytes);

  // Takes back a request that waits; false if it does not wait.
  bool RemoveWaiting(LinkId link, PieceIndex piece);

  // Drops all that waits for the link.
  void RemoveWaiting(LinkId link);
  // Drops all that waits or is sent for the link.
  void RemoveLink(LinkId link);

  // What StartNext would start; null if nothing waits or no slot is free.
  const Upload* Next() const { return waiting_.empty() || !HasFreeSlot() ? nullptr : &waiting_[0]; }
  // Starts the next upload if a slot is free.
  absl::optional<Upload> StartNext(Instant now);

  // The end of an active upload; false if there is none such. `completed`: it was sent whole.
  bool Finish(LinkId link, PieceIndex piece, bool completed, Instant now);

  bool Contains(LinkId link, PieceIndex piece) const;
  bool IsActive(LinkId link, PieceIndex piece) const;
  size_t active_count() const { return active_.size(); }
  size_t waiting_count() const { return waiting_.size(); }
  ByteCount waiting_bytes() const { return ByteCount(waiting_bytes_); }
  // Something could be started at once.
  bool HasFreeSlot() const { return active_.size() < slots_; }

  // How long all that was asked for will take, by the measured rate.
  LoadHint Load(Instant now) const;

 private:
  void MeasureRate(ByteCount bytes, Instant now);

  size_t slots_;
  std::vector<Upload> active_;
  std::deque<Upload> waiting_;
  int64_t waiting_bytes_ = 0;
  // Sums over recent uploads, old ones fading; their quotient is the rate while busy.
  double recent_bytes_ = 0;
  double recent_nanos_ = 0;
  // When the last upload ended, or the first began after a pause.
  Instant busy_since_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_UPLOAD_QUEUE_H_
