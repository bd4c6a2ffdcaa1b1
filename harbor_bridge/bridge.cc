#include "harbor_bridge/bridge.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/bridge_metrics.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/harbor/harbor_client_factory.h"
#include "harbor_bridge/lease/tenure.h"
#include "harbor_bridge/lease/write_leave.h"
#include "harbor_bridge/reconcile/job_sink.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "harbor_bridge/reconcile/reconciler.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/status/api_routes.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "harbor_bridge/status/bridge_service.h"
#include "harbor_bridge/status/harbor_watch.h"
#include "harbor_bridge/status/page_routes.h"
#include "harbor_bridge/status/status_report.h"
#include "harbor_bridge/status/work_metrics.h"
#include "harbor_bridge/work/body_budget.h"
#include "harbor_bridge/work/cluster.h"
#include "harbor_bridge/work/dispatcher.h"
#include "harbor_bridge/work/image_invalidation.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/image_worker.h"
#include "harbor_bridge/work/intake.h"
#include "harbor_bridge/work/job_board.h"
#include "harbor_bridge/work/preheat_api.h"
#include "harbor_bridge/work/preheat_jobs.h"
#include "harbor_bridge/work/quarantine.h"
#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/http_front.h"
#include "kraken/daemon/rpc_listener.h"
#include "kraken/daemon/shutdown_sequence.h"
#include "kraken/daemon/start_error.h"
#include "kraken/daemon/tls/tls_settings.h"
#include "kraken/daemon/version.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/inherited_sockets.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/redis/redis_config.h"
#include "kraken/registry/registry_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal.h"
#include "kraken/telemetry/log.h"
#include "kraken/telemetry/metrics.h"

namespace harbor_bridge {
namespace {

using kraken::daemon::WithExitCode;

constexpr int kMaxPort = 65535;
constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr kraken::BackoffOptions kJobBackoff = {.initial_interval = absl::Milliseconds(200),
                                                .max_interval = absl::Minutes(5)};

// Everything, in the order of construction; destroyed in reverse.
class Bridge final : public kraken::daemon::Daemon {
 public:
  Bridge(const BridgeConfig& config, const BridgeFlags& flags,
         const kraken::daemon::DaemonContext& context)
      : config_(config), flags_(flags), control_(*context.control), sockets_(context.sockets) {}
  // What waits for a Harbor gives up; a start that failed gets no further than here.
  ~Bridge() override { http_.Shutdown(); }

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, kraken::daemon::MakeTlsSettings(config_.common.tls, &metrics_));
    KH_ASSIGN_OR_RETURN(front_, kraken::daemon::HttpFront::Create(
                                    config_.common.http, config_.common.zap, &metrics_, sockets_));
    KH_RETURN_IF_ERROR(OpenQueues());
    KH_RETURN_IF_ERROR(MeetHarbors());
    KH_RETURN_IF_ERROR(JoinClusters());
    KH_RETURN_IF_ERROR(StartWork());
    return Serve();
  }

  // Who sends events by this sends them to the bridge that does the work.
  absl::Status Readiness() override {
    const std::optional<LeaseView> lease = Lease();
    if (lease.has_value() && !lease->held) return absl::UnavailableError(lease->Describe());
    if (!clusters_.front()->healthy_origins().empty()) return absl::OkStatus();
    return absl::UnavailableError("no origin is healthy");
  }

