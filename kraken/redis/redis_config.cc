#include "kraken/redis/redis_config.h"

#include <utility>

#include "kraken/backend/tls_client.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/socket_address.h"

namespace kraken::redis {

void ReadRedisConfig(config::ObjectReader& r, RedisConfig* c, bool in_use) {
  const bool has_addr = in_use ? r.Required("addr", &c->addr) : r.Optional("addr", &c->addr);
  if (in_use && has_addr && !net::SplitHostPort(c->addr).ok()) {
    r.Error("addr", "is to say where Redis listens, as host:port");
  }
  r.Optional("username", &c->username);
  r.Optional("password", &c->password);
  if (!c->username.empty() && c->password.empty()) {
    r.Error("username", "needs a password beside it");
  }
  r.Optional("tls", &c->tls);
}

void ReadConfig(config::ObjectReader& r, RedisConfig* c) { ReadRedisConfig(r, c, /*in_use=*/true); }

absl::StatusOr<RedisClientOptions> MakeRedisClientOptions(const RedisConfig& config) {
  KH_ASSIGN_OR_RETURN(const net::HostPort address, net::SplitHostPort(config.addr));
  RedisClientOptions options;
  options.host = address.host;
  options.port = address.port;
  options.username = config.username;
  options.password = config.password;
  if (config.tls.has_value() && !config.tls->client.disabled) {
    KH_ASSIGN_OR_RETURN(options.tls, backend::MakeTlsClient(*config.tls));
  }
  return options;
}

}  // namespace kraken::redis
