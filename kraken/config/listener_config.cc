#include "kraken/config/listener_config.h"

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "kraken/config/reader.h"

namespace kraken::config {
namespace {

bool HasPort(absl::string_view addr) {
  const size_t colon = addr.rfind(':');
  int port = -1;
  return colon != absl::string_view::npos && absl::SimpleAtoi(addr.substr(colon + 1), &port) &&
         port >= 0 && port <= 65535;
}

// "0660" or "660".
std::optional<int> ParseMode(absl::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  int mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode * 8 + (c - '0');
  }
  return mode <= 0777 ? std::optional<int>(mode) : std::nullopt;
}

}  // namespace

void ReadConfig(ObjectReader& r, ListenerConfig* c) {
  r.Enum("net", &c->net,
         {{"tcp", ListenerConfig::Network::kTcp}, {"unix", ListenerConfig::Network::kUnix}});
  if (r.Optional("addr", &c->addr) && c->net == ListenerConfig::Network::kTcp &&
      !HasPort(c->addr)) {
    r.Error("addr", "expected \"host:port\" or \":port\"");
  }
  std::string mode;
  if (!r.Optional("mode", &mode)) return;
  c->mode = ParseMode(mode);
  if (!c->mode.has_value()) {
    r.Error("mode", "expected octal permissions, as in \"0660\"");
  } else if (c->net != ListenerConfig::Network::kUnix) {
    r.Error("mode", "only a unix-domain socket (net: unix) has permissions");
  }
}

}  // namespace kraken::config
