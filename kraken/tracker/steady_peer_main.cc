// For tests: a peer in a process of its own, to be stopped, continued and killed.
//
//   steady_peer_process TRACKER PORT
//
// Prints "connected" each time that its announce stream stands.
#include <cstdio>

#include "absl/strings/numbers.h"
#include "kraken/base/check.h"
#include "kraken/net/event_loop.h"
#include "kraken/tracker/steady_peer.h"

int main(int argc, char** argv) {
  kraken::tracker::SteadyPeer::Options options;
  KH_CHECK(argc == 3 && absl::SimpleAtoi(argv[2], &options.port));
  options.tracker = argv[1];
  kraken::net::EventLoop loop;
  const kraken::tracker::SteadyPeer peer(&loop, options, {.on_connected = [] {
    std::puts("connected");
    std::fflush(stdout);
  }});
  loop.Run();
}
