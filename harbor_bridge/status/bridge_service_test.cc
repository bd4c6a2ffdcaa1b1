// A real server and a real client.
#include "harbor_bridge/status/bridge_service.h"

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/status/test_status_server.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/test_certificates.h"
#include "kraken/rpc/bridge.grpc.pb.h"
#include "kraken/rpc/credentials.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/status.h"
#include "src/proto/grpc/health/v1/health.grpc.pb.h"

namespace harbor_bridge {
namespace {

namespace v1 = kraken::rpc::v1;
using kraken::StatusIs;
using kraken::storage::JobState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kDenied = absl::StatusCode::kPermissionDenied;

// What a call brings besides its request.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// What a proxy adds: its client is elsewhere.
const Metadata& FromElsewhere() {
  static const auto* const metadata = new Metadata({{"x-forwarded-for", "192.0.2.1"}});
  return *metadata;
}

class BridgeServiceTest : public ::testing::Test {
 protected:
  BridgeServiceTest() { Serve({}, {}); }
  ~BridgeServiceTest() override { StopServing(); }

  void Serve(kraken::daemon::AdminConfig config, const kraken::rpc::TlsFiles& tls) {
    StopServing();
    gate_ = std::make_unique<kraken::daemon::AdminGate>(std::move(config));
    service_ = std::make_unique<BridgeService>(&server_.admin(), gate_.get(), &loop_.loop());
    ASSERT_OK_AND_ASSIGN(auto certificates, kraken::rpc::Certificates::Load(tls));
    auto rpc = kraken::rpc::RpcServer::Start({.address = "127.0.0.1:0", .tls = certificates},
                                             {service_.get()});
    ASSERT_OK(rpc);
    rpc_ = *std::move(rpc);
    rpc_->SetServing(true);
    Connect({});
  }
  void StopServing() {
    if (rpc_ == nullptr) return;
    service_->EndWatches();
    rpc_.reset();
    service_->Stop();
    service_.reset();
  }
  void Connect(const kraken::rpc::TlsFiles& tls) {
    ASSERT_OK_AND_ASSIGN(auto certificates, kraken::rpc::Certificates::Load(tls));
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", rpc_->port()),
                                   kraken::rpc::ChannelCredentials(certificates).current());
    stub_ = v1::Bridge::NewStub(channel_);
  }

  static void Prepare(grpc::ClientContext& context, const Metadata& metadata) {
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  }
  template <typename Reply, typename Request>
  using Method = grpc::Status (v1::Bridge::Stub::*)(grpc::ClientContext*, const Request&, Reply*);

  template <typename Reply, typename Request>
  absl::StatusOr<Reply> Call(Method<Reply, Request> method, const Request& request,
                             const Metadata& metadata = {}) {
    grpc::ClientContext context;
    Prepare(context, metadata);
    Reply reply;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &reply);
    if (!status.ok()) return kraken::rpc::FromGrpc(status);
    return reply;
  }
  absl::StatusOr<v1::PreheatReply> Preheat(const std::vector<std::string>& images,
                                           const std::vector<std::string>& platforms = {},
                                           const Metadata& metadata = {}) {
    v1::PreheatRequest request;
    for (const std::string& image : images) request.add_images(image);
    for (const std::string& platform : platforms) request.add_platforms(platform);
    return Call<v1::PreheatReply>(&v1::Bridge::Stub::Preheat, request, metadata);
  }
  absl::StatusOr<v1::CancelJobReply> Cancel(const std::string& key) {
    v1::CancelJobRequest request;
    request.set_key(key);
    return Call<v1::CancelJobReply>(&v1::Bridge::Stub::CancelJob, request);
  }
  void Put(const std::string& tag) {
    ASSERT_OK(server_.queue().EnqueueAndWait(
        ImageWork{.harbor = "eu",
                  .repository = *kraken::RepositoryName::Parse("a/b"),
                  .reference = kraken::Reference(*kraken::Tag::Parse(tag))}
            .ToJob(kEventPriority)));
  }

  // A stream that is being read.
  struct Watching {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::BridgeJob>> reader;

    bool is_over = false;

