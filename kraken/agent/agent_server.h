#ifndef KRAKEN_AGENT_AGENT_SERVER_H_
#define KRAKEN_AGENT_AGENT_SERVER_H_

#include "kraken/agent/downloads.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/router.h"
#include "kraken/rpc/build_index_client.h"

namespace kraken::agent {

struct AgentServerParts {
  net::EventLoop* control = nullptr;
  Downloads* downloads = nullptr;
  rpc::BuildIndexClient* build_index = nullptr;
};

// The agent's HTTP endpoints beside the registry, as Kraken has them:
//   GET    /tags/{tag}      the digest of an escaped "repository:tag": "sha256:…"; 404
//   DELETE /blobs/{digest}  removes a blob, and stops its download; from this host only
// Everything in `parts` outlives the router.
void AddAgentRoutes(net::Router& router, const AgentServerParts& parts);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_SERVER_H_
