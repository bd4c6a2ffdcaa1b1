// For tests: what real servers and clients on loopback need.
#ifndef KRAKEN_RPC_RPC_TEST_UTIL_H_
#define KRAKEN_RPC_RPC_TEST_UTIL_H_

#include <grpcpp/impl/service_type.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/rpc_server.h"

namespace kraken::rpc {

// How long a test waits for what must happen.
inline constexpr absl::Duration kTestPatience = absl::Seconds(20);

// A list that loops fill and the test waits on. Thread-safe.
template <typename T>
class Mailbox {
 public:
  void Put(T item) {
    absl::MutexLock lock(&mu_);
    items_.push_back(std::move(item));
  }
  // Whether there is an item at `index` within `patience`.
  bool Has(size_t index, absl::Duration patience) {
    absl::MutexLock lock(&mu_);
    return Await(index, patience);
  }
  // The item at `index`, as soon as there is one.
  T Wait(size_t index) {
    absl::MutexLock lock(&mu_);
    if (!Await(index, kTestPatience)) {
      ADD_FAILURE() << "nothing came at index " << index;
      return T();
    }
    return items_[index];
  }
  size_t size() {
    absl::MutexLock lock(&mu_);
    return items_.size();
  }

 private:
  bool Await(size_t index, absl::Duration patience) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto there = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return items_.size() > index; };
    return mu_.AwaitWithTimeout(absl::Condition(&there), patience);
  }

  absl::Mutex mu_;
  std::vector<T> items_ ABSL_GUARDED_BY(mu_);
};

// A process of ours in small: the HTTP face that names the gRPC port, and a gRPC server.
class TestProcess {
 public:
  // Has an address, and no gRPC until Serve().
  explicit TestProcess(net::LoopThread& loop);
  TestProcess(net::LoopThread& loop, const std::vector<grpc::Service*>& services)
      : TestProcess(loop) {
    Serve(services);
  }
  ~TestProcess() { Stop(); }

  // Also again, after Stop(); then on another port unless `grpc_port` names the old one.
  void Serve(const std::vector<grpc::Service*>& services, int grpc_port = 0);
  // Breaks all streams, as the death of the process does. What services on the process's own loop
  // were told has then been consumed.
  void Stop();

  // Of the HTTP face, `host:port`.
  const std::string& address() const { return http_address_; }
  int grpc_port() const { return grpc_port_; }

 private:
  net::LoopThread& loop_;
  std::atomic<int> grpc_port_{0};
  std::unique_ptr<RpcServer> server_;
  net::HttpServer http_;
  std::string http_address_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_RPC_TEST_UTIL_H_
