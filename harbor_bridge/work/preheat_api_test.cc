// Harbor's preheat provider "dragonfly", as Harbor 2.12 to 2.15 speaks it, before a whole bridge:
// a queue on disk, workers, a real registry, and origins that note what they are asked for.
#include "harbor_bridge/work/preheat_api.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/container/btree_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/bridge_fixture.h"
#include "harbor_bridge/work/dispatcher.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"
#include "kraken/net/http_server.h"
#include "kraken/net/raw_connection.h"
#include "kraken/storage/file_system.h"

namespace harbor_bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kToken[] = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJkaXN0cmlidXRvciJ9.c2lnbmF0dXJl";
constexpr int kWorkers = 2;

class PreheatApiTest : public BridgeFixture {
 protected:
  void SetUp() override {
    BridgeFixture::SetUp();
    prefetch_ = std::make_unique<ImagePrefetch>(harbors_.get(), &routes_,
                                                std::vector<ClusterTarget>{Target()});
    Open();
  }
  void TearDown() override {
    Close();
    BridgeFixture::TearDown();
  }

  void Open() {
    kraken::storage::JobQueueOptions options;
    options.path = dir_ + "/jobs.db";
    options.backoff = {.initial_interval = absl::Milliseconds(1),
                       .max_interval = absl::Milliseconds(2),
                       .max_retries = 3};
    ASSERT_OK_AND_ASSIGN(queue_, kraken::storage::JobQueue::Open(std::move(options)));
    jobs_ =
        std::make_unique<PreheatJobs>(harbors_.get(), prefetch_.get(), &kraken::SystemClock::Get());
    api_ = std::make_unique<PreheatApi>(PreheatApi::Parts{.harbors = harbors_.get(),
                                                          .queue = queue_.get(),
                                                          .jobs = jobs_.get(),
                                                          .bodies = &bodies_,
                                                          .clock = &kraken::SystemClock::Get()});
    router_ = std::make_unique<kraken::net::Router>();
    api_->AddRoutes(*router_);
    server_ = std::make_unique<kraken::net::HttpServer>(
        pool_.loops(), kraken::net::HttpServerOptions(), router_->AsHandler());
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  // Begins to do jobs.
  void StartWorkers() {
    loop_.RunAndWait([&] {
      dispatcher_ = std::make_unique<Dispatcher>(
          &loop_.loop(), queue_.get(), std::vector<Lane>{{.kind = LaneOf("eu"), .slots = kWorkers}},
          [this](const kraken::storage::Job& job, const kraken::registry::Cancellation& stop) {
            JobBoard::Entry entry(&board_, job.key, "eu");
            return jobs_->Run(job, entry, stop);
          });
      dispatcher_->Start();
    });
  }
  void Close() {
    server_.reset();
    if (dispatcher_ != nullptr) {
      dispatcher_->StopAndWait();
      loop_.RunAndWait([&] { dispatcher_.reset(); });
    }
    api_->Shutdown();
    queue_.reset();
    api_.reset();
    jobs_.reset();
  }

  // The whole response.
  std::string Send(absl::string_view method, absl::string_view path, absl::string_view body = "") {
    kraken::net::RawConnection connection(address_);
    connection.Send(absl::StrCat(method, " ", path,
                                 " HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n"
                                 "Accept: application/json\r\nContent-Type: application/json\r\n"
                                 "Content-Length: ",
                                 body.size(), "\r\n\r\n", body));
    return connection.ReadToEnd();
  }
  nlohmann::json Json(const std::string& response) {
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
    auto json = kraken::ParseJson(response.substr(response.find("\r\n\r\n") + 4));
    EXPECT_OK(json);
    return json.ok() ? *json : nlohmann::json();
  }
  std::string JobFor(absl::string_view url) {
    return absl::StrCat(
        R"({"type":"preheat","args":{"type":"image","url":")", url,
        R"(","tag":"","filtered_query_params":"","headers":{"Authorization":"Bearer )", kToken,
        R"("},"scope":"single_seed_peer","concurrent_count":0,"timeout":0},)",
        R"("scheduler_cluster_ids":null})");
  }
  // The path of a new job.
  std::string Create(absl::string_view url = "https://hub/v2/library/debian/manifests/latest") {
    const nlohmann::json created = Json(Send("POST", "/eu/oapi/v1/jobs", JobFor(url)));
    EXPECT_EQ(created["state"], "PENDING");
    return absl::StrCat("/eu/oapi/v1/jobs/", created["id"].get<int64_t>());
  }
  nlohmann::json WaitForEnd(const std::string& path) {
    while (true) {
      nlohmann::json job = Json(Send("GET", path));
      if (job["state"] != "PENDING") return job;
      std::this_thread::yield();
    }
  }
  // Whether any file of the bridge's has this text in it.
  bool IsOnDisk(absl::string_view text) {
    bool found = false;
    EXPECT_OK(kraken::storage::PosixFileSystem().List(dir_, [&](absl::string_view name) {
      const absl::StatusOr<std::string> bytes =
          kraken::ReadWholeFile(absl::StrCat(dir_, "/", name), 1 << 30);
      found = found || (bytes.ok() && absl::StrContains(*bytes, text));
      return true;
    }));
    return found;
  }

  const std::string dir_ = kraken::MakeTestDir();
  BodyBudget bodies_{kMaxBodiesBytes};
  kraken::net::LoopPool pool_{"http", 1};
  const Routes routes_{{}, {}};
  JobBoard board_;
  std::unique_ptr<ImagePrefetch> prefetch_;
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<PreheatJobs> jobs_;
  std::unique_ptr<PreheatApi> api_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<kraken::net::Router> router_;
  kraken::net::SocketAddress address_;
  std::unique_ptr<kraken::net::HttpServer> server_;
};