    // The next message, or one without a key at the end.
    v1::BridgeJob Next() {
      v1::BridgeJob job;
      if (!is_over) is_over = !reader->Read(&job);
      if (is_over) job.Clear();
      return job;
    }
    absl::Status End() {
      while (!Next().key().empty()) {
      }
      return kraken::rpc::FromGrpc(reader->Finish());
    }
  };
  std::unique_ptr<Watching> Watch(const std::vector<std::string>& keys,
                                  const Metadata& metadata = {}) {
    auto watching = std::make_unique<Watching>();
    Prepare(watching->context, metadata);
    v1::WatchJobsRequest request;
    for (const std::string& key : keys) request.add_keys(key);
    watching->reader = stub_->WatchJobs(&watching->context, request);
    return watching;
  }

  TestStatusServer server_;
  kraken::net::LoopThread loop_{"watches"};
  std::unique_ptr<kraken::daemon::AdminGate> gate_;
  std::unique_ptr<BridgeService> service_;
  std::unique_ptr<kraken::rpc::RpcServer> rpc_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Bridge::Stub> stub_;
};

TEST_F(BridgeServiceTest, APreheatIsWatchedUntilItIsDone) {
  server_.Hold("eu/a/b:1 (preheat linux/arm64)");
  ASSERT_OK_AND_ASSIGN(const v1::PreheatReply reply,
                       Preheat({"a/b:1", "us.example/c/d"}, {"linux/arm64"}));
  ASSERT_EQ(reply.images_size(), 2);
  EXPECT_EQ(reply.images(0).image(), "a/b:1");
  EXPECT_EQ(reply.images(0).key(), "eu/a/b:1 (preheat linux/arm64)");
  EXPECT_EQ(reply.images(1).key(), "us/c/d:latest (preheat linux/arm64)");

  const auto watching = Watch({reply.images(0).key(), reply.images(1).key()});
  v1::BridgeJob job;
  do {
    job = watching->Next();
    ASSERT_FALSE(job.key().empty());
  } while (!job.has_progress() || job.key() != reply.images(0).key());
  EXPECT_EQ(job.state(), v1::BRIDGE_JOB_STATE_RUNNING);
  EXPECT_EQ(job.harbor(), "eu");
  EXPECT_EQ(job.priority(), kPreheatPriority);
  EXPECT_EQ(job.progress().step(), "prefetching");
  EXPECT_EQ(job.progress().bytes_done(), 25'000'000);
  EXPECT_EQ(job.progress().bytes_total(), 100'000'000);

  server_.Release();
  std::map<std::string, v1::BridgeJob> last;
  for (job = watching->Next(); !job.key().empty(); job = watching->Next()) last[job.key()] = job;
  EXPECT_OK(watching->End());
  EXPECT_EQ(last[reply.images(0).key()].state(), v1::BRIDGE_JOB_STATE_DONE);
  EXPECT_EQ(last[reply.images(0).key()].result(), "4 blobs");
}

TEST_F(BridgeServiceTest, APreheatThatCannotBeDoneIsRefusedWhole) {
  EXPECT_THAT(Preheat({"a/b:1", "moon.example/a/b"}),
              StatusIs(kNotFound, HasSubstr("image moon.example/a/b")));
  EXPECT_THAT(Preheat({"a/b:1", "A B"}), StatusIs(kInvalid, HasSubstr("image A B")));
  EXPECT_THAT(Preheat({"a/b:1"}, {"linux"}), StatusIs(kInvalid, HasSubstr("linux")));
  EXPECT_THAT(Preheat({"a/b:1"}, std::vector<std::string>(65, "linux/amd64")),
              StatusIs(kInvalid, HasSubstr("platforms")));
  EXPECT_THAT(Preheat({}), StatusIs(kInvalid, HasSubstr("which images")));
  EXPECT_THAT(Preheat(std::vector<std::string>(1001, "a/b:1")), StatusIs(kInvalid));
  EXPECT_EQ(server_.queue().Stats()->pending, 0);
  EXPECT_EQ(server_.queue().Stats()->done, 0);
}

