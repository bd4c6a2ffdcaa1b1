#ifndef HARBOR_BRIDGE_STATUS_BRIDGE_MESSAGES_H_
#define HARBOR_BRIDGE_STATUS_BRIDGE_MESSAGES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "kraken/rpc/bridge.pb.h"
#include "kraken/storage/job.h"

namespace harbor_bridge {

// What BridgeAdmin takes and gives, as kraken/rpc/bridge.proto has it.

PreheatOrder FromProto(const kraken::rpc::v1::PreheatRequest& request);

// Nothing: any. INVALID_ARGUMENT: a state that the queue does not know.
absl::StatusOr<std::optional<kraken::storage::JobState>> FromProto(
    kraken::rpc::v1::BridgeJobState state);

// Each once. INVALID_ARGUMENT: none, or too many.
inline constexpr int kMaxWatchedJobs = 1000;
absl::StatusOr<std::vector<std::string>> KeysOf(const kraken::rpc::v1::WatchJobsRequest& request);

kraken::rpc::v1::BridgeJob ToProto(const JobDetails& details);
// Of a large page, the beginning: gRPC's clients refuse messages of more than 4 MiB.
kraken::rpc::v1::ListJobsReply ToProto(const JobPage& page);
kraken::rpc::v1::BridgeHarbor ToProto(const HarborDetails& details);
kraken::rpc::v1::ExplainRouteReply ToProto(const RouteExplanation& explanation);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_BRIDGE_MESSAGES_H_
