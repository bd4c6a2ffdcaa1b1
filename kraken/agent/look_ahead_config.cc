#include "kraken/agent/look_ahead_config.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace kraken::agent {

void ReadConfig(config::ObjectReader& r, LookAheadConfig* c) {
  r.Optional("enabled", &c->enabled);
  std::vector<std::string> texts;
  if (!r.Optional("platforms", &texts)) return;
  c->platforms.clear();
  for (const std::string& text : texts) {
    absl::StatusOr<registry::Platform> platform = registry::Platform::Parse(text);
    if (!platform.ok()) {
      r.Error("platforms", platform.status().message());
      return;
    }
    c->platforms.push_back(*std::move(platform));
  }
}

}  // namespace kraken::agent