TEST_F(BridgeServiceTest, WhatIsNotThereIsSaidSo) {
  EXPECT_THAT(Watch({"eu/a/b:1"})->End(), StatusIs(kNotFound, HasSubstr("eu/a/b:1")));
  EXPECT_THAT(Cancel("eu/a/b:1"), StatusIs(kNotFound));
  v1::RetryJobsRequest retry;
  EXPECT_THAT(Call<v1::RetryJobsReply>(&v1::Bridge::Stub::RetryJobs, retry), StatusIs(kInvalid));
  retry.set_key("eu/a/b:1");
  EXPECT_THAT(Call<v1::RetryJobsReply>(&v1::Bridge::Stub::RetryJobs, retry), StatusIs(kNotFound));
  EXPECT_THAT(Watch({})->End(), StatusIs(kInvalid));
  EXPECT_THAT(Watch(std::vector<std::string>(1001, "eu/a/b:1"))->End(), StatusIs(kInvalid));
}

TEST_F(BridgeServiceTest, WhoWatchesSeesThatAJobIsCancelled) {
  server_.Hold("eu/a/b:1");
  Put("1");
  ASSERT_OK(server_.queue().EnqueueAndWait(
      {.key = "later", .kind = "image/eu", .payload = "", .not_before = absl::InfiniteFuture()}));
  const auto watching = Watch({"eu/a/b:1", "later"});
  bool runs = false;
  bool waits = false;
  while (!runs || !waits) {
    const v1::BridgeJob job = watching->Next();
    ASSERT_FALSE(job.key().empty());
    runs |= job.key() == "eu/a/b:1" && job.has_progress();
    waits |= job.key() == "later" && job.state() == v1::BRIDGE_JOB_STATE_PENDING;
  }
  ASSERT_OK_AND_ASSIGN(const v1::CancelJobReply running, Cancel("eu/a/b:1"));
  EXPECT_TRUE(running.was_running());
  ASSERT_OK_AND_ASSIGN(const v1::CancelJobReply waiting, Cancel("later"));
  EXPECT_FALSE(waiting.was_running());
  std::map<std::string, v1::BridgeJob> last;
  for (v1::BridgeJob job = watching->Next(); !job.key().empty(); job = watching->Next()) {
    last[job.key()] = job;
  }
  EXPECT_OK(watching->End());
  EXPECT_EQ(last["eu/a/b:1"].state(), v1::BRIDGE_JOB_STATE_DEAD);
  EXPECT_THAT(last["eu/a/b:1"].error(), HasSubstr("cancelled by an operator"));
  EXPECT_EQ(last["later"].state(), v1::BRIDGE_JOB_STATE_FORGOTTEN);
  EXPECT_THAT(Cancel("later"), StatusIs(kNotFound));
}

TEST_F(BridgeServiceTest, JobsAreListedPageByPageAndRetried) {
  server_.SetResult("eu/a/b:bad", absl::InvalidArgumentError("no manifest"));
  for (const char* tag : {"1", "2", "bad"}) Put(tag);
  for (const char* tag : {"1", "2"}) server_.WaitFor(absl::StrCat("eu/a/b:", tag), JobState::kDone);
  server_.WaitFor("eu/a/b:bad", JobState::kDead);
  const auto keys = [this](v1::BridgeJobState state, const std::string& after, int limit,
                           std::string* next) {
    v1::ListJobsRequest request;
    request.set_state(state);
    request.set_after_key(after);
    request.set_limit(limit);
    const auto reply = Call<v1::ListJobsReply>(&v1::Bridge::Stub::ListJobs, request);
    EXPECT_OK(reply);
    std::vector<std::string> list;
    if (!reply.ok()) return list;
    for (const v1::BridgeJob& job : reply->jobs()) list.push_back(job.key());
    *next = reply->next_after_key();
    return list;
  };
  std::string next;
  EXPECT_THAT(keys(v1::BRIDGE_JOB_STATE_UNSPECIFIED, "", 2, &next),
              ElementsAre("eu/a/b:1", "eu/a/b:2"));
  EXPECT_EQ(next, "eu/a/b:2");
  EXPECT_THAT(keys(v1::BRIDGE_JOB_STATE_UNSPECIFIED, next, 2, &next), ElementsAre("eu/a/b:bad"));
  EXPECT_EQ(next, "");
  EXPECT_THAT(keys(v1::BRIDGE_JOB_STATE_DEAD, "", 0, &next), ElementsAre("eu/a/b:bad"));
  EXPECT_THAT(keys(v1::BRIDGE_JOB_STATE_RUNNING, "", 0, &next), IsEmpty());
  v1::ListJobsRequest unknown;
  unknown.set_state(v1::BRIDGE_JOB_STATE_FORGOTTEN);
  EXPECT_THAT(Call<v1::ListJobsReply>(&v1::Bridge::Stub::ListJobs, unknown), StatusIs(kInvalid));

  server_.SetResult("eu/a/b:bad", "it works now");
  v1::RetryJobsRequest retry;
  retry.set_all(true);
  ASSERT_OK(Call<v1::RetryJobsReply>(&v1::Bridge::Stub::RetryJobs, retry));
  server_.WaitFor("eu/a/b:bad", JobState::kDone);
}

