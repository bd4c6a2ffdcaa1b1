#ifndef KRAKEN_AGENT_LOOK_AHEAD_CONFIG_H_
#define KRAKEN_AGENT_LOOK_AHEAD_CONFIG_H_

#include <vector>

#include "kraken/config/reader.h"
#include "kraken/registry/platform.h"

namespace kraken::agent {

// Section `look_ahead`.
struct LookAheadConfig {
  bool enabled = true;
  // What this node's images run on.
  std::vector<registry::Platform> platforms = {
      {.os = "linux", .architecture = "amd64", .variant = {}, .os_version = {}}};
};
void ReadConfig(config::ObjectReader& r, LookAheadConfig* c);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_LOOK_AHEAD_CONFIG_H_
