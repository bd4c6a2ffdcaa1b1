// For tests: a tracker that says what it is told, over real gRPC.
#ifndef KRAKEN_AGENT_TESTING_SCRIPTED_TRACKER_H_
#define KRAKEN_AGENT_TESTING_SCRIPTED_TRACKER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::agent {

// The blob's piece list as an origin without TLS gives it.
rpc::v1::Metainfo MetainfoProtoOf(const storage::TestBlob& blob);
// A blob that travels with its metainfo.
rpc::v1::Metainfo InlineMetainfo(const std::string& bytes);

// Answers who wants a blob's metainfo as the script says; silent about all other blobs. Its methods
// are called by the test's thread.
class ScriptedTracker : private rpc::AnnounceHandler {
 public:
  const std::string& address() const { return process_.address(); }
  // All streams break; afterwards a new process without memory, but with the same script.
  void Stop() { process_.Stop(); }
  void Start() { process_.Serve({&service_}); }

  // From now on the blob has this metainfo, or fails so. Whoever has asked already hears it too.
  void Offer(const Digest& digest, const rpc::v1::Metainfo& metainfo);
  void Fail(const Digest& digest, const absl::Status& failure);
  // Offers the blob's piece list, and these peers to who wants some.
  void Offer(const storage::TestBlob& blob, const std::vector<swarm::PeerInfo>& peers);
  // Says something unasked, on every stream.
  void Push(const rpc::v1::TorrentNews& news);
  // Gives an order, on every stream; what agents say of it is in `statuses`.
  void Order(const rpc::v1::AgentOrder& order);
  rpc::Mailbox<rpc::v1::OrderStatus>& statuses() { return statuses_; }
  // What the last who said hello is chosen by; nothing: it takes no orders.
  std::optional<rpc::v1::AgentTraits> traits();

  // How many times a stream has begun, and a blob's metainfo has been asked for (not counting
  // announces that want more of it); the latter's last namespace.
  int streams();
  int asked(const Digest& digest);
  std::string asked_namespace(const Digest& digest);
  // Waits until the metainfo has been asked for so often; false after a generous time.
  bool WaitUntilAsked(const Digest& digest, int times = 1);
  bool WaitForStreams(int count);
  // Waits until somebody has said that the metainfo is wanted no more.
  bool WaitUntilGivenUp(const Digest& digest);
  // Records of torrents (not mere questions) of this digest, in order.
  std::vector<rpc::v1::AnnounceRecord> announced(const Digest& digest);

 private:
  struct Blob {
    rpc::v1::TorrentNews news;
    bool has_script = false;
    std::vector<rpc::v1::Peer> peers;
    int asked = 0;
    int given_up = 0;
    std::string asked_namespace;
    std::vector<rpc::v1::AnnounceRecord> announced;
  };

  void OnAnnounce(const std::shared_ptr<rpc::AnnounceOutlet>& stream,
                  rpc::v1::AnnounceRequest request) override;
  void OnStreamClosed(const std::shared_ptr<rpc::AnnounceOutlet>& stream) override;
  void Tell(const Digest& digest, const rpc::v1::TorrentNews& news,
            const std::vector<rpc::v1::Peer>& peers);
  void WriteToAll(const rpc::v1::TorrentNews& news) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Mutex mu_;
  int streams_begun_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::shared_ptr<rpc::AnnounceOutlet>> streams_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Blob> blobs_ ABSL_GUARDED_BY(mu_);  // by the digest's bytes
  std::optional<rpc::v1::AgentTraits> traits_ ABSL_GUARDED_BY(mu_);
  rpc::Mailbox<rpc::v1::OrderStatus> statuses_;

  net::LoopThread loop_{"tracker"};
  rpc::AnnounceService service_{loop_.loop().handle(), this};
  rpc::TestProcess process_{loop_, {&service_}};
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_TESTING_SCRIPTED_TRACKER_H_