TEST_F(BridgeServiceTest, RoutesAreExplainedAndHarborsNamed) {
  v1::ExplainRouteRequest image;
  image.set_image("us.example/a/b:1");
  ASSERT_OK_AND_ASSIGN(const v1::ExplainRouteReply taken,
                       Call<v1::ExplainRouteReply>(&v1::Bridge::Stub::ExplainRoute, image));
  EXPECT_EQ(taken.harbor(), "us");
  EXPECT_EQ(taken.summary(), "prefetch (all platforms), tag set");
  ASSERT_EQ(taken.steps_size(), 2);
  EXPECT_EQ(taken.steps(0).rule(), "caches");
  EXPECT_FALSE(taken.steps(0).matched());
  EXPECT_TRUE(taken.steps(1).matched());
  image.set_image("a/b:buildcache");
  ASSERT_OK_AND_ASSIGN(const v1::ExplainRouteReply ignored,
                       Call<v1::ExplainRouteReply>(&v1::Bridge::Stub::ExplainRoute, image));
  EXPECT_TRUE(ignored.ignored());
  image.set_image("moon.example/a/b");
  EXPECT_THAT(Call<v1::ExplainRouteReply>(&v1::Bridge::Stub::ExplainRoute, image),
              StatusIs(kNotFound, HasSubstr("moon.example")));

  server_.WaitForHealth();
  server_.SetReconciliation({{.harbor = "us",
                              .through_api = true,
                              .rounds = 2,
                              .gone = 1,
                              .last_ended = absl::FromUnixMillis(1234),
                              .last_error = absl::UnavailableError("us refuses connections")}});
  ASSERT_OK_AND_ASSIGN(
      const v1::ListHarborsReply harbors,
      Call<v1::ListHarborsReply>(&v1::Bridge::Stub::ListHarbors, v1::ListHarborsRequest()));
  ASSERT_EQ(harbors.harbors_size(), 2);
  EXPECT_EQ(harbors.harbors(0).health(), v1::BRIDGE_HARBOR_HEALTH_OK);
  EXPECT_EQ(harbors.harbors(1).health(), v1::BRIDGE_HARBOR_HEALTH_BAD);
  EXPECT_THAT(harbors.harbors(1).problem(), HasSubstr("401"));
  EXPECT_EQ(harbors.harbors(1).slots(), 1);
  EXPECT_FALSE(harbors.harbors(0).has_reconciliation());
  const v1::BridgeReconciliation& reconciliation = harbors.harbors(1).reconciliation();
  EXPECT_TRUE(reconciliation.through_api());
  EXPECT_EQ(reconciliation.rounds(), 2);
  EXPECT_EQ(reconciliation.gone(), 1);
  EXPECT_EQ(reconciliation.ended_at_ms(), 1234);
  EXPECT_EQ(reconciliation.problem(), "us refuses connections");
}