TEST_F(PreheatApiTest, IsHealthy) {
  for (const char* path : {"/healthy", "/eu/healthy"}) {
    EXPECT_THAT(Send("GET", path), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_THAT(Send("GET", "/asia/healthy"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(PreheatApiTest, SucceedsWhenTheOriginsHaveAllOfIt) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  origin_.Hold();
  const std::string path = Create();
  StartWorkers();
  origin_.WaitUntilHeld();
  EXPECT_EQ(Json(Send("GET", path))["state"], "PENDING");
  origin_.Release();
  const nlohmann::json done = WaitForEnd(path);
  EXPECT_EQ(done["state"], "SUCCESS");
  EXPECT_THAT(done["created_at"].get<std::string>(), HasSubstr("T"));
  EXPECT_EQ(origin_.asked(), blobs);
}

TEST_F(PreheatApiTest, FailsWithTheReasonWhenTheyCannot) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  origin_.set_answer(absl::ResourceExhaustedError("no space on volume 3"));
  StartWorkers();
  const nlohmann::json failed = WaitForEnd(Create());
  EXPECT_EQ(failed["state"], "FAILURE");
  EXPECT_THAT(failed["result"]["job_states"][0]["error"].get<std::string>(),
              HasSubstr("no space on volume 3"));
}

TEST_F(PreheatApiTest, AnImageThatIsNotThereFailsAtOnce) {
  StartWorkers();
  const nlohmann::json failed =
      WaitForEnd(Create("https://hub/v2/library/debian/manifests/nothing"));
  EXPECT_EQ(failed["state"], "FAILURE");
  EXPECT_THAT(failed["result"]["job_states"][0]["error"].get<std::string>(),
              HasSubstr("library/debian:nothing is not at Harbor eu"));
  EXPECT_THAT(dropped(), IsEmpty());
}

TEST_F(PreheatApiTest, UsesTheCredentialThatCameAndNeverWritesItDown) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  const std::string path = Create();
  EXPECT_FALSE(IsOnDisk(kToken));
  EXPECT_TRUE(IsOnDisk("library/debian")) << "the job is there";
  StartWorkers();
  WaitForEnd(path);
  EXPECT_THAT(tokens(), ElementsAre(kToken));
  EXPECT_FALSE(IsOnDisk(kToken));
}

TEST_F(PreheatApiTest, AJobOutlivesTheProcessAndIsDoneWithTheHarborsOwnCredential) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  const std::string path = Create();
  Close();
  Open();
  EXPECT_EQ(Json(Send("GET", path))["state"], "PENDING");
  StartWorkers();
  EXPECT_EQ(WaitForEnd(path)["state"], "SUCCESS");
  EXPECT_THAT(tokens(), IsEmpty());
  EXPECT_NE(Create(), path);
}

TEST_F(PreheatApiTest, WhatWaitsIsTakenBackAndWhatRunsIsGivenUp) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  const std::string waiting = Create();
  EXPECT_THAT(Send("DELETE", waiting), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Send("GET", waiting), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Send("DELETE", waiting), StartsWith("HTTP/1.1 404 "));

  origin_.Hold();
  const std::string running = Create();
  StartWorkers();
  origin_.WaitUntilHeld();
  EXPECT_THAT(Send("DELETE", running), StartsWith("HTTP/1.1 200 "));
  const nlohmann::json failed = WaitForEnd(running);
  EXPECT_EQ(failed["state"], "FAILURE");
  EXPECT_THAT(failed["result"]["job_states"][0]["error"].get<std::string>(),
              HasSubstr("cancelled"));
}

TEST_F(PreheatApiTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* body : {"", "{", "[]", R"({"type":"preheat"})", R"({"type":"get_task"})"}) {
    EXPECT_THAT(Send("POST", "/oapi/v1/jobs", body), StartsWith("HTTP/1.1 422 ")) << body;
  }
  EXPECT_THAT(Send("POST", "/oapi/v1/jobs", std::string(PreheatApi::kMaxBodyBytes + 1, ' ')),
              StartsWith("HTTP/1.1 422 "));
  EXPECT_THAT(Send("GET", "/oapi/v1/jobs/1"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Send("GET", "/oapi/v1/jobs/x"), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(api_->stats().refused, 6u);
}

// The image comes from its Harbor, whatever host the URL has.
TEST_F(PreheatApiTest, TheHostOfTheUrlIsNeverAsked) {
  absl::btree_set<std::string> blobs;
  PushImage("latest", "layer", &blobs);
  kraken::net::HttpServer trap(
      pool_.loops(), kraken::net::HttpServerOptions(),
      [](std::shared_ptr<kraken::net::HttpExchange> e) { e->Respond(200, {}, "{}"); });
  ASSERT_OK_AND_ASSIGN(const kraken::net::SocketAddress trap_address, trap.Listen("127.0.0.1:0"));
  StartWorkers();
  const nlohmann::json done = WaitForEnd(Create(
      absl::StrCat("http://", trap_address.ToString(), "/v2/library/debian/manifests/latest")));
  EXPECT_EQ(done["state"], "SUCCESS");
  EXPECT_EQ(trap.stats().connections_accepted, 0u);
}

}  // namespace
}  // namespace harbor_bridge
