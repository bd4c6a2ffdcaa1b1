#include "kraken/rpc/rpc_test_util.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/test_util.h"
#include "kraken/rpc/capabilities.h"

namespace kraken::rpc {

TestProcess::TestProcess(net::LoopThread& loop)
    : loop_(loop), http_({&loop.loop()}, net::HttpServerOptions(), [this](auto exchange) {
        const int port = grpc_port_;
        if (port == 0) {
          exchange->Respond(503, {}, "");
          return;
        }
        exchange->Respond(
            200, {},
            ToJson({.role = "test", .grpc_port = static_cast<uint16_t>(port), .grpc_tls = false}));
      }) {
  auto address = http_.Listen("127.0.0.1:0");
  EXPECT_OK(address);
  http_address_ = address->ToString();
}

void TestProcess::Serve(const std::vector<grpc::Service*>& services, int grpc_port) {
  auto server =
      RpcServer::Start({.address = absl::StrCat("127.0.0.1:", grpc_port), .tls = {}}, services);
  ASSERT_OK(server);
  server_ = *std::move(server);
  grpc_port_ = server_->port();
}

void TestProcess::Stop() {
  if (server_ == nullptr) return;
  grpc_port_ = 0;
  server_->Shutdown(absl::ZeroDuration());
  server_ = nullptr;
  loop_.RunAndWait([] {});
}

}  // namespace kraken::rpc
