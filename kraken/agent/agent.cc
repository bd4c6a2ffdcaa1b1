#include "kraken/agent/agent.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/agent/agent_metrics.h"
#include "kraken/agent/agent_server.h"
#include "kraken/agent/downloads.h"
#include "kraken/agent/look_ahead.h"
#include "kraken/agent/orders.h"
#include "kraken/agent/origin_pool.h"
#include "kraken/agent/pull_access.h"
#include "kraken/agent/registry_face.h"
#include "kraken/agent/tracker_pool.h"
#include "kraken/backend/backend_set.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/worker_pool.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/config/listener_config.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/daemon/blob_store_config.h"
#include "kraken/daemon/http_front.h"
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
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/storage/blob_store.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::agent {
namespace {

constexpr size_t kMaxIoLoops = 4;
constexpr int kDiskThreads = 4;
constexpr size_t kMaxDiskQueue = 4096;
constexpr absl::Duration kGrace = absl::Seconds(10);
// In the access log, and for sockets that are passed to us.
constexpr absl::string_view kRegistryName = "registry";

// Everything, in the order of construction; destroyed in reverse.
class Agent final : public daemon::Daemon {
 public:
  Agent(const AgentConfig& config, const AgentFlags& flags, const daemon::DaemonContext& context)
      : config_(config), flags_(flags), control_(*context.control), sockets_(context.sockets) {}

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, daemon::MakeTlsSettings(config_.common.tls, &metrics_));
    KH_ASSIGN_OR_RETURN(front_, daemon::HttpFront::Create(config_.common.http, config_.common.zap,
                                                          &metrics_, sockets_));
    KH_ASSIGN_OR_RETURN(store_, daemon::OpenBlobStore(config_.store, disk_));
    KH_RETURN_IF_ERROR(JoinCluster());
    KH_RETURN_IF_ERROR(StartNode());
    return Serve();
  }

  absl::Status Readiness() override { return trackers_->status(); }

  void ReopenLogs() override { front_->ReopenLog(); }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    shutdown_.Add("registry",
                  [this](auto next) { registry_server_->Shutdown(kGrace, std::move(next)); });
    shutdown_.AddBlocking("access", [this] {
      if (access_ != nullptr) access_->Shutdown();
    });
    shutdown_.Add("orders", [this](auto next) {
      orders_->Stop();
      next();
    });
    shutdown_.AddBlocking("backend reads", [this] {
      if (backends_ != nullptr) backends_->Shutdown();
      if (reader_ != nullptr) reader_->Shutdown();
    });
    shutdown_.Add("swarm", [this](auto next) {
      node_->Shutdown([next = std::move(next)](absl::Status) mutable { next(); });
    });
    shutdown_.AddBlocking("disk", [this] { disk_.Shutdown(); });
    shutdown_.Add("agent server", [this](auto next) {
      agent_server_->Shutdown(absl::ZeroDuration(), std::move(next));
    });
    shutdown_.Run(std::move(done));
  }

 private:
  absl::Status JoinCluster() {
    directory_ = std::make_unique<rpc::ChannelDirectory>(&control_, tls_.channels());

    cluster::ClusterMonitorOptions members;
    members.hosts = config_.tracker.hosts;
    members.health.disabled = true;  // the announce streams tell
    auto monitor = cluster::ClusterMonitor::Create(&control_, members);
    if (!monitor.ok()) return daemon::WithExitCode(monitor.status(), config::kExitBadConfig);
    tracker_members_ = *std::move(monitor);
    trackers_ = std::make_unique<TrackerPool>(&control_, directory_.get(), tracker_members_.get());
    KH_RETURN_IF_ERROR(FindOrigins());
    auto build_index = rpc::BuildIndexClient::Create(
        &control_, directory_.get(),
        {.hosts = config_.build_index.hosts, .health = config_.build_index.healthcheck});
    if (!build_index.ok()) {
      return daemon::WithExitCode(build_index.status(), config::kExitBadConfig);
    }
    build_index_ = *std::move(build_index);
    return absl::OkStatus();
  }

  absl::Status FindOrigins() {
    if (config_.origin.hosts.empty()) return absl::OkStatus();
    cluster::ClusterMonitorOptions members;
    members.hosts = config_.origin.hosts;
    members.passive_health = config_.origin.healthcheck;
    members.max_replica = config_.origin.hashring.max_replica;
    auto monitor = cluster::ClusterMonitor::Create(&control_, members);
    if (!monitor.ok()) return daemon::WithExitCode(monitor.status(), config::kExitBadConfig);
    origin_members_ = *std::move(monitor);
    origins_ = std::make_unique<OriginPool>(&control_, directory_.get(), origin_members_.get());
    return absl::OkStatus();
  }

  // Registries that are read when nobody else helps.
  absl::Status OpenBackends() {
    if (config_.backends.empty()) return absl::OkStatus();
    auto backends = backend::BackendSet::Create(config_.backends);
    if (!backends.ok()) return daemon::WithExitCode(backends.status(), config::kExitNoBackend);
    backends_ = *std::move(backends);
    daemon::BlobFetcherOptions reading;
    reading.max_fetches = config_.downloads.max_backend_reads;
    reader_ = std::make_unique<daemon::BlobFetcher>(&control_, &backends_->router(), store_.get(),
                                                    std::move(reading));
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
    options.announcer = trackers_.get();
    options.swarm.stall_limit = config_.downloads.stall_timeout;
    daemon::ApplyTo(options.swarm, config_.scheduler);
    options.self.zone = rpc::ZoneTable::NumberFor(flags_.zone);
    options.faults.corrupt_upload = static_cast<uint64_t>(flags_.fault_corrupt_upload);
    auto node = peer_wire::SwarmNode::Create(std::move(options));
    if (!node.ok()) return daemon::WithExitCode(node.status(), config::kExitPortTaken);
    node_ = *std::move(node);
    KH_RETURN_IF_ERROR(OpenBackends());
    Downloads::Parts parts;
    parts.loop = &control_;
    parts.trackers = trackers_.get();
    parts.origins = origins_.get();
    parts.backends = reader_.get();
    parts.node = node_.get();
    parts.store = store_.get();
    parts.disk = &disk_;
    downloads_ = std::make_unique<Downloads>(parts, config_.downloads);
    orders_ = std::make_unique<Orders>(Orders::Parts{.loop = &control_,
                                                     .downloads = downloads_.get(),
                                                     .store = store_.get(),
                                                     .disk = &disk_},
                                       [this](const std::string& tracker, const auto& status) {
                                         trackers_->Report(tracker, status);
                                       });
    return absl::OkStatus();
  }

  absl::Status Serve() {
    RegistryFace::Parts parts;
    parts.control = &control_;
    parts.loops = io_.loops();
    parts.downloads = downloads_.get();
    parts.node = node_.get();
    parts.store = store_.get();
    parts.disk = &disk_;
    parts.build_index = build_index_.get();
    if (!config_.access.rules.empty()) {
      auto access = PullAccess::Create(config_.access);
      if (!access.ok()) return daemon::WithExitCode(access.status(), config::kExitBadConfig);
      access_ = *std::move(access);
    }
    parts.access = access_.get();
    look_ahead_ = std::make_unique<LookAhead>(&control_, downloads_.get(), config_.look_ahead);
    parts.look_ahead = look_ahead_.get();
    registry_ =
        std::make_unique<RegistryFace>(parts, config_.downloads, MirrorRules(config_.mirrors));
    registry_server_ =
        std::make_unique<net::HttpServer>(io_.loops(), front_->OptionsFor(kRegistryName),
                                          [this](std::shared_ptr<net::HttpExchange> exchange) {
                                            registry_->Handle(std::move(exchange));
                                          });
    KH_RETURN_IF_ERROR(
        front_->Listen(*registry_server_, kRegistryName, /*is_main=*/true, RegistryListener()));

    AddAgentRoutes(
        router_,
        {.control = &control_, .downloads = downloads_.get(), .build_index = build_index_.get()});
    daemon::AddAdminRoutes(router_, {.capabilities = {.role = "agent"},
                                     .metrics = &metrics_,
                                     .control = &control_,
                                     .readiness = [this] { return Readiness(); },
                                     .refresh_metrics = [this] { agent_metrics_->Refresh(); },
                                     .newline = false});
    agent_metrics_ = std::make_unique<AgentMetrics>(&metrics_, node_.get(), store_.get(),
                                                    downloads_.get(), orders_.get());
    KH_ASSIGN_OR_RETURN(agent_server_,
                        front_->Serve(admin_.loop(), flags_.agent_server_port, /*is_main=*/false,
                                      /*tls=*/nullptr, router_));

    node_->Start();
    if (origins_ != nullptr) {
      origins_->Start(
          [this](const Digest& digest, const rpc::v1::TorrentNews& news) {
            downloads_->OnNews(BlobSource::kOrigin, digest, news);
          },
          [this](const Digest& digest) { downloads_->OnOriginAnswer(digest); });
    }
    trackers_->TakeOrders(config_.labels, [this](const std::string& tracker, const auto& order) {
      orders_->OnOrder(tracker, order);
    });
    trackers_->Start(
        node_->self(), flags_.zone,
        [this](const Digest& digest, const rpc::v1::TorrentNews& news) {
          downloads_->OnNews(BlobSource::kTracker, digest, news);
        },
        [this] { node_->AnnounceAgain(); });
    return absl::OkStatus();
  }

  config::ListenerConfig RegistryListener() const {
    config::ListenerConfig listener = config_.registry;
    if (listener.addr.empty()) {
      listener.net = config::ListenerConfig::Network::kTcp;
      listener.addr = absl::StrCat("127.0.0.1:", flags_.agent_registry_port);
    }
    return listener;
  }

  const AgentConfig config_;
  const AgentFlags flags_;
  net::EventLoop& control_;
  net::InheritedSockets* const sockets_;
  daemon::TlsSettings tls_;
  telemetry::Metrics metrics_{"kraken-agent", daemon::kVersion};
  std::unique_ptr<daemon::HttpFront> front_;
  WorkerPool disk_{kDiskThreads, kMaxDiskQueue, "disk"};
  net::LoopThread admin_{"admin"};
  net::LoopPool io_{"io", std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMaxIoLoops)};
  std::unique_ptr<storage::BlobStore> store_;
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<cluster::ClusterMonitor> tracker_members_;
  std::unique_ptr<TrackerPool> trackers_;
  std::unique_ptr<cluster::ClusterMonitor> origin_members_;
  std::unique_ptr<OriginPool> origins_;
  std::unique_ptr<backend::BackendSet> backends_;
  std::unique_ptr<daemon::BlobFetcher> reader_;
  std::unique_ptr<rpc::BuildIndexClient> build_index_;
  std::unique_ptr<peer_wire::SwarmNode> node_;
  std::unique_ptr<Downloads> downloads_;
  std::unique_ptr<Orders> orders_;
  std::unique_ptr<PullAccess> access_;
  std::unique_ptr<LookAhead> look_ahead_;
  std::unique_ptr<RegistryFace> registry_;
  net::Router router_;
  std::unique_ptr<AgentMetrics> agent_metrics_;
  std::unique_ptr<net::HttpServer> registry_server_;
  std::unique_ptr<net::HttpServer> agent_server_;
  daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartAgent(const AgentConfig& config,
                                                           const AgentFlags& flags,
                                                           const daemon::DaemonContext& context) {
  auto agent = std::make_unique<Agent>(config, flags, context);
  KH_RETURN_IF_ERROR(agent->Start());
  return agent;
}

}  // namespace kraken::agent
