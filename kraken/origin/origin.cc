#include "kraken/origin/origin.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/backend/backend_set.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/worker_pool.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/daemon/blob_store_config.h"
#include "kraken/daemon/epoch_fence.h"
#include "kraken/daemon/http_front.h"
#include "kraken/daemon/kraken_gate.h"
#include "kraken/daemon/rpc_listener.h"
#include "kraken/daemon/shutdown_sequence.h"
#include "kraken/daemon/start_error.h"
#include "kraken/daemon/swarm_setup.h"
#include "kraken/daemon/tls/tls_settings.h"
#include "kraken/daemon/version.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/inherited_sockets.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/origin/kraken_routes.h"
#include "kraken/origin/kraken_sums.h"
#include "kraken/origin/origin_hub.h"
#include "kraken/origin/origin_metrics.h"
#include "kraken/origin/origin_server.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/storage/blob_store.h"
#include "kraken/swarm/environment.h"
#include "kraken/telemetry/log.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::origin {
namespace {

constexpr size_t kMaxIoLoops = 16;
constexpr int kDiskThreads = 4;
constexpr size_t kMaxDiskQueue = 16384;
constexpr int kReplicaLinks = 4;
constexpr absl::Duration kGrace = absl::Seconds(10);

// Trackers and origins find the blob whole or not at all: an origin seeds, it asks no tracker.
class NoAnnouncer final : public swarm::Announcer {
 public:
  void Announce(swarm::TorrentId, const swarm::AnnounceRecord&) override {}
};

// Everything, in the order of construction; destroyed in reverse.
class Origin final : public daemon::Daemon {
 public:
  Origin(const OriginConfig& config, const OriginFlags& flags, const daemon::DaemonContext& context)
      : config_(config), flags_(flags), control_(*context.control), sockets_(context.sockets) {}

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, daemon::MakeTlsSettings(config_.common.tls, &metrics_));
    KH_ASSIGN_OR_RETURN(front_, daemon::HttpFront::Create(config_.common.http, config_.common.zap,
                                                          &metrics_, sockets_));
    auto backends = backend::BackendSet::Create(config_.backends);
    if (!backends.ok()) return daemon::WithExitCode(backends.status(), config::kExitNoBackend);
    backends_ = *std::move(backends);
    KH_ASSIGN_OR_RETURN(store_, daemon::OpenBlobStore(config_.castore, disk_));
    auto fence = daemon::EpochFence::Open(&control_, &disk_, Directories());
    if (!fence.ok()) return daemon::WithExitCode(fence.status(), config::kExitDirectoryNotWritable);
    fence_ = *std::move(fence);
    KH_RETURN_IF_ERROR(JoinCluster());
    KH_RETURN_IF_ERROR(StartNode());
    return Serve();
  }

  absl::Status Readiness() override { return absl::OkStatus(); }

  void ReopenLogs() override { front_->ReopenLog(); }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    shutdown_.Add("requests", [this](auto next) {
      rpc_server_->SetServing(false);
      hub_->Stop();
      next();
    });
    shutdown_.AddBlocking("gRPC", [this] { rpc_server_->Shutdown(kGrace); });
    shutdown_.AddBlocking("backend fetches", [this] { fetcher_->Shutdown(); });
    shutdown_.AddBlocking("sums", [this] {
      if (sums_ != nullptr) sums_->Shutdown();
    });
    shutdown_.Add("swarm", [this](auto next) {
      node_->Shutdown([next = std::move(next)](absl::Status) mutable { next(); });
    });
    shutdown_.AddBlocking("disk", [this] { disk_.Shutdown(); });
    shutdown_.Add("http", [this](auto next) { http_->Shutdown(kGrace, std::move(next)); });
    shutdown_.Run(std::move(done));
  }

 private:
  // Of the blobs.
  std::vector<std::string> Directories() const {
    if (config_.castore.volumes.empty()) return {config_.castore.cache_dir};
    std::vector<std::string> directories;
    for (const daemon::VolumeConfig& volume : config_.castore.volumes) {
      directories.push_back(volume.location);
    }
    return directories;
  }

  absl::Status JoinCluster() {
    std::string hostname = flags_.blobserver_hostname;
    if (hostname.empty()) {
      char name[256] = {};
      gethostname(name, sizeof(name) - 1);
      hostname = name;
    }
    self_ = absl::StrCat(hostname, ":", flags_.blobserver_port);

    directory_ = std::make_unique<rpc::ChannelDirectory>(&control_, tls_.channels());
    client_ = std::make_unique<rpc::OriginClient>(&control_, directory_.get());

    cluster::ClusterMonitorOptions members;
    members.hosts = config_.cluster;
    members.health.filter = config_.healthcheck;
    members.health.monitor_interval = config_.healthcheck_interval;
    members.max_replica = config_.hashring.max_replica;
    members.tls = tls_.client;
    members.self = self_;
    auto monitor = cluster::ClusterMonitor::Create(&control_, members);
    if (!monitor.ok()) return daemon::WithExitCode(monitor.status(), config::kExitBadConfig);
    cluster_ = *std::move(monitor);
    if (config_.cluster.dns.empty() && !cluster_->ring()->Contains(self_)) {
      return daemon::WithExitCode(
          absl::FailedPreconditionError(
              absl::StrCat("this origin calls itself ", self_,
                           ", which is not in cluster.static: name it with "
                           "-blobserver-hostname and -blobserver-port as the list has it")),
          config::kExitBadConfig);
    }
    return absl::OkStatus();
  }

  absl::Status StartNode() {
    KH_ASSIGN_OR_RETURN(
        peer_wire::SwarmNodeOptions options,
        daemon::MakeSwarmNodeOptions(flags_.peer_ip, flags_.peer_port, tls_, config_.compat));
    options.control = &control_;
    options.io = &io_;
    options.store = store_.get();
    options.disk = &disk_;
    options.announcer = &announcer_;
    options.swarm = swarm::OriginSwarmConfig();
    // A copy is fetched from the source origin, which must be dialled.
    options.swarm.min_links = kReplicaLinks;
    options.swarm.max_dialed_links = kReplicaLinks;
    daemon::ApplyTo(options.swarm, config_.scheduler);
    options.self.origin = true;
    options.self.zone = rpc::ZoneTable::NumberFor(flags_.zone);
    auto node = peer_wire::SwarmNode::Create(std::move(options));
    if (!node.ok()) return daemon::WithExitCode(node.status(), config::kExitPortTaken);
    node_ = *std::move(node);
    return absl::OkStatus();
  }

  absl::Status Serve() {
    if (config_.compat.kraken) {
      sums_ = std::make_unique<KrakenSums>(&control_, store_.get(), config_.piece_lengths);
    }
    daemon::BlobFetcherOptions fetching;
    fetching.piece_lengths = config_.piece_lengths;
    fetching.max_fetches = config_.blobrefresh.max_fetches;
    if (sums_ != nullptr) {
      fetching.tap = [sums = sums_.get()](const Digest& digest,
                                          const storage::PieceLayout& stored) {
        return sums->MakeTap(digest, stored);
      };
    }
    fetcher_ = std::make_unique<daemon::BlobFetcher>(&control_, &backends_->router(), store_.get(),
                                                     std::move(fetching));
    OriginHub::Parts parts;
    parts.loop = &control_;
    parts.cluster = cluster_.get();
    parts.origins = client_.get();
    parts.node = node_.get();
    parts.store = store_.get();
    parts.fetcher = fetcher_.get();
    parts.disk = &disk_;
    parts.fence = fence_.get();
    parts.sums = sums_.get();
    parts.signer = tls_.signer;
    parts.self = self_;
    parts.zone = flags_.zone;
    hub_ = std::make_unique<OriginHub>(std::move(parts));
    if (tls_.signer != nullptr) {
      tls_.signer->OnReload(
          [this] { control_.handle().Post([this] { hub_->OnSignerChanged(); }); });
    }
    service_ = std::make_unique<rpc::OriginService>(control_.handle(), hub_.get());
    KH_ASSIGN_OR_RETURN(rpc_server_,
                        daemon::StartRpcServer(flags_.grpc_port, tls_.rpc, service_.get()));

    AddOriginRoutes(router_, {.control = &control_,
                              .hub = hub_.get(),
                              .store = store_.get(),
                              .cluster = cluster_.get()});
    AddKrakenRoutes(router_, {.control = &control_,
                              .hub = hub_.get(),
                              .gate = &gate_,
                              .self = node_->self(),
                              .zone = flags_.zone});
    origin_metrics_ =
        std::make_unique<OriginMetrics>(&metrics_, node_.get(), store_.get(), hub_.get());
    daemon::AddAdminRoutes(router_, {.capabilities = daemon::CapabilitiesOf("origin", *rpc_server_),
                                     .metrics = &metrics_,
                                     .control = &control_,
                                     .readiness = [this] { return Readiness(); },
                                     .refresh_metrics = [this] { origin_metrics_->Refresh(); }});
    KH_ASSIGN_OR_RETURN(http_, front_->Serve(admin_.loop(), flags_.blobserver_port,
                                             /*is_main=*/true, tls_.http_server, router_));
    node_->Start();
    return absl::OkStatus();
  }

  const OriginConfig config_;
  const OriginFlags flags_;
  net::EventLoop& control_;
  net::InheritedSockets* const sockets_;
  std::string self_;
  daemon::TlsSettings tls_;
  telemetry::Metrics metrics_{"kraken-origin", daemon::kVersion};
  std::unique_ptr<daemon::HttpFront> front_;
  NoAnnouncer announcer_;
  WorkerPool disk_{kDiskThreads, kMaxDiskQueue, "disk"};
  net::LoopThread admin_{"http"};
  net::LoopPool io_{"io", std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMaxIoLoops)};
  std::unique_ptr<backend::BackendSet> backends_;
  std::unique_ptr<storage::BlobStore> store_;
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::OriginClient> client_;
  std::unique_ptr<cluster::ClusterMonitor> cluster_;
  std::unique_ptr<peer_wire::SwarmNode> node_;
  std::unique_ptr<KrakenSums> sums_;
  std::unique_ptr<daemon::BlobFetcher> fetcher_;
  std::unique_ptr<daemon::EpochFence> fence_;
  std::unique_ptr<OriginHub> hub_;
  std::unique_ptr<rpc::OriginService> service_;
  std::unique_ptr<rpc::RpcServer> rpc_server_;
  daemon::KrakenGate gate_{config_.compat};
  net::Router router_;
  std::unique_ptr<OriginMetrics> origin_metrics_;
  std::unique_ptr<net::HttpServer> http_;
  daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartOrigin(const OriginConfig& config,
                                                            const OriginFlags& flags,
                                                            const daemon::DaemonContext& context) {
  auto origin = std::make_unique<Origin>(config, flags, context);
  KH_RETURN_IF_ERROR(origin->Start());
  return origin;
}

}  // namespace kraken::origin
