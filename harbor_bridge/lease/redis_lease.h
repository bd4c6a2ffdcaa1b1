#ifndef HARBOR_BRIDGE_LEASE_REDIS_LEASE_H_
#define HARBOR_BRIDGE_LEASE_REDIS_LEASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "harbor_bridge/lease/lease_machine.h"
#include "harbor_bridge/lease/lease_script.h"
#include "harbor_bridge/lease/lease_view.h"
#include "harbor_bridge/lease/write_leave.h"
#include "kraken/base/clock.h"
#include "kraken/net/event_loop.h"
#include "kraken/redis/redis_client.h"

namespace harbor_bridge {

struct RedisLeaseOptions {
  std::string name;
  absl::Duration ttl = absl::Seconds(10);
  kraken::redis::RedisClientOptions redis;
  // How people know this bridge: "host:port".
  std::string bridge;
  // The one by which the lease ends.
  const kraken::Clock* clock = &kraken::SystemClock::Get();
};

// The lease, in Redis: asks for it, keeps it, and says whether it is held. Belongs to its loop's
// thread, but for Epoch(), Ended() and view(), which any thread may call.
class RedisLease final : public WriteLeave {
 public:
  // Called in the loop when it was gained or lost.
  using OnChange = std::function<void(bool held)>;

  // `loop` and `options.clock` outlive it. Begins to ask.
  RedisLease(kraken::net::EventLoop* loop, RedisLeaseOptions options, OnChange on_change);
  // Does not let it go: as the end of the process.
  ~RedisLease() override;

  absl::StatusOr<kraken::rpc::v1::WriteEpoch> Epoch() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Ended(const absl::Status& answer) override ABSL_LOCKS_EXCLUDED(mu_);
  LeaseView view() const ABSL_LOCKS_EXCLUDED(mu_);

  // Watermarks that the holder has written. `done` is called in the loop: not if this object ends
  // before. UNAVAILABLE: Redis does not answer.
  void GetWatermarks(std::function<void(absl::StatusOr<Watermarks>)> done);
  // Writes them down if the lease is held; else, and if Redis does not answer, nothing happens.
  void PutWatermarks(const Watermarks& watermarks);

  // Gives the lease back, so that another takes it at once, asks for it no more, and calls `done`
  // in the loop, after a short time at the latest. on_change is not called any more. Once.
  void Release(absl::AnyInvocable<void()> done);

 private:
  void Pump();
  void Ask(LeaseMachine::Question question);
  void OnTakeAnswer(const absl::StatusOr<kraken::redis::RedisValue>& answer);
  void OnRenewAnswer(const absl::StatusOr<kraken::redis::RedisValue>& answer);
  void OnProblem(const absl::Status& problem);
  bool Send(const LeaseCommand& command, kraken::redis::RedisClient::Reply reply);
  kraken::MonotonicTime Now() const { return clock_.MonotonicNow(); }

  kraken::net::EventLoop* const loop_;
  const kraken::Clock& clock_;
  const LeaseClaim claim_;
  const OnChange on_change_;
  mutable absl::Mutex mu_;
  LeaseMachine machine_ ABSL_GUARDED_BY(mu_);
  std::string problem_ ABSL_GUARDED_BY(mu_);
  bool told_held_ = false;
  bool told_problem_ = false;
  bool released_ = false;
  absl::AnyInvocable<void()> on_released_;
  kraken::net::TimerId timer_ = kraken::net::TimerId::kNone;
  std::shared_ptr<RedisLease*> alive_;
  std::unique_ptr<kraken::redis::RedisClient> redis_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_REDIS_LEASE_H_
