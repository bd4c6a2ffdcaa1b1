#include "harbor_bridge/status/test_status_server.h"

#include <map>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "harbor_bridge/status/page_routes.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/raw_connection.h"
#include "kraken/registry/registry_client.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

kraken::registry::testing::ScriptedServer::Handler Answer(int status) {
  return [status](std::shared_ptr<kraken::net::HttpExchange> exchange, int) {
    exchange->Respond(status, {{"WWW-Authenticate", "Basic realm=\"harbor\""}}, "");
  };
}

std::unique_ptr<Routes> MakeRoutes() {
  RouteRule caches;
  caches.name = "caches";
  caches.image = std::make_shared<const re2::RE2>(":buildcache$");
  caches.actions.ignore = true;
  RouteRule all;
  all.name = "all";
  all.image = std::make_shared<const re2::RE2>(".*");
  all.actions.prefetch.emplace();
  all.actions.tag = TagAction::kSet;
  return std::make_unique<Routes>(std::vector<RouteRule>{caches, all},
                                  std::vector<kraken::registry::Platform>());
}

}  // namespace

TestStatusServer::TestStatusServer(bool has_trackers) : well_(Answer(200)), refusing_(Answer(401)) {
  harbors_ = MakeHarbors();
  routes_ = MakeRoutes();
  auto queue = kraken::storage::JobQueue::Open({.path = kraken::MakeTestDir() + "/jobs.db"});
  EXPECT_OK(queue);
  queue_ = *std::move(queue);
  std::vector<WatchedHarbor> watched;
  for (const Harbor& each : harbors_->all()) {
    watched.push_back({.name = each.name, .registry = each.client, .api = nullptr});
  }
  watch_ = std::make_unique<HarborWatch>(std::move(watched));
  control_.RunAndWait([this] {
    dispatcher_ = std::make_unique<Dispatcher>(
        &control_.loop(), queue_.get(),
        std::vector<Lane>{{.kind = LaneOf("eu"), .slots = 4}, {.kind = LaneOf("us"), .slots = 1}},
        [this](const kraken::storage::Job& job,
               const kraken::registry::Cancellation& cancellation) {
          return RunJob(job, cancellation);
        });
    dispatcher_->Start();
  });
  bridge_admin_ = std::make_unique<BridgeAdmin>(
      BridgeAdmin::Parts{.harbors = harbors_.get(),
                         .routes = routes_.get(),
                         .queue = queue_.get(),
                         .board = &board_,
                         .watch = watch_.get(),
                         .dispatcher = dispatcher_.get(),
                         .reconciliation = [this] { return reconciliation(); },
                         .has_trackers = has_trackers});
  Serve();
}

std::unique_ptr<Harbors> TestStatusServer::MakeHarbors() {
  const auto harbor = [this](const char* name, const char* plain,
                             const kraken::net::Url& registry) {
    kraken::registry::RegistryClientOptions options;
    options.registry = registry;
    options.credentials = {{.username = "robot", .password = "expired"}};
    return Harbor{.name = name,
                  .plain = std::make_shared<const re2::RE2>(plain),
                  .host = absl::StrCat(name, ".example"),
                  .authorization = "",
                  .client = std::make_shared<kraken::registry::RegistryClient>(
                      std::move(options), &http_, &kraken::SystemClock::Get(), &bits_)};
  };
  return std::make_unique<Harbors>(
      std::vector<Harbor>{harbor("eu", ".*", well_.url()), harbor("us", "^$", refusing_.url())});
}

