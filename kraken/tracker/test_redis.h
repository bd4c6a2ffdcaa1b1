#ifndef KRAKEN_TRACKER_TEST_REDIS_H_
#define KRAKEN_TRACKER_TEST_REDIS_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "kraken/registry/testing/child_process.h"
#include "kraken/tracker/redis_client.h"

namespace kraken::tracker {

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

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_TEST_REDIS_H_
