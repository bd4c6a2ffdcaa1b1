#include "kraken/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/clock.h"
#include "kraken/base/status_util.h"
#include "kraken/base/worker_pool.h"

namespace kraken::net {
namespace {

// Names whose answers are kept; beyond it the cache starts anew.
constexpr size_t kMaxCached = 4096;

using Addresses = std::vector<SocketAddress>;

absl::StatusOr<Addresses> LookUp(const std::string& host) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error == EAI_NONAME || error == EAI_ADDRFAMILY || error == EAI_NODATA) {
    // A host whose only interface is the loopback has no "configured" address.
    hints.ai_flags = 0;
    error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  }
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("resolve ", host, ": ", ::gai_strerror(error)));
  }
  Addresses result;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    result.push_back(SocketAddress::FromSockaddr(a->ai_addr, a->ai_addrlen));
  }
  ::freeaddrinfo(list);
  if (result.empty()) return absl::UnavailableError(absl::StrCat("resolve ", host, ": no address"));
  return result;
}

absl::StatusOr<Addresses> WithPort(const absl::StatusOr<Addresses>& addresses, uint16_t port) {
  if (!addresses.ok()) return addresses.status();
  Addresses result;
  for (const SocketAddress& address : *addresses) result.push_back(address.WithPort(port));
  return result;
}

}  // namespace

class Resolver::Impl {
 public:
  // Runs in any thread.
  using Answer = absl::AnyInvocable<void(const absl::StatusOr<Addresses>&)>;

  explicit Impl(ResolverOptions options)
      : options_(options), pool_(options.threads, options.max_queue, "resolver") {}

  void Ask(const std::string& host, Answer answer) {
    absl::StatusOr<Addresses> known = absl::UnknownError("");
    {
      absl::MutexLock lock(&mutex_);
      if (auto it = cache_.find(host);
          it != cache_.end() && SystemClock::Get().MonotonicNow() < it->second.expires) {
        known = it->second.addresses;
      } else {
        std::vector<Answer>& waiting = waiting_[host];
        waiting.push_back(std::move(answer));
        if (waiting.size() > 1) return;
      }
    }
    if (known.ok()) return answer(known);  // NOLINT(bugprone-use-after-move): only else moved
    const absl::Status submitted = pool_.Submit([this, host] { Complete(host, LookUp(host)); });
    if (!submitted.ok()) Complete(host, Annotate(submitted, absl::StrCat("resolve ", host)));
  }

 private:
  struct Cached {
    Addresses addresses;
    MonotonicTime expires;
  };

  void Complete(const std::string& host, const absl::StatusOr<Addresses>& result) {
    std::vector<Answer> waiting;
    {
      absl::MutexLock lock(&mutex_);
      if (auto node = waiting_.extract(host); !node.empty()) waiting = std::move(node.mapped());
      if (result.ok()) {
        if (cache_.size() >= kMaxCached) cache_.clear();
        cache_[host] = {*result, SystemClock::Get().MonotonicNow() + options_.cache_ttl};
      }
    }
    for (Answer& answer : waiting) answer(result);
  }

  const ResolverOptions options_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::vector<Answer>> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Cached> cache_ ABSL_GUARDED_BY(mutex_);
  // Last: its threads use the rest.
  WorkerPool pool_;
};

Resolver::Resolver(ResolverOptions options) : impl_(std::make_unique<Impl>(options)) {}

Resolver::~Resolver() = default;

Resolver& Resolver::Default() {
  static Resolver* const resolver = new Resolver();
  return *resolver;
}

void Resolver::Resolve(absl::string_view host, uint16_t port, LoopHandle loop, Callback callback) {
  if (absl::StatusOr<SocketAddress> numeric = SocketAddress::FromIp(host, port); numeric.ok()) {
    loop.Post([callback = std::move(callback), address = *numeric]() mutable {
      callback(Addresses{address});
    });
    return;
  }
  impl_->Ask(std::string(host), [port, loop = std::move(loop), callback = std::move(callback)](
                                    const absl::StatusOr<Addresses>& found) mutable {
    loop.Post([callback = std::move(callback), result = WithPort(found, port)]() mutable {
      callback(std::move(result));
    });
  });
}

absl::StatusOr<std::vector<SocketAddress>> Resolver::ResolveBlocking(absl::string_view host,
                                                                     uint16_t port) {
  if (absl::StatusOr<SocketAddress> numeric = SocketAddress::FromIp(host, port); numeric.ok()) {
    return Addresses{*numeric};
  }
  absl::StatusOr<Addresses> result = absl::UnknownError("not asked");
  absl::Notification done;
  impl_->Ask(std::string(host), [&](const absl::StatusOr<Addresses>& found) {
    result = WithPort(found, port);
    done.Notify();
  });
  done.WaitForNotification();
  return result;
}

}  // namespace kraken::net
