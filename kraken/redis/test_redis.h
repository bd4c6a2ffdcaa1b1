#ifndef KRAKEN_REDIS_TEST_REDIS_H_
#define KRAKEN_REDIS_TEST_REDIS_H_

#include <sys/types.h>

#include <memory>
#include <string>

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

  // Waits until it takes connections. Again, after Kill(): with an empty memory.
  void Start();
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
