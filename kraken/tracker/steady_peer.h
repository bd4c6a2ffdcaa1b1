#ifndef KRAKEN_TRACKER_STEADY_PEER_H_
#define KRAKEN_TRACKER_STEADY_PEER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/announce_client.h"
#include "kraken/rpc/channel_directory.h"

namespace kraken::tracker {

// For tests: a peer with a real client, which connects again by itself, and announces the torrents
// TestDigest(1), TestDigest(2), … each `interval`, whether the tracker has just changed or not, as
// the engine does. Belongs to its loop's thread.
class SteadyPeer {
 public:
  struct Options {
    std::string tracker;  // of its HTTP face
    int port = 0;
    int torrents = 1;
    absl::Duration interval = absl::Seconds(1);
  };
  struct Events {
    std::function<void()> on_connected;
    std::function<void(const absl::Status&)> on_disconnected;
    std::function<void(rpc::v1::TorrentNews)> on_news;
  };

  SteadyPeer(net::EventLoop* loop, const Options& options, Events events);
  ~SteadyPeer();

 private:
  void Announce();

  net::EventLoop* const loop_;
  const Options options_;
  rpc::ChannelDirectory directory_;
  std::unique_ptr<rpc::AnnounceClient> client_;
  net::TimerId timer_ = net::TimerId::kNone;
};

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_STEADY_PEER_H_
