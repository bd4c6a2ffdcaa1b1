#ifndef HARBOR_BRIDGE_LEASE_LEASE_MACHINE_H_
#define HARBOR_BRIDGE_LEASE_LEASE_MACHINE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace harbor_bridge {

// What one bridge knows of the lease, and when it asks what: no clock, no Redis, no threads. Times
// are its own monotonic clock's.
//
//  - The lease is believed to be held from the answer to a question until kOwnShare of its time
//    after that question was *sent*: it ends here before it ends at Redis, also when the two clocks
//    do not run alike.
//  - It is renewed after a third of its time. Who does not hold it asks as often, and at the moment
//    at which it ends if nobody renews it.
//  - One question is under way at a time. An answer that belongs to a term that was given up in the
//    meantime changes nothing.
class LeaseMachine {
 public:
  // The part of the time to live in which the bridge writes without having heard from Redis.
  static constexpr double kOwnShare = 0.8;
  static constexpr int kQuestionsPerTtl = 3;
  // Asked again so long after Redis did not answer, in parts of the time to live.
  static constexpr int kRetriesPerTtl = 10;

  enum class Question {
    kNone,
    kTake,   // the lease, if nobody holds it
    kRenew,  // if it is still ours under epoch()
  };

  explicit LeaseMachine(absl::Duration ttl) : ttl_(ttl) {}

  // What to ask now. Whatever is returned is to be answered by one of the methods below.
  Question Ask(kraken::MonotonicTime now);
  // When there may be something to ask, or held() ends; InfiniteFuture: an answer is being waited
  // for.
  kraken::MonotonicTime next(kraken::MonotonicTime now) const;

  void OnTaken(uint64_t epoch);
  // `left`: until it ends if it is not renewed; negative: it does not end.
  void OnOtherHolds(absl::string_view holder, uint64_t epoch, absl::Duration left,
                    kraken::MonotonicTime now);
  void OnRenewed();
  // It is not ours any more.
  void OnLost(kraken::MonotonicTime now);
  // No answer came, or none that can be understood.
  void OnSilence(kraken::MonotonicTime now);
  // Redis can be asked again.
  void OnConnected(kraken::MonotonicTime now);
  // A server has seen this epoch, and refuses a lower one. False: that is no news to the present
  // term.
  bool OnRefused(uint64_t seen, kraken::MonotonicTime now);
  // The term is over, as this bridge wants it no more.
  void OnReleased(kraken::MonotonicTime now) { GiveUp(now); }

  // Whether the bridge may write.
  bool held(kraken::MonotonicTime now) const { return epoch_ != 0 && now < ends_; }
  // Of this bridge's term, which may have ended; 0: it has none.
  uint64_t epoch() const { return epoch_; }
  // The highest that was ever heard of: a new term's is higher.
  uint64_t highest_epoch() const { return highest_epoch_; }
  // Who else holds it, by the last answer; empty: nobody, or it is not known.
  const std::string& holder() const { return holder_; }

 private:
  void GiveUp(kraken::MonotonicTime now);
  void Hold();
  void Note(uint64_t epoch);

  const absl::Duration ttl_;
  uint64_t epoch_ = 0;
  uint64_t highest_epoch_ = 0;
  std::string holder_;
  kraken::MonotonicTime ends_;
  // The question under way.
  Question asked_ = Question::kNone;
  uint64_t asked_epoch_ = 0;
  kraken::MonotonicTime sent_;
  kraken::MonotonicTime next_question_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_LEASE_MACHINE_H_