void TestStatusServer::Serve() {
  report_ = std::make_unique<StatusReport>(
      StatusSources{.admin = bridge_admin_.get(),
                    .routes = routes_.get(),
                    .board = &board_,
                    .events =
                        [] {
                          return std::map<std::string, uint64_t>{{"events", 7}};
                        },
                    .lease = [this] { return lease(); }});
  api_ = std::make_unique<ApiRoutes>(ApiParts{.admin = bridge_admin_.get(),
                                              .report = report_.get(),
                                              .gate = &gate_,
                                              .loop = &admin_.loop()});
  api_->AddRoutes(router_);
  AddPageRoutes(router_, &gate_);
  server_ = std::make_unique<kraken::net::HttpServer>(
      std::vector<kraken::net::EventLoop*>{&admin_.loop()}, kraken::net::HttpServerOptions(),
      router_.AsHandler());
  auto address = server_->Listen("127.0.0.1:0");
  EXPECT_OK(address);
  address_ = *address;
}

TestStatusServer::~TestStatusServer() {
  Release();
  StopApi();
  server_.reset();
  admin_.RunAndWait([this] { api_.reset(); });
  dispatcher_->StopAndWait();
  control_.RunAndWait([this] { dispatcher_.reset(); });
  http_.Shutdown();
  watch_->Stop();
}

void TestStatusServer::StopApi() {
  if (std::exchange(api_stopped_, true)) return;
  api_->Stop();
}

Dispatcher::Result TestStatusServer::RunJob(const kraken::storage::Job& job,
                                            const kraken::registry::Cancellation& cancellation) {
  JobBoard::Entry entry(&board_, job.key, std::string(HarborOfLane(job.kind)));
  entry.SetStep("prefetching");
  entry.SetTotals(4, 100'000'000);
  entry.SetDone(1, 25'000'000);
  if (absl::StrContains(job.key, " for ")) entry.SetAgents(3, 10);
  absl::MutexLock lock(&mu_);
  while (held_.contains(job.key) && !cancellation.cancelled()) {
    const bool never = false;
    mu_.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(1));
  }
  auto it = results_.find(job.key);
  Dispatcher::Result result = it == results_.end() ? Dispatcher::Result("4 blobs") : it->second;
  if (cancellation.cancelled()) result = cancellation.status();
  entry.End(result.ok(), result.ok() ? *result : std::string(result.status().message()));
  return result;
}

std::string TestStatusServer::Ask(absl::string_view method, absl::string_view path,
                                  absl::string_view body) {
  kraken::net::RawConnection connection(address_);
  connection.Send(absl::StrCat(method, " ", path,
                               " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               "Content-Length: ",
                               body.size(), "\r\n\r\n", body));
  return connection.ReadToEnd();
}

std::optional<LeaseView> TestStatusServer::lease() {
  absl::MutexLock lock(&mu_);
  return lease_;
}

void TestStatusServer::SetLease(std::optional<LeaseView> lease) {
  absl::MutexLock lock(&mu_);
  lease_ = std::move(lease);
}

std::vector<ReconcileStatus> TestStatusServer::reconciliation() {
  absl::MutexLock lock(&mu_);
  return reconciliation_;
}

void TestStatusServer::SetReconciliation(std::vector<ReconcileStatus> all) {
  absl::MutexLock lock(&mu_);
  reconciliation_ = std::move(all);
}

void TestStatusServer::SetResult(const std::string& key, Dispatcher::Result result) {
  absl::MutexLock lock(&mu_);
  results_.insert_or_assign(key, std::move(result));
}

void TestStatusServer::Hold(const std::string& key) {
  absl::MutexLock lock(&mu_);
  held_[key] = true;
}

void TestStatusServer::Release() {
  absl::MutexLock lock(&mu_);
  held_.clear();
}

void TestStatusServer::WaitFor(const std::string& key, kraken::storage::JobState state) {
  while (true) {
    const absl::StatusOr<kraken::storage::Job> job = queue_->Get(key);
    if (job.ok() && job->state == state) return;
    std::this_thread::yield();
  }
}

void TestStatusServer::WaitForHealth() {
  while (true) {
    bool known = true;
    for (const HarborHealth& health : watch_->health()) known &= !health.unknown;
    if (known) return;
    std::this_thread::yield();
  }
}

}  // namespace harbor_bridge
