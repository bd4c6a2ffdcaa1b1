// What a route, the API or a command line says of agents.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "harbor_bridge/routing/agent_selector.h"
#include "kraken/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using harbor_bridge::AgentSelector;
  const auto selector =
      AgentSelector::Parse(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!selector.ok()) return 0;
  KH_CHECK(selector->share_per_10000 > 0 && selector->share_per_10000 <= AgentSelector::kWhole);
  // What is accepted is the same when it is said again, and a job's key may have it.
  const std::string text = selector->ToString();
  const auto again = AgentSelector::Parse(text);
  KH_CHECK(again.ok() && *again == *selector && again->ToString() == text);
  KH_CHECK(text.find('#') == std::string::npos && text.find(' ') == std::string::npos);
  return 0;
}
