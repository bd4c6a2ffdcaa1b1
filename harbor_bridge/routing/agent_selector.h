#ifndef HARBOR_BRIDGE_ROUTING_AGENT_SELECTOR_H_
#define HARBOR_BRIDGE_ROUTING_AGENT_SELECTOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace harbor_bridge {

// Which agents are meant, in one spelling everywhere: routes, the API, krakenctl.
//
//   all                                    every agent
//   zone=a,zone=b                          those of either zone
//   label.disk=ssd,label.rack=7            those with both labels
//   share=10%                              a tenth of them, always the same; at least one
//   zone=a,label.disk=ssd,share=0.5%       a share of those that the rest means
struct AgentSelector {
  static constexpr uint32_t kWhole = 10'000;
  static constexpr size_t kMaxTerms = 64;

  std::vector<std::string> zones;  // sorted, each once
  std::map<std::string, std::string> labels;
  uint32_t share_per_10000 = kWhole;

  // INVALID_ARGUMENT names the term, and what would be one.
  static absl::StatusOr<AgentSelector> Parse(absl::string_view text);

  // As Parse() takes it; equal selectors have equal texts.
  std::string ToString() const;

  friend bool operator==(const AgentSelector&, const AgentSelector&) = default;
};

// For kraken/config/reader.h.
absl::Status ParseConfigScalar(const std::string& text, AgentSelector* out);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_ROUTING_AGENT_SELECTOR_H_
