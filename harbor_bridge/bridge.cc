#include "harbor_bridge/bridge.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/cluster_writer.h"
#include "harbor_bridge/work/dispatcher.h"
#include "harbor_bridge/work/image_invalidation.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/image_worker.h"
#include "harbor_bridge/work/intake.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "harbor_bridge/work/preheat_api.h"
#include "harbor_bridge/work/preheat_jobs.h"
#include "harbor_bridge/work/quarantine.h"
#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/listeners.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/shutdown_sequence.h"
#include "kraken/daemon/start_error.h"
#include "kraken/daemon/tls_settings.h"
#include "kraken/daemon/version.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/registry/registry_client.h"
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
  Bridge(const BridgeConfig& config, const BridgeFlags& flags, kraken::net::EventLoop& control)
      : config_(config), flags_(flags), control_(control) {}

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, kraken::daemon::MakeTlsSettings(config_.common.tls));
    KH_RETURN_IF_ERROR(OpenQueues());
    KH_RETURN_IF_ERROR(MeetHarbors());
    KH_RETURN_IF_ERROR(JoinCluster());
    StartWork();
    return Serve();
  }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    shutdown_.Add("intake", [this](auto next) { http_server_->Shutdown(kGrace, std::move(next)); });
    shutdown_.AddBlocking("work", [this] {
      http_.Shutdown();
      dispatcher_->StopAndWait();
      preheat_api_->Shutdown();
    });
    shutdown_.AddBlocking("queues", [this] {
      intake_->Shutdown();
      quarantine_.reset();
      journal_.reset();
      queue_.reset();
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
    return absl::OkStatus();
  }

  std::shared_ptr<kraken::registry::RegistryClient> MakeClient(
      const kraken::registry::RegistryClientOptions& options) {
    return std::make_shared<kraken::registry::RegistryClient>(options, &http_,
                                                              &kraken::SystemClock::Get(), &bits_);
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
    cluster_writer_ = std::make_unique<ClusterWriter>(&control_, build_index_.get(), origins_.get(),
                                                      origin_client_.get());
    image_prefetch_ = std::make_unique<ImagePrefetch>(
        harbors_.get(), prefetcher_.get(),
        [this](const kraken::Namespace& ns, const kraken::Tag& tag, const kraken::Digest& digest,
               uint64_t revision) { return cluster_writer_->PutTag(ns, tag, digest, revision); },
        config_.platforms);
    image_invalidation_ =
        std::make_unique<ImageInvalidation>(harbors_.get(), cluster_writer_.get());
    image_worker_ = std::make_unique<ImageWorker>(image_prefetch_.get(), image_invalidation_.get());
    preheat_jobs_ = std::make_unique<PreheatJobs>(harbors_.get(), image_prefetch_.get(),
                                                  &kraken::SystemClock::Get());
    dispatcher_ = std::make_unique<Dispatcher>(
        &control_, queue_.get(), config_.work.concurrency,
        [this](const kraken::storage::Job& job,
               const kraken::registry::Cancellation& cancellation) -> absl::Status {
          return job.kind == kPreheatJobKind ? preheat_jobs_->Run(job, cancellation)
                                             : image_worker_->Run(job, cancellation);
        });
    intake_ = std::make_unique<Intake>(
        Intake::Parts{.harbors = harbors_.get(),
                      .journal = journal_.get(),
                      .queue = queue_.get(),
                      .quarantine = quarantine_.get(),
                      .reconcile = [](const std::string& harbor, const std::string& reason) {
                        kraken::telemetry::LogWarn("this Harbor should be compared as a whole",
                                                   {{"harbor", harbor}, {"reason", reason}});
                      }});
    preheat_api_ =
        std::make_unique<PreheatApi>(PreheatApi::Parts{.harbors = harbors_.get(),
                                                       .queue = queue_.get(),
                                                       .jobs = preheat_jobs_.get(),
                                                       .clock = &kraken::SystemClock::Get()});
  }

  absl::Status Serve() {
    KH_RETURN_IF_ERROR(intake_->Replay());
    dispatcher_->Start();
    intake_->AddRoutes(router_);
    preheat_api_->AddRoutes(router_);
    kraken::daemon::AddAdminRoutes(router_, {.capabilities = {.role = "harbor-bridge"},
                                             .metrics = &metrics_,
                                             .control = &control_,
                                             .readiness = [this] { return Readiness(); },
                                             .refresh_metrics = [this] { RefreshMetrics(); }});
    KH_ASSIGN_OR_RETURN(
        http_server_,
        kraken::daemon::StartHttpServer(admin_.loop(), flags_.port,
                                        config_.listen_tls ? tls_.http_server : nullptr, router_));
    return absl::OkStatus();
  }

  absl::Status Readiness() const {
    if (!origins_->healthy().empty()) return absl::OkStatus();
    return absl::UnavailableError("no origin is healthy");
  }

  void RefreshMetrics() {
    const IntakeStats intake = intake_->stats();
    notifications_.Set(intake.notifications);
    events_.Set(intake.events);
    ignored_.Set(intake.ignored);
    unreadable_.Set(intake.unreadable + intake.oversized);
    quarantined_.Set(quarantine_->put_count());
    const PreheatApiStats preheat = preheat_api_->stats();
    unauthorized_.Set(intake.unauthorized + preheat.unauthorized);
    preheats_accepted_.Set(preheat.accepted);
    preheats_refused_.Set(preheat.refused);
    const DispatcherStats work = dispatcher_->stats();
    done_.Set(work.done);
    failed_.Set(work.failed);
    running_.Set(work.running);
    healthy_.Set(static_cast<double>(origins_->healthy().size()));
  }

  MirroredCounter Counter(const char* name, const char* help,
                          const kraken::telemetry::Labels& labels = {}) {
    return MirroredCounter(metrics_.AddCounter(name, help, labels));
  }

  const BridgeConfig config_;
  const BridgeFlags flags_;
  kraken::net::EventLoop& control_;
  kraken::daemon::TlsSettings tls_;
  kraken::telemetry::Metrics metrics_{"harbor-bridge", kraken::daemon::kVersion};
  MirroredCounter notifications_ =
      Counter("kraken_bridge_notifications_total", "Notifications received.");
  MirroredCounter events_ =
      Counter("kraken_bridge_events_total", "Entries in them.", {{"outcome", "work"}});
  MirroredCounter ignored_ =
      Counter("kraken_bridge_events_total", "Entries in them.", {{"outcome", "ignored"}});
  MirroredCounter unreadable_ =
      Counter("kraken_bridge_events_total", "Entries in them.", {{"outcome", "unreadable"}});
  MirroredCounter quarantined_ =
      Counter("kraken_bridge_quarantined_total", "Bodies that were taken and can't be used.");
  MirroredCounter preheats_accepted_ =
      Counter("kraken_bridge_preheats_total", "Preheat jobs asked for.", {{"outcome", "accepted"}});
  MirroredCounter preheats_refused_ =
      Counter("kraken_bridge_preheats_total", "Preheat jobs asked for.", {{"outcome", "refused"}});
  MirroredCounter unauthorized_ =
      Counter("kraken_bridge_unauthorized_total", "Requests with a wrong credential.");
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
  std::unique_ptr<Quarantine> quarantine_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  std::unique_ptr<Harbors> harbors_;
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::OriginClient> origin_client_;
  std::unique_ptr<kraken::rpc::BuildIndexClient> build_index_;
  std::unique_ptr<kraken::cluster::ClusterMonitor> origins_;
  std::unique_ptr<OriginPrefetcher> prefetcher_;
  std::unique_ptr<ClusterWriter> cluster_writer_;
  std::unique_ptr<ImagePrefetch> image_prefetch_;
  std::unique_ptr<ImageInvalidation> image_invalidation_;
  std::unique_ptr<ImageWorker> image_worker_;
  std::unique_ptr<PreheatJobs> preheat_jobs_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<PreheatApi> preheat_api_;
  kraken::net::Router router_;
  std::unique_ptr<kraken::net::HttpServer> http_server_;
  kraken::daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

void AddFlags(kraken::config::FlagSet& set, BridgeFlags* flags) {
  set.Int("port", &flags->port, 1, kMaxPort, "port that Harbors send their events to");
}

absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> StartBridge(
    const BridgeConfig& config, const BridgeFlags& flags, kraken::net::EventLoop& control) {
  auto bridge = std::make_unique<Bridge>(config, flags, control);
  KH_RETURN_IF_ERROR(bridge->Start());
  return bridge;
}

}  // namespace harbor_bridge