TEST_F(BridgeServiceTest, WhoAsksFromElsewhereNeedsMore) {
  EXPECT_THAT(Preheat({"a/b:1"}, {}, FromElsewhere()), StatusIs(kDenied));
  EXPECT_THAT(Watch({"eu/a/b:1"}, FromElsewhere())->End(), StatusIs(kDenied));
  EXPECT_THAT(
      Call<v1::ListJobsReply>(&v1::Bridge::Stub::ListJobs, v1::ListJobsRequest(), FromElsewhere()),
      StatusIs(kDenied));
  EXPECT_THAT(Call<v1::RetryJobsReply>(&v1::Bridge::Stub::RetryJobs, v1::RetryJobsRequest(),
                                       FromElsewhere()),
              StatusIs(kDenied));
  EXPECT_THAT(Call<v1::CancelJobReply>(&v1::Bridge::Stub::CancelJob, v1::CancelJobRequest(),
                                       FromElsewhere()),
              StatusIs(kDenied));
  EXPECT_THAT(Call<v1::ExplainRouteReply>(&v1::Bridge::Stub::ExplainRoute,
                                          v1::ExplainRouteRequest(), FromElsewhere()),
              StatusIs(kDenied));
  EXPECT_THAT(Call<v1::ListHarborsReply>(&v1::Bridge::Stub::ListHarbors, v1::ListHarborsRequest(),
                                         FromElsewhere()),
              StatusIs(kDenied));
  EXPECT_EQ(server_.queue().Stats()->pending, 0);

  Serve({.username = "ops", .password = "right"}, {});
  EXPECT_THAT(Preheat({"a/b:1"}, {}, FromElsewhere()),
              StatusIs(absl::StatusCode::kUnauthenticated));
  Metadata with_password = FromElsewhere();
  with_password.emplace_back("authorization", "Basic b3BzOndyb25n");
  EXPECT_THAT(Preheat({"a/b:1"}, {}, with_password), StatusIs(absl::StatusCode::kUnauthenticated));
  with_password.back().second = "Basic b3BzOnJpZ2h0";
  EXPECT_OK(Preheat({"a/b:1"}, {}, with_password));

  Serve({.public_read = true}, {});
  EXPECT_OK(
      Call<v1::ListJobsReply>(&v1::Bridge::Stub::ListJobs, v1::ListJobsRequest(), FromElsewhere()));
  EXPECT_THAT(Preheat({"a/b:1"}, {}, FromElsewhere()), StatusIs(kDenied));
}

TEST_F(BridgeServiceTest, WithTlsNobodyGetsInWithoutACertificate) {
  const std::string dir = kraken::MakeTestDir();
  kraken::net::TestCa ca(dir, "cluster");
  const kraken::net::TlsIdentity identity = ca.Issue("bridge", {.ip_sans = {"127.0.0.1"}});
  const kraken::rpc::TlsFiles files = {.authority_files = {ca.ca_file()},
                                       .certificate_file = identity.certificate_file,
                                       .key_file = identity.key_file};
  Serve({}, files);
  Connect(files);
  // Wherever he asks from.
  EXPECT_OK(Preheat({"a/b:1"}, {}, FromElsewhere()));
  Connect({.authority_files = {ca.ca_file()}});
  EXPECT_THAT(Preheat({"a/b:2"}), StatusIs(absl::StatusCode::kUnavailable));
  kraken::net::TestCa other_ca(dir, "other");
  const kraken::net::TlsIdentity stranger = other_ca.Issue("stranger", {});
  Connect({.authority_files = {ca.ca_file()},
           .certificate_file = stranger.certificate_file,
           .key_file = stranger.key_file});
  EXPECT_THAT(Preheat({"a/b:2"}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(server_.queue().Get("eu/a/b:2 (preheat)"), StatusIs(kNotFound));
}

TEST_F(BridgeServiceTest, SaysThatItServes) {
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(stub->Check(&context, {}, &response).ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(BridgeServiceTest, OnlySoManyWatchAndTheEndOfTheBridgeEndsThem) {
  server_.Hold("eu/a/b:1");
  Put("1");
  std::vector<std::unique_ptr<Watching>> all;
  for (size_t i = 0; i < JobWatches::kMaxWatches; ++i) {
    all.push_back(Watch({"eu/a/b:1"}));
    EXPECT_EQ(all.back()->Next().key(), "eu/a/b:1");
  }
  EXPECT_THAT(Watch({"eu/a/b:1"})->End(), StatusIs(absl::StatusCode::kResourceExhausted));
  // Who goes makes room.
  all.back()->context.TryCancel();
  EXPECT_THAT(all.back()->End(), StatusIs(absl::StatusCode::kCancelled));
  all.pop_back();
  while (true) {
    auto watching = Watch({"eu/a/b:1"});
    if (!watching->Next().key().empty()) {
      all.push_back(std::move(watching));
      break;
    }
    EXPECT_THAT(watching->End(), StatusIs(absl::StatusCode::kResourceExhausted));
  }
  service_->EndWatches();
  for (const auto& watching : all) {
    EXPECT_THAT(watching->End(), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_THAT(Watch({"eu/a/b:1"})->End(), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace harbor_bridge
