#ifndef HARBOR_BRIDGE_LEASE_WRITE_LEAVE_H_
#define HARBOR_BRIDGE_LEASE_WRITE_LEAVE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/rpc/common.pb.h"

namespace harbor_bridge {

// Whether this bridge may write to clusters, and under which epoch. Thread-safe.
class WriteLeave {
 public:
  virtual ~WriteLeave() = default;

  // What a write carries that begins now. ABORTED: none may; what it was for is another bridge's
  // work, or this one's at another time.
  virtual absl::StatusOr<kraken::rpc::v1::WriteEpoch> Epoch() const = 0;

  // To be told how each write ended; the error to go on with. A refusal as too old is ABORTED, and
  // this bridge writes no more until it holds the lease again.
  virtual absl::Status Ended(const absl::Status& answer) = 0;
};

// For the only bridge, which has no lease.
class NoLease final : public WriteLeave {
 public:
  absl::StatusOr<kraken::rpc::v1::WriteEpoch> Epoch() const override {
    return kraken::rpc::v1::WriteEpoch();
  }
  absl::Status Ended(const absl::Status& answer) override { return answer; }
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_WRITE_LEAVE_H_
