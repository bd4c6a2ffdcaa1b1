#ifndef KRAKEN_NET_RESOLVER_H_
#define KRAKEN_NET_RESOLVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {

struct ResolverOptions {
  static constexpr int kDefaultThreads = 4;
  static constexpr size_t kDefaultMaxQueue = 1024;

  int threads = kDefaultThreads;
  size_t max_queue = kDefaultMaxQueue;
  // A positive answer is reused for this long, so that a burst of connections asks once.
  absl::Duration cache_ttl = absl::Seconds(5);
};

// Turns names into addresses: IPv6 and IPv4, in the system's order of preference (RFC 6724).
//
// Asks getaddrinfo() on a few threads of its own rather than libevent's evdns: an operator expects
// nsswitch.conf, /etc/hosts as it is now, search domains and TCP for long answers (a headless
// service with many pods) to work as in any other program; evdns has the last two of these not at
// all or only as they were at start-up. Questions for one name asked at the same time are asked
// once. Numeric addresses never visit a thread.
//
// Thread-safe.
class Resolver {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<std::vector<SocketAddress>>)>;

  explicit Resolver(ResolverOptions options = {});
  // Waits for look-ups in progress (the system's resolver cannot be interrupted); callbacks that
  // did not run are destroyed.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Runs `callback` in `loop`, never inside this call, with at least one address.
  // UNAVAILABLE: no such name, or the name servers do not answer. RESOURCE_EXHAUSTED: too many
  // questions wait. Set a time limit of your own: the system's is about 10 s.
  void Resolve(absl::string_view host, uint16_t port, LoopHandle loop, Callback callback);
  // The same for a thread that may block.
  absl::StatusOr<std::vector<SocketAddress>> ResolveBlocking(absl::string_view host, uint16_t port);

  // The process's own, made at first use and never destroyed.
  static Resolver& Default();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_RESOLVER_H_