  void ReopenLogs() override { front_->ReopenLog(); }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    // Streams of states never end by themselves.
    shutdown_.AddBlocking("api", [this] {
      api_->Stop();
      service_->EndWatches();
      rpc_server_->Shutdown(kGrace);
      service_->Stop();
    });
    shutdown_.Add("intake", [this](auto next) { http_server_->Shutdown(kGrace, std::move(next)); });
    shutdown_.AddBlocking("work", [this] {
      http_.Shutdown();
      if (tenure_ != nullptr) tenure_->Stop();
      if (reconciler_ != nullptr) reconciler_->StopAndWait();
      dispatcher_->StopAndWait();
      watch_->Stop();
      work_metrics_->Stop();
      preheat_api_->Shutdown();
    });
    // Nothing is written any more.
    if (tenure_ != nullptr) {
      shutdown_.Add("lease", [this](auto next) { tenure_->Release(std::move(next)); });
    }
    shutdown_.AddBlocking("queues", [this] {
      intake_->Shutdown();
      quarantine_.reset();
      journal_.reset();
      queue_.reset();
      reconcile_store_.reset();
    });
    shutdown_.Run(std::move(done));
  }

 private:
  absl::Status OpenQueues() {
    const std::string& dir = config_.work.dir;
    if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
      return WithExitCode(kraken::ErrnoToStatus(errno, absl::StrCat("work.dir ", dir)),
                          kraken::config::kExitDirectoryNotWritable);
    }
    kraken::storage::JobQueueOptions jobs;
    jobs.path = absl::StrCat(dir, "/jobs.db");
    jobs.backoff = kJobBackoff;
    jobs.backoff.max_retries = config_.work.max_retries;
    auto queue = kraken::storage::JobQueue::Open(std::move(jobs));
    if (!queue.ok()) {
      return WithExitCode(queue.status(), kraken::config::kExitDirectoryNotWritable);
    }
    queue_ = *std::move(queue);
    kraken::storage::JournalOptions events;
    events.path = absl::StrCat(dir, "/journal");
    auto journal = kraken::storage::Journal::Open(std::move(events));
    if (!journal.ok()) {
      return WithExitCode(journal.status(), kraken::config::kExitDirectoryNotWritable);
    }
    journal_ = *std::move(journal);
    auto reconciled = ReconcileStore::Open(absl::StrCat(dir, "/reconcile.db"));
    if (!reconciled.ok()) {
      return WithExitCode(reconciled.status(), kraken::config::kExitDirectoryNotWritable);
    }
    reconcile_store_ = *std::move(reconciled);
    auto quarantine = Quarantine::Open({.path = absl::StrCat(dir, "/quarantine.db")});
    if (!quarantine.ok()) {
      return WithExitCode(quarantine.status(), kraken::config::kExitDirectoryNotWritable);
    }
    quarantine_ = *std::move(quarantine);
    return absl::OkStatus();
  }

  absl::Status MeetHarbors() {
    std::vector<Harbor> harbors;
    for (const HarborConfig& config : config_.harbors) {
      auto options = kraken::backend::MakeRegistryClientOptions(config.registry);
      if (!options.ok()) return WithExitCode(options.status(), kraken::config::kExitBadConfig);
      harbors.push_back(
          {.name = config.name,
           .plain = config.pattern,
           .host = config.host,
           .authorization = config.authorization,
           .client = MakeClient(*options),
           .client_with_token = [this, options = *options](std::string token) mutable {
             options.credentials = absl::nullopt;
             options.bearer_token = std::move(token);
             return MakeClient(options);
           }});
    }
    harbors_ = std::make_unique<Harbors>(std::move(harbors));
    return config_.reconcile.enabled ? PrepareReconciliation() : absl::OkStatus();
  }

  absl::Status PrepareReconciliation() {
    std::vector<ReconcileTarget> targets;
    for (size_t i = 0; i < config_.harbors.size(); ++i) {
      const HarborConfig& config = config_.harbors[i];
      ReconcileTarget target = {.harbor = &harbors_->all()[i]};
      if (config.api.has_value()) {
        auto api = api::MakeHarborClient(config.name, *config.api, &http_);
        if (!api.ok()) return WithExitCode(api.status(), kraken::config::kExitBadConfig);
        target.api = *std::move(api);
      }
      targets.push_back(std::move(target));
    }
    reconcile_sink_ = std::make_unique<JobSink>(queue_.get());
    reconciler_ = std::make_unique<Reconciler>(
        config_.reconcile.options, harbors_.get(), std::move(targets), reconcile_store_.get(),
        reconcile_sink_.get(), [this](const std::string& harbor, absl::Time begun) {
          if (tenure_ != nullptr) tenure_->OnRound(harbor, begun);
        });
    return absl::OkStatus();
  }

  // Each Harbor with clients that are quick to give up.
  absl::StatusOr<std::vector<WatchedHarbor>> WatchedHarbors() {
    std::vector<WatchedHarbor> watched;
    for (const HarborConfig& config : config_.harbors) {
      KH_ASSIGN_OR_RETURN(kraken::registry::RegistryClientOptions options,
                          kraken::backend::MakeRegistryClientOptions(config.registry));
      options.timeout = std::min(options.timeout, HarborWatch::kPatience);
      options.retry.max_retries = 0;
      WatchedHarbor harbor = {.name = config.name, .registry = MakeClient(options), .api = nullptr};
      if (config.api.has_value()) {
        kraken::backend::RegistryConfig api = *config.api;
        api.timeout = std::min(api.timeout, HarborWatch::kPatience);
        KH_ASSIGN_OR_RETURN(harbor.api, api::MakeHarborClient(config.name, api, &http_));
      }
      watched.push_back(std::move(harbor));
    }
    return watched;
  }

  absl::Status AskForLease() {
    if (!config_.lease.has_value()) return absl::OkStatus();
    auto redis = kraken::redis::MakeRedisClientOptions(config_.lease->redis);
    if (!redis.ok()) {
      return WithExitCode(kraken::Annotate(redis.status(), "lease.redis"),
                          kraken::config::kExitBadConfig);
    }
    char name[256] = {};
    gethostname(name, sizeof(name) - 1);
    Tenure::Options options;
    options.lease.name = config_.lease->name;
    options.lease.ttl = config_.lease->ttl;
    options.lease.redis = *std::move(redis);
    options.lease.bridge = absl::StrCat(name, ":", flags_.port);
    options.look_back = config_.reconcile.options.look_back;
    for (const HarborConfig& harbor : config_.harbors) options.harbors.push_back(harbor.name);
    tenure_ = std::make_unique<Tenure>(&control_, std::move(options), queue_.get());
    return absl::OkStatus();
  }

  WriteLeave* leave() { return tenure_ != nullptr ? tenure_->leave() : &no_lease_; }
  std::optional<LeaseView> Lease() const {
    return tenure_ != nullptr ? std::optional(tenure_->view()) : std::nullopt;
  }

  std::shared_ptr<kraken::registry::RegistryClient> MakeClient(
      const kraken::registry::RegistryClientOptions& options) {
    return std::make_shared<kraken::registry::RegistryClient>(options, &http_,
                                                              &kraken::SystemClock::Get(), &bits_);
  }

  absl::Status JoinClusters() {
    KH_RETURN_IF_ERROR(AskForLease());
    directory_ = std::make_unique<kraken::rpc::ChannelDirectory>(&control_, tls_.channels());
    origin_client_ = std::make_unique<kraken::rpc::OriginClient>(&control_, directory_.get());
    // Our own goes first, without a name.
    KH_RETURN_IF_ERROR(Join({.name = "",
                             .origin = config_.origin,
                             .hashring = config_.hashring,
                             .build_index = config_.build_index,
                             .names_with_host = false},
                            config_.tracker.hosts));
    for (const ClusterConfig& cluster : config_.clusters) {
      KH_RETURN_IF_ERROR(Join(cluster, /*trackers=*/{}));
    }
    return absl::OkStatus();
  }

  absl::Status Join(const ClusterConfig& config, const kraken::config::HostListConfig& trackers) {
    ClusterOptions options;
    options.name = config.name;
    options.names_with_host = config.names_with_host;
    options.origins.hosts = config.origin.hosts;
    options.origins.health = config.origin.healthcheck;
    options.origins.max_replica = config.hashring.max_replica;
    options.origins.tls = tls_.client;
    options.build_index.hosts = config.build_index.hosts;
    options.build_index.health = config.build_index.healthcheck;
    options.trackers = trackers;
    options.agents_timeout = config_.work.agents_timeout;
    auto cluster =
        Cluster::Create(&control_, directory_.get(), origin_client_.get(), leave(), options);
    if (!cluster.ok()) return WithExitCode(cluster.status(), kraken::config::kExitBadConfig);
    clusters_.push_back(*std::move(cluster));
    return absl::OkStatus();
  }

  // A lane for each Harbor, and one slot for jobs of each that is configured no more: they fail
  // with that reason, and an operator sees it.
  absl::StatusOr<std::vector<Lane>> Lanes() {
    std::vector<Lane> lanes;
    lanes.reserve(config_.harbors.size());
    for (const HarborConfig& harbor : config_.harbors) {
      lanes.push_back(
          {.kind = LaneOf(harbor.name),
           .slots = harbor.concurrency > 0 ? harbor.concurrency : config_.work.concurrency});
    }
    KH_ASSIGN_OR_RETURN(const auto kinds, queue_->StatsByKind());
    for (const kraken::storage::JobKindStats& kind : kinds) {
      const auto is_its = [&kind](const Lane& lane) { return lane.kind == kind.kind; };
      if (std::none_of(lanes.begin(), lanes.end(), is_its)) lanes.push_back({.kind = kind.kind});
    }
    return lanes;
  }

  absl::Status StartWork() {
    routes_ = std::make_unique<Routes>(config_.routes, config_.platforms);
    std::vector<ClusterTarget> targets;
    targets.reserve(clusters_.size());
    for (const auto& cluster : clusters_) targets.push_back(cluster->target());
    // What our own cluster has been told is what reconciliation compares with.
    targets.front().put_tag = [this, put_tag = targets.front().put_tag](
                                  const kraken::Namespace& ns, const kraken::Tag& tag,
                                  const kraken::Digest& digest, uint64_t revision) {
      KH_RETURN_IF_ERROR(put_tag(ns, tag, digest, revision));
      reconcile_store_->NoteTag(ns, tag, digest);
      return absl::OkStatus();
    };
    image_prefetch_ =
        std::make_unique<ImagePrefetch>(harbors_.get(), routes_.get(), std::move(targets));
    image_invalidation_ = std::make_unique<ImageInvalidation>(
        harbors_.get(), clusters_.front()->writer(), clusters_.front()->agents());
    image_worker_ = std::make_unique<ImageWorker>(image_prefetch_.get(), image_invalidation_.get());
    preheat_jobs_ = std::make_unique<PreheatJobs>(harbors_.get(), image_prefetch_.get(),
                                                  &kraken::SystemClock::Get());
    KH_ASSIGN_OR_RETURN(std::vector<WatchedHarbor> watched, WatchedHarbors());
    watch_ = std::make_unique<HarborWatch>(std::move(watched));
    work_metrics_ =
        std::make_unique<WorkMetrics>(&metrics_, harbors_.get(), queue_.get(), watch_.get());
    KH_ASSIGN_OR_RETURN(std::vector<Lane> lanes, Lanes());
    dispatcher_ = std::make_unique<Dispatcher>(
        &control_, queue_.get(), std::move(lanes),
        [this](const kraken::storage::Job& job,
               const kraken::registry::Cancellation& cancellation) {
          return RunJob(job, cancellation);
        },
        [this](const kraken::storage::Job& job, const Dispatcher::Result& result) {
          work_metrics_->OnEnd(job, result);
        });
    StartIntake();
    return absl::OkStatus();
  }

  // On a worker thread.
  Dispatcher::Result RunJob(const kraken::storage::Job& job,
                            const kraken::registry::Cancellation& cancellation) {
    JobBoard::Entry entry(&board_, job.key, std::string(HarborOfLane(job.kind)));
    Dispatcher::Result result = IsPreheatKey(job.key)
                                    ? preheat_jobs_->Run(job, entry, cancellation)
                                    : image_worker_->Run(job, entry, cancellation);
    entry.End(result.ok(), result.ok() ? *result : std::string(result.status().message()));
    return result;
  }

  void StartIntake() {
    intake_ = std::make_unique<Intake>(
        Intake::Parts{.harbors = harbors_.get(),
                      .journal = journal_.get(),
                      .queue = queue_.get(),
                      .quarantine = quarantine_.get(),
                      .bodies = &bodies_,
                      .gate = &gate_,
                      .reconcile = [this](const std::string& harbor, const std::string& reason) {
                        RequestReconciliationOf(harbor, reason);
                      }});
    preheat_api_ =
        std::make_unique<PreheatApi>(PreheatApi::Parts{.harbors = harbors_.get(),
                                                       .queue = queue_.get(),
                                                       .jobs = preheat_jobs_.get(),
                                                       .bodies = &bodies_,
                                                       .clock = &kraken::SystemClock::Get()});
  }

  // Any thread.
  void RequestReconciliationOf(const std::string& harbor, const std::string& reason) {
    if (reconciler_ != nullptr) {
      reconciler_->Trigger(harbor, reason);
    } else {
      kraken::telemetry::LogWarn("this Harbor should be compared as a whole, but reconcile is off",
                                 {{"harbor", harbor}, {"reason", reason}});
    }
  }

  std::vector<ReconcileStatus> Reconciliation() const {
    return reconciler_ == nullptr ? std::vector<ReconcileStatus>() : reconciler_->status();
  }

  void AddApi() {
    bridge_admin_ = std::make_unique<BridgeAdmin>(
        BridgeAdmin::Parts{.harbors = harbors_.get(),
                           .routes = routes_.get(),
                           .queue = queue_.get(),
                           .board = &board_,
                           .watch = watch_.get(),
                           .dispatcher = dispatcher_.get(),
                           .reconciliation = [this] { return Reconciliation(); },
                           .has_trackers = clusters_.front()->agents() != nullptr});
    report_ = std::make_unique<StatusReport>(StatusSources{.admin = bridge_admin_.get(),
                                                           .routes = routes_.get(),
                                                           .board = &board_,
                                                           .events = [this] { return Events(); },
                                                           .lease = [this] { return Lease(); }});
    api_ = std::make_unique<ApiRoutes>(ApiParts{.admin = bridge_admin_.get(),
                                                .report = report_.get(),
                                                .gate = &gate_,
                                                .loop = &admin_.loop()});
    api_->AddRoutes(router_);
    AddPageRoutes(router_, &gate_);
  }

  BridgeMetrics::Sources MetricSources() {
    BridgeMetrics::Sources sources = {.intake = intake_.get(),
                                      .preheat_api = preheat_api_.get(),
                                      .quarantine = quarantine_.get(),
                                      .bodies = &bodies_,
                                      .board = &board_,
                                      .cluster = clusters_.front().get(),
                                      .reconciliation = [this] { return Reconciliation(); },
                                      .lease = nullptr};
    if (tenure_ != nullptr) sources.lease = [this] { return tenure_->view(); };
    return sources;
  }

  std::map<std::string, uint64_t> Events() const {
    const IntakeStats stats = intake_->stats();
    return {{"notifications", stats.notifications},
            {"events", stats.events},
            {"ignored", stats.ignored},
            {"unreadable", stats.unreadable},
            {"oversized", stats.oversized},
            {"unauthorized", stats.unauthorized + preheat_api_->stats().unauthorized},
            {"preheats", preheat_api_->stats().accepted},
            {"quarantined", quarantine_->put_count()}};
  }

  absl::Status Serve() {
    KH_RETURN_IF_ERROR(intake_->Replay());
    if (tenure_ != nullptr) tenure_->Drive(dispatcher_.get(), reconciler_.get());
    dispatcher_->Start();
    if (reconciler_ != nullptr) reconciler_->Start();
    AddApi();
    service_ = std::make_unique<BridgeService>(bridge_admin_.get(), &gate_, &admin_.loop());
    KH_ASSIGN_OR_RETURN(rpc_server_,
                        kraken::daemon::StartRpcServer(flags_.grpc_port, tls_.rpc, service_.get()));
    bridge_metrics_ = std::make_unique<BridgeMetrics>(&metrics_, MetricSources());
    intake_->AddRoutes(router_);
    preheat_api_->AddRoutes(router_);
    kraken::daemon::AddAdminRoutes(
        router_, {.capabilities = kraken::daemon::CapabilitiesOf("harbor-bridge", *rpc_server_),
                  .metrics = &metrics_,
                  .control = &control_,
                  .readiness = [this] { return Readiness(); },
                  .refresh_metrics = [this] { bridge_metrics_->Refresh(); }});
    KH_ASSIGN_OR_RETURN(http_server_,
                        front_->Serve(admin_.loop(), flags_.port, /*is_main=*/true,
                                      config_.listen_tls ? tls_.http_server : nullptr, router_));
    return absl::OkStatus();
  }

  const BridgeConfig config_;
  const BridgeFlags flags_;
  kraken::net::EventLoop& control_;
  kraken::net::InheritedSockets* const sockets_;
  kraken::daemon::TlsSettings tls_;
  kraken::telemetry::Metrics metrics_{"harbor-bridge", kraken::daemon::kVersion};
  std::unique_ptr<kraken::daemon::HttpFront> front_;
  kraken::SystemBitGen bits_;
  BodyBudget bodies_{kMaxBodiesBytes};  // outlives what waits in the loop
  kraken::net::LoopThread admin_{"http"};
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<kraken::storage::Journal> journal_;
  std::unique_ptr<Quarantine> quarantine_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  std::unique_ptr<ReconcileStore> reconcile_store_;
  std::unique_ptr<Harbors> harbors_;
  std::unique_ptr<JobSink> reconcile_sink_;
  std::unique_ptr<Reconciler> reconciler_;
  // Null without a section `lease`.
  std::unique_ptr<Tenure> tenure_;
  NoLease no_lease_;
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::OriginClient> origin_client_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
  std::unique_ptr<Routes> routes_;
  JobBoard board_;
  std::unique_ptr<ImagePrefetch> image_prefetch_;
  std::unique_ptr<ImageInvalidation> image_invalidation_;
  std::unique_ptr<ImageWorker> image_worker_;
  std::unique_ptr<PreheatJobs> preheat_jobs_;
  std::unique_ptr<HarborWatch> watch_;
  std::unique_ptr<WorkMetrics> work_metrics_;
  std::unique_ptr<Dispatcher> dispatcher_;
  kraken::daemon::AdminGate gate_{config_.admin};
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<PreheatApi> preheat_api_;
  std::unique_ptr<BridgeMetrics> bridge_metrics_;
  std::unique_ptr<BridgeAdmin> bridge_admin_;
  std::unique_ptr<StatusReport> report_;
  std::unique_ptr<ApiRoutes> api_;
  std::unique_ptr<BridgeService> service_;
  std::unique_ptr<kraken::rpc::RpcServer> rpc_server_;
  kraken::net::Router router_;
  std::unique_ptr<kraken::net::HttpServer> http_server_;
  kraken::daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

void AddFlags(kraken::config::FlagSet& set, BridgeFlags* flags) {
  set.Int("port", &flags->port, 1, kMaxPort, "port that Harbors send their events to");
  set.Int("grpc-port", &flags->grpc_port, 0, kMaxPort,
          "port of gRPC, for administration; 0: any free one (/x/capabilities names it)");
  set.Bool("check", &flags->check, "say what the configuration means, and do nothing");
  set.String("route", &flags->route, "with -check: an image; say what is done with it and why");
}

absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> StartBridge(
    const BridgeConfig& config, const BridgeFlags& flags,
    const kraken::daemon::DaemonContext& context) {
  auto bridge = std::make_unique<Bridge>(config, flags, context);
  KH_RETURN_IF_ERROR(bridge->Start());
  return bridge;
}

}  // namespace harbor_bridge
