#include "kraken/config/listener_config.h"

#include <cstddef>

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

}  // namespace

void ReadConfig(ObjectReader& r, ListenerConfig* c) {
  r.Enum("net", &c->net,
         {{"tcp", ListenerConfig::Network::kTcp}, {"unix", ListenerConfig::Network::kUnix}});
  if (r.Optional("addr", &c->addr) && c->net == ListenerConfig::Network::kTcp &&
      !HasPort(c->addr)) {
    r.Error("addr", "expected \"host:port\" or \":port\"");
  }
}

}  // namespace kraken::config
