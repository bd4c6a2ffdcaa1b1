// For tests: what is needed to talk to a real server on loopback.
#ifndef KRAKEN_RPC_TEST_PROCESS_H_
#define KRAKEN_RPC_TEST_PROCESS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/capabilities.h"
#include "kraken/rpc/rpc_server.h"

namespace kraken::rpc {

// A list that loops fill and the test waits on.
template <typename T>
class Mailbox {
 public:
  void Put(T item) {
    absl::MutexLock lock(&mu_);
    items_.push_back(std::move(item));
  }
  // The item at `index`, as soon as there is one.
  T Wait(size_t index) {
    absl::MutexLock lock(&mu_);
    const auto there = [&] { return items_.size() > index; };
    if (!mu_.AwaitWithTimeout(absl::Condition(&there), kLimit)) {
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
  static constexpr absl::Duration kLimit = absl::Seconds(20);

  absl::Mutex mu_;
  std::vector<T> items_;
};

// A process of ours in small: the HTTP face that names the gRPC port, and a gRPC server. Belongs to
// the test's thread; the HTTP face answers in `loop`.
class FakeProcess {
 public:
  FakeProcess(net::LoopThread& loop, const std::vector<grpc::Service*>& services)
      : services_(services), http_({&loop.loop()}, net::HttpServerOptions(), [this](auto exchange) {
          exchange->Respond(
              200, {}, ToJson({.role = "test", .grpc_port = grpc_port_.load(), .grpc_tls = false}));
        }) {
    StartRpc();
    auto address = http_.Listen("127.0.0.1:0");
    EXPECT_OK(address);
    http_address_ = address->ToString();
  }

  // Of the HTTP face.
  const std::string& address() const { return http_address_; }
  RpcServer& server() { return *server_; }

  // A restart, as the clients see it: the streams break, then there is a server on another port.
  void StopRpc() { server_->Shutdown(absl::ZeroDuration()); }
  void StartRpc() {
    auto server = RpcServer::Start({.address = "127.0.0.1:0", .tls = {}}, services_);
    EXPECT_OK(server);
    server_ = *std::move(server);
    grpc_port_ = static_cast<uint16_t>(server_->port());
  }

 private:
  const std::vector<grpc::Service*> services_;
  std::atomic<uint16_t> grpc_port_{0};
  std::unique_ptr<RpcServer> server_;
  net::HttpServer http_;
  std::string http_address_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_TEST_PROCESS_H_
