#ifndef KRAKEN_REDIS_TEST_REDIS_H_
#define KRAKEN_REDIS_TEST_REDIS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "kraken/net/tls_context.h"
#include "kraken/redis/redis_client.h"
#include "kraken/registry/testing/child_process.h"

namespace kraken::redis {

// For tests: a real redis-server (Debian's package), which keeps nothing on disk.
class TestRedis {
 public:
  // Takes a port, and starts nothing.
  TestRedis();
  // Kill().
  ~TestRedis();

  // Waits until it takes connections. Again, after Kill(): with an empty memory. `arguments` are
  // further ones of redis-server.
  void Start(const std::vector<std::string>& arguments = {});
  // As Start(), but it speaks TLS only, with this certificate.
  void StartWithTls(const net::TlsIdentity& identity, const std::string& ca_file);
  void Kill();
  // As a machine that is overloaded, or cut off: connections stay open, and nobody answers.
  void Stop();
  void Continue();

  RedisClientOptions options() const;

 private:
  const int port_;
  std::unique_ptr<registry::testing::ChildProcess> process_;
};

}  // namespace kraken::redis

#endif  // KRAKEN_REDIS_TEST_REDIS_H_
