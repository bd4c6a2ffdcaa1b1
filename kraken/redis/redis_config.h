#ifndef KRAKEN_REDIS_REDIS_CONFIG_H_
#define KRAKEN_REDIS_REDIS_CONFIG_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kraken/config/reader.h"
#include "kraken/config/tls_config.h"
#include "kraken/redis/redis_client.h"

namespace kraken::redis {

// Where a Redis is and how it is spoken to.
struct RedisConfig {
  std::string addr;  // host:port
  // Of Redis's access control list; without one the password is that of its user `default`.
  std::string username;
  std::string password;
  // Section `tls`: TLS, unless it says `client.disabled: true`. Without the section, plain text.
  std::optional<config::TlsConfig> tls;
};
// The members above, for sections that have more. `in_use`: `addr` must be there.
void ReadRedisConfig(config::ObjectReader& r, RedisConfig* c, bool in_use);
void ReadConfig(config::ObjectReader& r, RedisConfig* c);

// What is not configured is as it comes. Errors as net::TlsContext::CreateClient().
// REQUIRES: read as in use.
absl::StatusOr<RedisClientOptions> MakeRedisClientOptions(const RedisConfig& config);

}  // namespace kraken::redis

#endif  // KRAKEN_REDIS_REDIS_CONFIG_H_
