#include "kraken/agent/test_agent.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "kraken/agent/agent_server.h"
#include "kraken/base/test_util.h"

namespace kraken::agent {

TestAgent::TestAgent(const TestAgentOptions& options)
    : config_(options.downloads), mirrors_(options.mirrors) {
  auto store =
      storage::BlobStore::Open({.root = MakeTestDir() + "/store", .quota = options.quota}, disk_);
  EXPECT_OK(store);
  store_ = *std::move(store);
  Run([&] { StartOnControl(options); });
  Serve(options);
}

void TestAgent::StartOnControl(const TestAgentOptions& options) {
  directory_ =
      std::make_unique<rpc::ChannelDirectory>(&control_.loop(), rpc::ChannelDirectoryOptions());
  cluster::ClusterMonitorOptions members;
  members.hosts.static_hosts = {options.tracker};
  members.health.disabled = true;
  auto monitor = cluster::ClusterMonitor::Create(&control_.loop(), members);
  ASSERT_OK(monitor);
  members_ = *std::move(monitor);
  trackers_ = std::make_unique<TrackerPool>(&control_.loop(), directory_.get(), members_.get());
  StartFallbacks(options);
  auto build_index = rpc::BuildIndexClient::Create(
      &control_.loop(), directory_.get(), {.hosts = {.static_hosts = {options.build_index}}});
  ASSERT_OK(build_index);
  build_index_ = *std::move(build_index);

  peer_wire::SwarmNodeOptions node_options;
  node_options.control = &control_.loop();
  node_options.io = &io_;
  node_options.store = store_.get();
  node_options.disk = &disk_;
  node_options.announcer = trackers_.get();
  node_options.swarm.stall_limit = config_.stall_timeout;
  node_options.self.id = PeerId::Random();
  node_options.self.ip = "127.0.0.1";
  node_options.listen_address = "127.0.0.1:0";
  auto node = peer_wire::SwarmNode::Create(std::move(node_options));
  ASSERT_OK(node);
  node_ = *std::move(node);
  Downloads::Parts parts;
  parts.loop = &control_.loop();
  parts.trackers = trackers_.get();
  parts.origins = origins_.get();
  parts.backends = backends_.get();
  parts.node = node_.get();
  parts.store = store_.get();
  parts.disk = &disk_;
  downloads_ = std::make_unique<Downloads>(parts, config_);
  if (origins_ != nullptr) {
    origins_->Start(
        [this](const Digest& digest, const rpc::v1::TorrentNews& news) {
          downloads_->OnNews(BlobSource::kOrigin, digest, news);
        },
        [this](const Digest& digest) { downloads_->OnOriginAnswer(digest); });
  }
  orders_ = std::make_unique<Orders>(Orders::Parts{.loop = &control_.loop(),
                                                   .downloads = downloads_.get(),
                                                   .store = store_.get(),
                                                   .disk = &disk_},
                                     [this](const std::string& tracker, const auto& status) {
                                       trackers_->Report(tracker, status);
                                     });
  node_->Start();
  trackers_->TakeOrders(options.labels, [this](const std::string& tracker, const auto& order) {
    orders_->OnOrder(tracker, order);
  });
  trackers_->Start(
      node_->self(), /*zone=*/"",
      [this](const Digest& digest, const rpc::v1::TorrentNews& news) {
        downloads_->OnNews(BlobSource::kTracker, digest, news);
      },
      [this] { node_->AnnounceAgain(); });
}

void TestAgent::StartFallbacks(const TestAgentOptions& options) {
  if (!options.origins.empty()) {
    cluster::ClusterMonitorOptions members;
    members.hosts.static_hosts = options.origins;
    members.passive_health.emplace();
    auto monitor = cluster::ClusterMonitor::Create(&control_.loop(), members);
    ASSERT_OK(monitor);
    origin_members_ = *std::move(monitor);
    origins_ =
        std::make_unique<OriginPool>(&control_.loop(), directory_.get(), origin_members_.get());
  }
  if (options.backends != nullptr) {
    daemon::BlobFetcherOptions reading;
    reading.max_fetches = config_.max_backend_reads;
    backends_ = std::make_unique<daemon::BlobFetcher>(&control_.loop(), options.backends,
                                                      store_.get(), std::move(reading));
  }
}

void TestAgent::Serve(const TestAgentOptions& options) {
  RegistryFace::Parts parts;
  parts.control = &control_.loop();
  parts.loops = io_.loops();
  parts.downloads = downloads_.get();
  parts.node = node_.get();
  parts.store = store_.get();
  parts.disk = &disk_;
  parts.build_index = build_index_.get();
  if (!options.access.rules.empty()) {
    ASSERT_OK_AND_ASSIGN(access_, PullAccess::Create(options.access));
  }
  parts.access = access_.get();
  look_ahead_ = std::make_unique<LookAhead>(&control_.loop(), downloads_.get(), options.look_ahead);
  parts.look_ahead = look_ahead_.get();
  registry_ = std::make_unique<RegistryFace>(parts, config_, MirrorRules(mirrors_));
  registry_server_ = std::make_unique<net::HttpServer>(
      io_.loops(), options.http, [this](std::shared_ptr<net::HttpExchange> exchange) {
        registry_->Handle(std::move(exchange));
      });
  ASSERT_OK_AND_ASSIGN(registry_address_, registry_server_->Listen("127.0.0.1:0"));

  AddAgentRoutes(router_, {.control = &control_.loop(),
                           .downloads = downloads_.get(),
                           .build_index = build_index_.get()});
  admin_server_ =
      std::make_unique<net::HttpServer>(io_.loops(), net::HttpServerOptions(), router_.AsHandler());
  ASSERT_OK_AND_ASSIGN(admin_address_, admin_server_->Listen("127.0.0.1:0"));
}

TestAgent::~TestAgent() {
  registry_server_ = nullptr;
  admin_server_ = nullptr;
  if (access_ != nullptr) access_->Shutdown();
  if (backends_ != nullptr) backends_->Shutdown();
  absl::Notification done;
  control_.loop().Post([this, &done] {
    orders_->Stop();
    node_->Shutdown([&done](const absl::Status&) { done.Notify(); });
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(60)));
  disk_.WaitIdle();
  Run([this] {
    orders_ = nullptr;
    downloads_ = nullptr;
    node_ = nullptr;
    backends_ = nullptr;
    origins_ = nullptr;
    origin_members_ = nullptr;
    build_index_ = nullptr;
    trackers_ = nullptr;
    members_ = nullptr;
    directory_ = nullptr;
  });
  // Work that outlives them.
  disk_.WaitIdle();
  control_.Join();
  io_.Join();
  disk_.WaitIdle();
  store_ = nullptr;
}

DownloadStats TestAgent::Stats() {
  DownloadStats stats;
  Run([&] { stats = downloads_->stats(); });
  return stats;
}

}  // namespace kraken::agent
