#include "kraken/daemon/rpc_admin_gate.h"

#include "gtest/gtest.h"

namespace kraken::daemon {
namespace {

// What a real server makes of calls: //harbor_bridge/status:bridge_service_test.
TEST(RpcAdminGateTest, KnowsWhoIsOnThisHost) {
  for (const char* peer :
       {"ipv4:127.0.0.1:50000", "ipv4:127.8.9.1:1", "ipv6:%5B::1%5D:50000", "ipv6:[::1]:50000"}) {
    EXPECT_TRUE(IsLoopbackPeer(peer)) << peer;
  }
  for (const char* peer :
       {"", "ipv4:", "ipv4:192.0.2.1:50000", "ipv6:%5B2001:db8::1%5D:50000", "ipv4:127.0.0.1",
        "ipv6:%5B::1%5D", "ipv6:%5", "unknown", "127.0.0.1:50000", "ipv4:localhost:50000"}) {
    EXPECT_FALSE(IsLoopbackPeer(peer)) << peer;
  }
}

}  // namespace
}  // namespace kraken::daemon
