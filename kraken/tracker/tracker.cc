#include "kraken/tracker/tracker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/http_front.h"
#include "kraken/daemon/kraken_gate.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/rpc_listener.h"
#include "kraken/daemon/shutdown_sequence.h"
#include "kraken/daemon/start_error.h"
#include "kraken/daemon/tls/tls_settings.h"
#include "kraken/daemon/version.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/inherited_sockets.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/redis/redis_config.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/telemetry/log.h"
#include "kraken/telemetry/metrics.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/kraken_hub.h"
#include "kraken/tracker/kraken_routes.h"
#include "kraken/tracker/redis_peer_store.h"

namespace kraken::tracker {
namespace {

constexpr int kMaxPort = 65535;
constexpr absl::Duration kGrace = absl::Seconds(5);

// Everything, in the order of construction; destroyed in reverse.
class Tracker final : public daemon::Daemon {
 public:
  Tracker(const TrackerConfig& config, const TrackerFlags& flags,
          const daemon::DaemonContext& context)
      : config_(config), flags_(flags), control_(*context.control), sockets_(context.sockets) {}

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, daemon::MakeTlsSettings(config_.common.tls, &metrics_));
    KH_ASSIGN_OR_RETURN(front_, daemon::HttpFront::Create(config_.common.http, config_.common.zap,
                                                          &metrics_, sockets_));
    KH_RETURN_IF_ERROR(WatchOrigins());
    hub_ = std::make_unique<AnnounceHub>(&control_, origins_.get(), cluster_.get(),
                                         config_.trackerserver);
    if (config_.compat.kraken) {
      kraken_hub_ =
          std::make_unique<KrakenHub>(&control_, hub_.get(), config_.compat.allowed_cidrs,
                                      KrakenHubOptions{.renewal = config_.trackerserver.lease / 3});
    }
    KH_RETURN_IF_ERROR(ShareSwarms());
    return Serve();
  }

  absl::Status Readiness() override {
    if (!cluster_->healthy().empty()) return absl::OkStatus();
    return absl::UnavailableError("no origin is healthy");
  }

