#include "harbor_bridge/bridge.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/harbor/harbor_client_factory.h"
#include "harbor_bridge/reconcile/job_sink.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "harbor_bridge/reconcile/reconciler.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/dispatcher.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/image_work.h"
#include "harbor_bridge/work/intake.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/http_front.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/shutdown_sequence.h"
#include "kraken/daemon/start_error.h"
#include "kraken/daemon/tls_settings.h"
#include "kraken/daemon/version.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/inherited_sockets.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal.h"
#include "kraken/telemetry/log.h"
#include "kraken/telemetry/metrics.h"

namespace harbor_bridge {
namespace {

using kraken::daemon::MirroredCounter;
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

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, kraken::daemon::MakeTlsSettings(config_.common.tls));
    KH_ASSIGN_OR_RETURN(front_, kraken::daemon::HttpFront::Create(
                                    config_.common.http, config_.common.zap, &metrics_, sockets_));
    KH_RETURN_IF_ERROR(OpenQueues());
    KH_RETURN_IF_ERROR(MeetHarbors());
    KH_RETURN_IF_ERROR(JoinCluster());
    StartWork();
    return Serve();
  }

  absl::Status Readiness() override {
    if (!origins_->healthy().empty()) return absl::OkStatus();
    return absl::UnavailableError("no origin is healthy");
  }

  void ReopenLogs() override { front_->ReopenLog(); }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    shutdown_.Add("intake", [this](auto next) { http_server_->Shutdown(kGrace, std::move(next)); });
    shutdown_.AddBlocking("work", [this] {
      http_.Shutdown();
      if (reconciler_ != nullptr) reconciler_->StopAndWait();
      dispatcher_->StopAndWait();
    });
    shutdown_.AddBlocking("queues", [this] {
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
    events.path = absl::StrCat(dir, "/journal.db");
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
    return absl::OkStatus();
  }

  absl::Status MeetHarbors() {
    std::vector<Harbor> harbors;
    for (const HarborConfig& config : config_.harbors) {
      auto client = kraken::backend::MakeRegistryClient(config.registry, &http_, &bits_);
      if (!client.ok()) return WithExitCode(client.status(), kraken::config::kExitBadConfig);
      harbors.push_back({.name = config.name,
                         .plain = config.pattern,
                         .host = config.host,
                         .authorization = config.authorization,
                         .client = *std::move(client)});
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
      reconcile_metrics_.push_back(MakeReconcileMetrics(config.name));
    }
    reconcile_sink_ = std::make_unique<JobSink>(queue_.get());
    reconciler_ =
        std::make_unique<Reconciler>(config_.reconcile.options, harbors_.get(), std::move(targets),
                                     reconcile_store_.get(), reconcile_sink_.get());
    return absl::OkStatus();
  }

  absl::Status JoinCluster() {
    directory_ = std::make_unique<kraken::rpc::ChannelDirectory>(&control_, tls_.channels());
    origin_client_ = std::make_unique<kraken::rpc::OriginClient>(&control_, directory_.get());
    auto build_index = kraken::rpc::BuildIndexClient::Create(
        &control_, directory_.get(),
        {.hosts = config_.build_index.hosts, .health = config_.build_index.healthcheck});
    if (!build_index.ok()) {
      return WithExitCode(build_index.status(), kraken::config::kExitBadConfig);
    }
    build_index_ = *std::move(build_index);
    kraken::cluster::ClusterMonitorOptions members;
    members.hosts = config_.origin.hosts;
    members.health = config_.origin.healthcheck;
    members.max_replica = config_.hashring.max_replica;
    members.tls = tls_.client;
    auto monitor = kraken::cluster::ClusterMonitor::Create(&control_, members);
    if (!monitor.ok()) return WithExitCode(monitor.status(), kraken::config::kExitBadConfig);
    origins_ = *std::move(monitor);
    return absl::OkStatus();
  }

  void StartWork() {
    prefetcher_ =
        std::make_unique<OriginPrefetcher>(&control_, origins_.get(), origin_client_.get());
    image_prefetch_ = std::make_unique<ImagePrefetch>(
        harbors_.get(), prefetcher_.get(),
        [this](const kraken::Namespace& ns, const kraken::Tag& tag, const kraken::Digest& digest,
               uint64_t revision) { return PutTag(ns, tag, digest, revision); },
        config_.platforms);
    dispatcher_ = std::make_unique<Dispatcher>(
        &control_, queue_.get(), config_.work.concurrency,
        [this](const kraken::storage::Job& job,
               const kraken::registry::Cancellation& cancellation) -> absl::Status {
          KH_ASSIGN_OR_RETURN(const ImageWork work, ImageWork::Decode(job.payload));
          return image_prefetch_->Run(work, cancellation);
        });
    intake_ = std::make_unique<Intake>(harbors_.get(), journal_.get(), queue_.get());
  }

  absl::Status Serve() {
    KH_RETURN_IF_ERROR(intake_->Replay());
    dispatcher_->Start();
    if (reconciler_ != nullptr) reconciler_->Start();
    intake_->AddRoutes(router_);
    kraken::daemon::AddAdminRoutes(router_, {.capabilities = {.role = "harbor-bridge"},
                                             .metrics = &metrics_,
                                             .control = &control_,
                                             .readiness = [this] { return Readiness(); },
                                             .refresh_metrics = [this] { RefreshMetrics(); }});
    KH_ASSIGN_OR_RETURN(http_server_,
                        front_->Serve(admin_.loop(), flags_.port, /*is_main=*/true,
                                      config_.listen_tls ? tls_.http_server : nullptr, router_));
    return absl::OkStatus();
  }

  // On a worker thread.
  absl::Status PutTag(const kraken::Namespace& ns, const kraken::Tag& tag,
                      const kraken::Digest& digest, uint64_t revision) {
    struct Call {
      absl::Notification done;
      absl::Status status;
    };
    auto call = std::make_shared<Call>();
    control_.Post([this, call, ns, tag, digest, revision] {
      build_index_->PutTag(ns, tag, {.digest = digest, .revision = revision},
                           [call](absl::StatusOr<kraken::rpc::TagValue> stored) {
                             call->status = stored.status();
                             call->done.Notify();
                           });
    });
    call->done.WaitForNotification();
    if (call->status.ok()) reconcile_store_->NoteTag(ns, tag, digest);
    return call->status;
  }

  void RefreshMetrics() {
    const IntakeStats intake = intake_->stats();
    notifications_.Set(intake.notifications);
    events_.Set(intake.events);
    ignored_.Set(intake.ignored);
    unreadable_.Set(intake.unreadable + intake.oversized);
    unauthorized_.Set(intake.unauthorized);
    const DispatcherStats work = dispatcher_->stats();
    done_.Set(work.done);
    failed_.Set(work.failed);
    running_.Set(work.running);
    healthy_.Set(static_cast<double>(origins_->healthy().size()));
    if (reconciler_ == nullptr) return;
    const std::vector<ReconcileStatus> all = reconciler_->status();
    for (size_t i = 0; i < all.size(); ++i) {
      reconcile_metrics_[i].rounds.Set(all[i].rounds);
      reconcile_metrics_[i].failures.Set(all[i].failures);
      reconcile_metrics_[i].requests.Set(all[i].requests);
      reconcile_metrics_[i].found.Set(all[i].found);
      reconcile_metrics_[i].gone.Set(all[i].gone);
    }
  }

  // Of one Harbor.
  struct ReconcileMetrics {
    MirroredCounter rounds;
    MirroredCounter failures;
    MirroredCounter requests;
    MirroredCounter found;
    MirroredCounter gone;
  };
  ReconcileMetrics MakeReconcileMetrics(const std::string& harbor) {
    constexpr char kRounds[] = "kraken_bridge_reconcile_rounds_total";
    constexpr char kFound[] = "kraken_bridge_reconcile_found_total";
    return {.rounds = Counter(kRounds, "Rounds of reconciliation.",
                              {{"harbor", harbor}, {"result", "done"}}),
            .failures = Counter(kRounds, "Rounds of reconciliation.",
                                {{"harbor", harbor}, {"result", "failed"}}),
            .requests = Counter("kraken_bridge_reconcile_requests_total",
                                "Requests to a Harbor for reconciliation.", {{"harbor", harbor}}),
            .found =
                Counter(kFound, "What events had missed.", {{"harbor", harbor}, {"kind", "image"}}),
            .gone = Counter(kFound, "What events had missed.",
                            {{"harbor", harbor}, {"kind", "gone_tag"}})};
  }

  MirroredCounter Counter(const char* name, const char* help,
                          const kraken::telemetry::Labels& labels = {}) {
    return MirroredCounter(metrics_.AddCounter(name, help, labels));
  }

  const BridgeConfig config_;
  const BridgeFlags flags_;
  kraken::net::EventLoop& control_;
  kraken::net::InheritedSockets* const sockets_;
  kraken::daemon::TlsSettings tls_;
  kraken::telemetry::Metrics metrics_{"harbor-bridge", kraken::daemon::kVersion};
  std::unique_ptr<kraken::daemon::HttpFront> front_;
  MirroredCounter notifications_ =
      Counter("kraken_bridge_notifications_total", "Notifications received.");
  MirroredCounter events_ =
      Counter("kraken_bridge_events_total", "Entries in them.", {{"outcome", "work"}});
  MirroredCounter ignored_ =
      Counter("kraken_bridge_events_total", "Entries in them.", {{"outcome", "ignored"}});
  MirroredCounter unreadable_ =
      Counter("kraken_bridge_events_total", "Entries in them.", {{"outcome", "unreadable"}});
  MirroredCounter unauthorized_ =
      Counter("kraken_bridge_unauthorized_total", "Notifications with a wrong credential.");
  MirroredCounter done_ =
      Counter("kraken_bridge_jobs_total", "Attempts at jobs.", {{"result", "done"}});
  MirroredCounter failed_ =
      Counter("kraken_bridge_jobs_total", "Attempts at jobs.", {{"result", "failed"}});
  kraken::telemetry::Gauge& running_ =
      metrics_.AddGauge("kraken_bridge_jobs_running", "Jobs being worked on.");
  kraken::telemetry::Gauge& healthy_ =
      metrics_.AddGauge("kraken_healthy_origins", "Origins that this process sees healthy.");
  kraken::SystemBitGen bits_;
  kraken::net::LoopThread admin_{"http"};
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<kraken::storage::Journal> journal_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  std::unique_ptr<ReconcileStore> reconcile_store_;
  std::unique_ptr<Harbors> harbors_;
  std::vector<ReconcileMetrics> reconcile_metrics_;
  std::unique_ptr<JobSink> reconcile_sink_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::OriginClient> origin_client_;
  std::unique_ptr<kraken::rpc::BuildIndexClient> build_index_;
  std::unique_ptr<kraken::cluster::ClusterMonitor> origins_;
  std::unique_ptr<OriginPrefetcher> prefetcher_;
  std::unique_ptr<ImagePrefetch> image_prefetch_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Intake> intake_;
  kraken::net::Router router_;
  std::unique_ptr<kraken::net::HttpServer> http_server_;
  kraken::daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

void AddFlags(kraken::config::FlagSet& set, BridgeFlags* flags) {
  set.Int("port", &flags->port, 1, kMaxPort, "port that Harbors send their events to");
}

absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> StartBridge(
    const BridgeConfig& config, const BridgeFlags& flags,
    const kraken::daemon::DaemonContext& context) {
  auto bridge = std::make_unique<Bridge>(config, flags, context);
  KH_RETURN_IF_ERROR(bridge->Start());
  return bridge;
}

}  // namespace harbor_bridge
