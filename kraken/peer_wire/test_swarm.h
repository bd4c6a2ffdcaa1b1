// For tests: nodes with real loops, stores and sockets on 127.0.0.1, and a tracker in this process.
#ifndef KRAKEN_PEER_WIRE_TEST_SWARM_H_
#define KRAKEN_PEER_WIRE_TEST_SWARM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/test_certificates.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/environment.h"

namespace kraken::peer_wire {

// How long a test waits for what must happen.
inline constexpr absl::Duration kTestPatience = absl::Seconds(60);

class TestNode;

// Knows all peers of all swarms, and hands out all to all. Thread-safe.
class TestTracker {
 public:
  void Announce(TestNode* from, const swarm::AnnounceRecord& record);
  // Hands out nobody for this node, and does not tell others of it.
  void Forget(TestNode* node);

 private:
  absl::Mutex mu_;
  absl::flat_hash_map<swarm::TorrentKey, std::vector<TestNode*>> peers_ ABSL_GUARDED_BY(mu_);
};

struct TestNodeOptions {
  bool origin = false;
  // Where it listens, and is dialled.
  std::string ip = "127.0.0.1";
  WireFaults faults;
  WireLimits limits;
  TransportSecurity security;
  swarm::SwarmConfig swarm;
  std::shared_ptr<const swarm::PieceListVerifier> verifier;
  std::function<void(const swarm::TorrentKey&)> on_missing;
  // Random if all zeros.
  PeerId id;
  // Of a store to use again; empty: a new one.
  std::string store_root;
  ByteCount quota{0};
};

// A host: its own threads, store and swarm node. Its methods are called by the test's thread.
class TestNode : private swarm::Announcer {
 public:
  explicit TestNode(TestTracker* tracker, const TestNodeOptions& options = {});
  // Shuts down in an orderly way.
  ~TestNode() override;

  SwarmNode& node() { return *node_; }
  storage::BlobStore& store() { return *store_; }
  net::EventLoop& loop() { return control_.loop(); }
  const std::string& store_root() const { return store_root_; }
  const swarm::PeerInfo& self() const { return self_; }

  // Runs on the control loop, and waits.
  void Run(std::function<void()> fn);
  SwarmNodeStats Stats();

  // Stores the whole blob.
  void Store(const storage::TestBlob& blob);
  // Begins to fetch; the result can be waited for.
  class Fetch;
  std::shared_ptr<Fetch> Leech(const storage::TestBlob& blob);
  std::shared_ptr<Fetch> Leech(swarm::Metainfo metainfo);
  void ExpectStored(const storage::TestBlob& blob);

 private:
  friend class TestTracker;
  void Announce(swarm::TorrentId torrent, const swarm::AnnounceRecord& record) override;

  TestTracker* const tracker_;
  std::string store_root_;
  WorkerPool disk_;
  std::unique_ptr<storage::BlobStore> store_;
  net::LoopPool io_;
  net::LoopThread control_;
  swarm::PeerInfo self_;
  std::unique_ptr<SwarmNode> node_;
};

class TestNode::Fetch {
 public:
  // DEADLINE_EXCEEDED after `patience`.
  absl::Status Wait(absl::Duration patience = kTestPatience);
  bool HasEnded() { return done_.HasBeenNotified(); }
  void End(absl::Status status);

 private:
  absl::Status status_;
  absl::Notification done_;
};

// Mutual TLS: a certificate for `name` by `issuer`, and trust in those of `trusted`.
TransportSecurity MakeTestSecurity(const net::TestCa& trusted, net::TestCa& issuer,
                                   const std::string& name);

// What an origin's list of the blob says.
swarm::Metainfo MetainfoOf(const storage::TestBlob& blob);

// Waits until `condition` holds; false after kTestPatience.
bool WaitFor(std::function<bool()> condition);

// Reads a whole range as a client would, while it arrives; an error if it can't be had. Runs on the
// node's control loop.
absl::Status ReadToEnd(TestNode& node, const Digest& digest, ByteOffset offset, ByteCount length,
                       std::string* out);

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_TEST_SWARM_H_
