// For tests: origins that say what the test tells them to, over real streams.
#ifndef KRAKEN_DAEMON_TEST_ORIGIN_H_
#define KRAKEN_DAEMON_TEST_ORIGIN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kraken/base/digest.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::daemon {

inline constexpr uint64_t kTestPieceLength = 1 << 20;

// The digest whose bytes are all `byte`.
Digest TestDigest(uint8_t byte);

// A peer on this host, named by its port.
rpc::v1::Peer TestPeerAt(int port, const std::string& zone = "");

// What an origin says of a blob of `count` pieces from piece `first` on.
rpc::v1::MetainfoNews TestRange(const Digest& digest, int first, int count);

// An origin process whose watchers are answered by the test.
class TestOrigin final : private rpc::OriginHandler {
 public:
  explicit TestOrigin(net::LoopThread& loop) : loop_(loop), process_(loop, {&service_}) {}

  const std::string& address() const { return process_.address(); }

  // The watch that came as number `index`, waited for.
  struct Watch {
    rpc::v1::WatchMetainfoRequest request;
    std::shared_ptr<rpc::MetainfoOutlet> outlet;
  };
  Watch WaitForWatch(size_t index) { return watches_.Wait(index); }
  bool HasWatch(size_t index, absl::Duration patience) { return watches_.Has(index, patience); }
  size_t watch_count() { return watches_.size(); }
  // Until `count` watches have ended.
  void WaitForClosed(size_t count) { closed_.Wait(count - 1); }
  // Breaks all streams, and serves no more.
  void Die() { process_.Stop(); }

 private:
  void OnWatchMetainfo(rpc::v1::WatchMetainfoRequest request,
                       std::shared_ptr<rpc::MetainfoOutlet> outlet) override {
    watches_.Put({std::move(request), std::move(outlet)});
  }
  void OnPrefetch(rpc::v1::PrefetchRequest, std::shared_ptr<rpc::ProgressOutlet> outlet) override {
    outlet->Finish(absl::UnimplementedError("not in this test"));
  }
  void OnStat(rpc::v1::StatRequest,
              std::function<void(absl::StatusOr<rpc::v1::StatReply>)> reply) override {
    reply(absl::UnimplementedError("not in this test"));
  }
  void OnMetainfoStreamClosed(const std::shared_ptr<rpc::MetainfoOutlet>&) override {
    closed_.Put(1);
  }
  void OnProgressStreamClosed(const std::shared_ptr<rpc::ProgressOutlet>&) override {}

  net::LoopThread& loop_;
  rpc::Mailbox<Watch> watches_;
  rpc::Mailbox<int> closed_;
  rpc::OriginService service_{loop_.loop().handle(), this};
  rpc::TestProcess process_;
};

// What a tracker's parts need to reach origins; made and destroyed in the loop.
struct OriginAccess {
  // A host is out of the ring after one failure; nobody is probed.
  OriginAccess(net::EventLoop* loop, std::vector<std::string> origins, int max_replica);

  rpc::ChannelDirectory directory;
  rpc::OriginClient client;
  std::unique_ptr<cluster::ClusterMonitor> cluster;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_TEST_ORIGIN_H_
