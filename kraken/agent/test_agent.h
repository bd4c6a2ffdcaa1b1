// For tests: an agent's parts on real loops, with a real store, swarm node and registry.
#ifndef KRAKEN_AGENT_TEST_AGENT_H_
#define KRAKEN_AGENT_TEST_AGENT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kraken/agent/agent_config.h"
#include "kraken/agent/downloads.h"
#include "kraken/agent/look_ahead.h"
#include "kraken/agent/mirror_rules.h"
#include "kraken/agent/orders.h"
#include "kraken/agent/origin_pool.h"
#include "kraken/agent/pull_access.h"
#include "kraken/agent/registry_face.h"
#include "kraken/agent/tracker_pool.h"
#include "kraken/backend/namespace_router.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/worker_pool.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/net/socket_address.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/storage/blob_store.h"

namespace kraken::agent {

struct TestAgentOptions {
  std::string tracker;
  // Nobody listens there.
  std::string build_index = "127.0.0.1:1";
  DownloadConfig downloads;
  // Of origins that are asked past the tracker; empty: none is.
  std::vector<std::string> origins;
  // Outlives the agent; null: none is read.
  const backend::NamespaceRouter* backends = nullptr;
  std::vector<MirrorRule> mirrors;
  access::AccessConfig access;
  LookAheadConfig look_ahead = {.enabled = false, .platforms = {}};
  // Of the registry.
  net::HttpServerOptions http;
  std::map<std::string, std::string> labels;
  // Of the store; 0: all of the disk.
  ByteCount quota{0};
};

// As the agent itself puts them together. Its methods are called by the test's thread.
class TestAgent {
 public:
  explicit TestAgent(const TestAgentOptions& options);
  // Shuts down in an orderly way.
  ~TestAgent();
  TestAgent(const TestAgent&) = delete;
  TestAgent& operator=(const TestAgent&) = delete;

  // Runs on the control loop, and waits.
  void Run(std::function<void()> fn) { control_.RunAndWait(std::move(fn)); }

  // Belong to the control loop.
  Downloads& downloads() { return *downloads_; }
  peer_wire::SwarmNode& node() { return *node_; }
  Orders& orders() { return *orders_; }
  // Thread-safe.
  storage::BlobStore& store() { return *store_; }

  DownloadStats Stats();
  // Where clients pull from, and the endpoints beside it.
  const net::SocketAddress& registry_address() const { return registry_address_; }
  const net::SocketAddress& admin_address() const { return admin_address_; }

 private:
  void StartOnControl(const TestAgentOptions& options);
  void StartFallbacks(const TestAgentOptions& options);
  void Serve(const TestAgentOptions& options);

  const DownloadConfig config_;
  const std::vector<MirrorRule> mirrors_;
  WorkerPool disk_{2, 1000, "disk"};
  net::LoopPool io_{"io", 2};
  net::LoopThread control_{"control"};
  std::unique_ptr<storage::BlobStore> store_;
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<cluster::ClusterMonitor> members_;
  std::unique_ptr<TrackerPool> trackers_;
  std::unique_ptr<cluster::ClusterMonitor> origin_members_;
  std::unique_ptr<OriginPool> origins_;
  std::unique_ptr<daemon::BlobFetcher> backends_;
  std::unique_ptr<rpc::BuildIndexClient> build_index_;
  std::unique_ptr<peer_wire::SwarmNode> node_;
  std::unique_ptr<Downloads> downloads_;
  std::unique_ptr<Orders> orders_;
  std::unique_ptr<PullAccess> access_;
  std::unique_ptr<LookAhead> look_ahead_;
  std::unique_ptr<RegistryFace> registry_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> registry_server_;
  std::unique_ptr<net::HttpServer> admin_server_;
  net::SocketAddress registry_address_;
  net::SocketAddress admin_address_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_TEST_AGENT_H_