  void ReopenLogs() override { front_->ReopenLog(); }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    shutdown_.Add("announce streams", [this](auto next) {
      rpc_server_->SetServing(false);
      hub_->EndStreams();
      next();
    });
    shutdown_.AddBlocking("gRPC", [this] { rpc_server_->Shutdown(kGrace); });
    shutdown_.Add("http", [this](auto next) { http_->Shutdown(kGrace, std::move(next)); });
    shutdown_.Run(std::move(done));
  }

 private:
  absl::Status WatchOrigins() {
    directory_ = std::make_unique<rpc::ChannelDirectory>(&control_, tls_.channels());
    origins_ = std::make_unique<rpc::OriginClient>(&control_, directory_.get());
    cluster::ClusterMonitorOptions members;
    members.hosts = config_.origin.hosts;
    members.health = config_.origin.healthcheck;
    members.max_replica = config_.hashring.max_replica;
    members.tls = tls_.client;
    auto monitor = cluster::ClusterMonitor::Create(&control_, members);
    if (!monitor.ok()) return daemon::WithExitCode(monitor.status(), config::kExitBadConfig);
    cluster_ = *std::move(monitor);
    return absl::OkStatus();
  }

  absl::Status ShareSwarms() {
    const SharedStoreConfig& shared = config_.peerstore.redis;
    if (!shared.enabled) {
      if (!shared.addr.empty()) {
        telemetry::LogInfo("Redis is not used: peerstore.redis.enabled is not true", {});
      }
      return absl::OkStatus();
    }
    auto connection = redis::MakeRedisClientOptions(shared);
    if (!connection.ok()) {
      return daemon::WithExitCode(Annotate(connection.status(), "peerstore.redis"),
                                  config::kExitBadConfig);
    }
    RedisPeerStoreOptions options;
    options.redis = *std::move(connection);
    options.redis.dial_timeout = shared.dial_timeout;
    options.redis.reply_timeout = shared.read_timeout;
    options.lease = config_.trackerserver.lease;
    store_ = std::make_unique<RedisPeerStore>(&control_, options, hub_.get());
    hub_->SetStore(store_.get());
    return absl::OkStatus();
  }

  absl::Status Serve() {
    service_ = std::make_unique<rpc::AnnounceService>(control_.handle(), hub_.get());
    KH_ASSIGN_OR_RETURN(rpc_server_,
                        daemon::StartRpcServer(flags_.grpc_port, tls_.rpc, service_.get()));
    daemon::AddAdminRoutes(router_,
                           {.capabilities = daemon::CapabilitiesOf("tracker", *rpc_server_),
                            .metrics = &metrics_,
                            .control = &control_,
                            .readiness = [this] { return Readiness(); },
                            .refresh_metrics = [this] { RefreshMetrics(); }});
    AddKrakenRoutes(router_, {.control = &control_, .hub = kraken_hub_.get(), .gate = &gate_});
    KH_ASSIGN_OR_RETURN(http_, front_->Serve(admin_.loop(), flags_.port, /*is_main=*/true,
                                             tls_.http_server, router_));
    return absl::OkStatus();
  }

  void RefreshMetrics() {
    const AnnounceHubStats stats = hub_->stats();
    records_.Set(stats.records);
    refused_.Set(stats.refused);
    silent_.Set(stats.silent);
    over_limit_.Set(stats.over_limit);
    streams_.Set(static_cast<double>(stats.streams));
    swarms_.Set(static_cast<double>(stats.swarms));
    peers_.Set(static_cast<double>(stats.peers));
    blobs_.Set(static_cast<double>(stats.blobs));
    orders_taken_.Set(stats.orders.taken);
    orders_refused_.Set(stats.orders.refused);
    orders_running_.Set(static_cast<double>(stats.orders.running));
    agents_done_.Set(stats.orders.done);
    agents_failed_.Set(stats.orders.failed);
    agents_gone_.Set(stats.orders.gone);
    healthy_.Set(static_cast<double>(cluster_->healthy().size()));
    if (kraken_hub_ != nullptr) kraken_.Set(static_cast<double>(kraken_hub_->entry_count()));
    if (store_ == nullptr) return;
    const PeerStoreStats store = store_->stats();
    redis_up_.Set(store.up ? 1 : 0);
    redis_written_.Set(store.written);
    redis_dropped_.Set(store.dropped);
    redis_heard_.Set(store.heard);
    redis_failures_.Set(store.failures);
  }

  daemon::MirroredCounter OrderedAgents(const char* result) {
    return daemon::MirroredCounter(metrics_.AddCounter(
        "kraken_tracker_ordered_agents_total",
        "Agents that were given an order, by what became of it.", {{"result", result}}));
  }

  const TrackerConfig config_;
  const TrackerFlags flags_;
  net::EventLoop& control_;
  net::InheritedSockets* const sockets_;
  daemon::TlsSettings tls_;
  telemetry::Metrics metrics_{"kraken-tracker", daemon::kVersion};
  std::unique_ptr<daemon::HttpFront> front_;
  daemon::MirroredCounter records_{
      metrics_.AddCounter("kraken_announce_records_total", "Announces taken.")};
  daemon::MirroredCounter refused_{metrics_.AddCounter("kraken_announce_refused_streams_total",
                                                       "Streams ended for what they sent.")};
  daemon::MirroredCounter silent_{metrics_.AddCounter("kraken_announce_silent_streams_total",
                                                      "Streams ended as their peers fell silent.")};
  daemon::MirroredCounter over_limit_{
      metrics_.AddCounter("kraken_announce_over_limit_records_total",
                          "Announces of peers that are in too many swarms.")};
  telemetry::Gauge& streams_ =
      metrics_.AddGauge("kraken_announce_streams", "Peers connected to this tracker.");
  telemetry::Gauge& swarms_ = metrics_.AddGauge("kraken_tracker_swarms", "Swarms known.");
  telemetry::Gauge& peers_ =
      metrics_.AddGauge("kraken_tracker_swarm_peers", "Peers of all swarms, added up.");
  telemetry::Gauge& blobs_ =
      metrics_.AddGauge("kraken_tracker_blobs", "Blobs followed at their origins.");
  daemon::MirroredCounter orders_taken_{metrics_.AddCounter(
      "kraken_tracker_orders_total", "Orders to agents.", {{"outcome", "taken"}})};
  daemon::MirroredCounter orders_refused_{metrics_.AddCounter(
      "kraken_tracker_orders_total", "Orders to agents.", {{"outcome", "refused"}})};
  telemetry::Gauge& orders_running_ =
      metrics_.AddGauge("kraken_tracker_orders_running", "Orders that agents are at work on.");
  daemon::MirroredCounter agents_done_ = OrderedAgents("done");
  daemon::MirroredCounter agents_failed_ = OrderedAgents("failed");
  daemon::MirroredCounter agents_gone_ = OrderedAgents("gone");
  telemetry::Gauge& healthy_ =
      metrics_.AddGauge("kraken_healthy_origins", "Origins that this process sees healthy.");
  telemetry::Gauge& kraken_ = metrics_.AddGauge(
      "kraken_tracker_v1_swarm_peers", "Peers of Kraken's version 1 of all swarms, added up.");
  telemetry::Gauge& redis_up_ =
      metrics_.AddGauge("kraken_tracker_redis_up",
                        "1: swarms are shared in Redis; 0: they are not, or Redis is down.");
  daemon::MirroredCounter redis_written_{metrics_.AddCounter(
      "kraken_tracker_redis_written_total", "Entries of swarms that were handed to Redis.")};
  daemon::MirroredCounter redis_dropped_{
      metrics_.AddCounter("kraken_tracker_redis_dropped_total",
                          "Entries of swarms that Redis was not there for, or too slow.")};
  daemon::MirroredCounter redis_heard_{
      metrics_.AddCounter("kraken_tracker_redis_heard_total",
                          "Peers that came or left elsewhere, as other trackers told.")};
  daemon::MirroredCounter redis_failures_{
      metrics_.AddCounter("kraken_tracker_redis_failures_total",
                          "Connections to Redis lost or refused, and commands that failed.")};
  net::LoopThread admin_{"http"};
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::OriginClient> origins_;
  std::unique_ptr<cluster::ClusterMonitor> cluster_;
  std::unique_ptr<AnnounceHub> hub_;
  std::unique_ptr<KrakenHub> kraken_hub_;
  std::unique_ptr<RedisPeerStore> store_;
  std::unique_ptr<rpc::AnnounceService> service_;
  std::unique_ptr<rpc::RpcServer> rpc_server_;
  daemon::KrakenGate gate_{config_.compat};
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
  daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

void AddFlags(config::FlagSet& set, TrackerFlags* flags) {
  set.Int("port", &flags->port, 1, kMaxPort, "port of HTTP, by which others know this process");
  set.Int("grpc-port", &flags->grpc_port, 0, kMaxPort,
          "port of gRPC; 0: any free one (others learn it over HTTP)");
}

absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartTracker(const TrackerConfig& config,
                                                             const TrackerFlags& flags,
                                                             const daemon::DaemonContext& context) {
  auto tracker = std::make_unique<Tracker>(config, flags, context);
  KH_RETURN_IF_ERROR(tracker->Start());
  return tracker;
}

}  // namespace kraken::tracker
