// absl::Status and gRPC's status are the same canonical codes: mapped here and nowhere else.
#ifndef KRAKEN_RPC_STATUS_H_
#define KRAKEN_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "kraken/rpc/common.pb.h"

namespace kraken::rpc {

// Messages longer than this are cut: they travel in a header.
inline constexpr size_t kMaxStatusMessageBytes = 2048;

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

v1::Failure ToFailure(const absl::Status& status);
// Never OK: a failure that claims to be is UNKNOWN.
absl::Status FromFailure(const v1::Failure& failure);

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_STATUS_H_
