#ifndef KRAKEN_TRACKER_AGENT_SELECTION_H_
#define KRAKEN_TRACKER_AGENT_SELECTION_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kraken/base/peer_id.h"
#include "kraken/rpc/tracker.pb.h"

namespace kraken::tracker {

using Labels = std::map<std::string, std::string>;

// INVALID_ARGUMENT says what is wrong with what an agent says of itself.
absl::Status ReadLabels(const rpc::v1::AgentTraits& traits, Labels* labels);
// INVALID_ARGUMENT: a share above the whole.
absl::Status CheckSelection(const rpc::v1::AgentSelection& selection);

// Whether an agent is meant, but for the share.
bool Matches(const rpc::v1::AgentSelection& selection, const std::string& zone,
             const Labels& labels);

// The selection's share of those that match, rounded up: those whose ids have the lowest SHA-256,
// so that the same agents are chosen each time, and few others when some come or go.
std::vector<PeerId> TakeShare(const rpc::v1::AgentSelection& selection,
                              std::vector<PeerId> matching);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_AGENT_SELECTION_H_
