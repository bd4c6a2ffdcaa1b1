#include "harbor_bridge/work/intake.h"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/body_budget.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/peak_memory.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using kraken::storage::Job;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kDigest[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string Push(absl::string_view repository, absl::string_view tag) {
  return absl::StrCat(
      R"({"events":[{"action":"push","target":{"mediaType":"application/vnd.docker.distribution.)",
      R"(manifest.v2+json","repository":")", repository, R"(","tag":")", tag, R"(","digest":")",
      kDigest, R"("}}]})");
}

// A whole front door: a server, a journal and a queue on disk, and nobody who does the work.
class IntakeTest : public ::testing::Test {
 protected:
  IntakeTest() {
    std::vector<Harbor> harbors(2);
    harbors[0].name = "eu";
    harbors[0].plain = std::make_shared<const re2::RE2>(".*");
    harbors[1].name = "us";
    harbors[1].plain = std::make_shared<const re2::RE2>("^$");
    harbors[1].authorization = "Bearer right";
    harbors_ = std::make_unique<Harbors>(std::move(harbors));
    journal_options_.path = dir_ + "/journal";
    journal_options_.segment_bytes = 1 << 20;
    journal_options_.segments = 3;
  }
  ~IntakeTest() override { server_.reset(); }

  void Open() {
    ASSERT_OK_AND_ASSIGN(journal_, kraken::storage::Journal::Open(journal_options_));
    ASSERT_OK_AND_ASSIGN(queue_, kraken::storage::JobQueue::Open({.path = dir_ + "/jobs.db"}));
    ASSERT_OK_AND_ASSIGN(quarantine_, Quarantine::Open({.path = dir_ + "/quarantine.db"}));
    intake_ = std::make_unique<Intake>(
        Intake::Parts{.harbors = harbors_.get(),
                      .journal = journal_.get(),
                      .queue = queue_.get(),
                      .quarantine = quarantine_.get(),
                      .bodies = &bodies_,
                      .gate = &gate_,
                      .reconcile = [this](const std::string& harbor, const std::string& reason) {
                        absl::MutexLock lock(&mu_);
                        reconciled_.push_back(absl::StrCat(harbor, ": ", reason));
                      }});
    intake_->AddRoutes(router_);
    server_ = std::make_unique<kraken::net::HttpServer>(
        pool_.loops(), kraken::net::HttpServerOptions(), router_.AsHandler());
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }

  // The answer's first line.
  std::string Post(absl::string_view path, absl::string_view body, absl::string_view fields = "") {
    kraken::net::RawConnection connection(address_);
    connection.Send(absl::StrCat("POST ", path,
                                 " HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n", fields,
                                 "Content-Length: ", body.size(), "\r\n\r\n", body));
    const std::string answer = connection.ReadToEnd();
    return answer.substr(0, answer.find('\r'));
  }

  std::string Get(absl::string_view path, absl::string_view host = "localhost") {
    kraken::net::RawConnection connection(address_);
    connection.Send(
        absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host, "\r\nConnection: close\r\n\r\n"));
    return connection.ReadToEnd();
  }

  std::vector<std::string> reconciled() {
    absl::MutexLock lock(&mu_);
    return reconciled_;
  }

  // All work, once everything that was journalled has become work or was dropped.
  std::vector<std::string> Work() {
    while (true) {
      const absl::StatusOr<int64_t> waiting = journal_->Size();
      EXPECT_OK(waiting);
      if (!waiting.ok() || *waiting == 0) break;
      std::this_thread::yield();
    }
    std::vector<std::string> keys;
    const absl::StatusOr<std::vector<Job>> jobs = queue_->List(std::nullopt, "", 100);
    EXPECT_OK(jobs);
    for (const Job& job : *jobs) keys.push_back(job.key);
    return keys;
  }

  const std::string dir_ = kraken::MakeTestDir();
  std::unique_ptr<Harbors> harbors_;
  kraken::storage::JournalOptions journal_options_;
  // However slow the machine is, nobody is refused or given up.
  BodyBudget bodies_{kMaxBodiesBytes, absl::InfiniteDuration()};
  kraken::net::LoopPool pool_{"intake", 2};
  std::unique_ptr<kraken::storage::Journal> journal_;
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<Quarantine> quarantine_;
  absl::Mutex mu_;
  std::vector<std::string> reconciled_ ABSL_GUARDED_BY(mu_);
  kraken::daemon::AdminGate gate_{kraken::daemon::AdminConfig()};
  std::unique_ptr<Intake> intake_;
  kraken::net::Router router_;
  kraken::net::SocketAddress address_;
  std::unique_ptr<kraken::net::HttpServer> server_;
};

TEST_F(IntakeTest, APushBecomesWorkOnceHoweverOftenItIsTold) {
  Open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Post("/registry/notifications", Push("library/debian", "latest")),
                StartsWith("HTTP/1.1 202 "));
  }
  EXPECT_THAT(Work(), testing::ElementsAre("eu/library/debian:latest"));
  const IntakeStats stats = intake_->stats();
  EXPECT_EQ(stats.notifications, 3u);
  EXPECT_EQ(stats.events, 3u);
}

TEST_F(IntakeTest, WithoutATagTheDigestIsLookedAt) {
  Open();
  Post("/registry/notifications",
       absl::StrCat(R"({"events":[{"action":"push","target":{"repository":"a/b","digest":")",
                    kDigest, R"("}}]})"));
  EXPECT_THAT(Work(), testing::ElementsAre(absl::StrCat("eu/a/b@", kDigest)));
}

TEST_F(IntakeTest, PreheatsCapitalisedKeysAreUnderstood) {
  Open();
  EXPECT_THAT(
      Post("/registry/notifications",
           absl::StrCat(R"({"Events":[{"Action":"push","Target":{"Repository":"a/b","Tag":"1",)",
                        R"("Digest":")", kDigest, R"("}}]})")),
      StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(Work(), testing::ElementsAre("eu/a/b:1"));
}

TEST_F(IntakeTest, WhatHappensOftenAndMeansNothingIsPassedOver) {
  Open();
  EXPECT_THAT(Post("/registry/notifications",
                   R"({"events":[{"action":"pull","target":{"repository":"a/b","tag":"1"}}]})"),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(Work(), testing::IsEmpty());
  EXPECT_EQ(intake_->stats().ignored, 1u);
}

TEST_F(IntakeTest, WhatWasDeletedIsLookedAtByTagByDigestAndAsAWhole) {
  Open();
  Post("/registry/notifications",
       absl::StrCat(R"({"events":[{"action":"delete","target":{"repository":"a/b","tag":"1"}},
           {"action":"delete","target":{"repository":"a/b","digest":")",
                    kDigest, R"("}},
           {"action":"delete","target":{"repository":"a/c"}}]})"));
  EXPECT_THAT(Work(), testing::ElementsAre("eu/a/b:1", absl::StrCat("eu/a/b@", kDigest), "eu/a/c"));
}

// A registry would repeat what is refused for ever, and hold back all that comes after it.
TEST_F(IntakeTest, WhatCannotBeUsedIsTakenSetAsideAndItsHarborCompared) {
  Open();
  const std::string deep(100'000, '[');
  for (const std::string& body : {std::string(), std::string("not JSON"), std::string("[]"),
                                  std::string("{}"), std::string(R"({"events":7})"), deep}) {
    EXPECT_THAT(Post("/registry/notifications", body), StartsWith("HTTP/1.1 202 "));
  }
  EXPECT_THAT(Post("/us/webhook", "no webhook", "Authorization: Bearer right\r\n"),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(Work(), testing::IsEmpty());
  EXPECT_EQ(intake_->stats().unreadable, 7u);
  EXPECT_THAT(Post("/registry/notifications", std::string(Intake::kMaxBodyBytes + 1, ' ')),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(intake_->stats().oversized, 1u);

  ASSERT_OK_AND_ASSIGN(const std::vector<QuarantinedBody> bodies, quarantine_->ListAndWait(100));
  ASSERT_EQ(bodies.size(), 8u);
  EXPECT_THAT(bodies[0].reason, HasSubstr("larger than"));
  EXPECT_EQ(bodies[0].body_bytes, Intake::kMaxBodyBytes + 1);
  EXPECT_EQ(bodies[0].body.size(), kMaxQuarantinedBytes);
  EXPECT_EQ(bodies[1].harbor, "us");
  EXPECT_EQ(bodies[1].source, "webhook");
  EXPECT_EQ(bodies[1].body, "no webhook");
  EXPECT_THAT(bodies[2].reason, HasSubstr("deeper"));
  EXPECT_THAT(reconciled(), testing::SizeIs(8));
  EXPECT_THAT(reconciled()[6], StartsWith("us: an event can't be used: "));
  EXPECT_THAT(Get("/x/quarantine"),
              testing::AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr(R"("harbor":"us")"),
                             HasSubstr(R"("body":"no webhook")")));
}

// What was sent to a bridge is for operators: not for a page that a browser was led to by a name.
TEST_F(IntakeTest, StrangersDoNotSeeTheQuarantine) {
  Open();
  EXPECT_THAT(Get("/x/quarantine", "bridge.example"), StartsWith("HTTP/1.1 403 "));
}

TEST_F(IntakeTest, ABadEntryIsSetAsideAndTheGoodOneBecomesWork) {
  Open();
  Post("/registry/notifications",
       R"({"events":[{"action":"push","target":{"repository":"../etc","tag":"1"}},
           {"action":"push","target":{"repository":"a/b","tag":"1"}}]})");
  EXPECT_THAT(Work(), testing::ElementsAre("eu/a/b:1"));
  ASSERT_OK_AND_ASSIGN(const std::vector<QuarantinedBody> bodies, quarantine_->ListAndWait(100));
  EXPECT_THAT(bodies, testing::SizeIs(1));
  EXPECT_THAT(reconciled(), testing::SizeIs(1));
}

TEST_F(IntakeTest, TakesBothFormatsOfHarborsWebhooks) {
  Open();
  for (const char* path : {"/webhook", "/eu/webhook"}) {
    EXPECT_THAT(Post(path, R"({"type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"v1"}],
                               "repository":{"repo_full_name":"team/app"}}})"),
                StartsWith("HTTP/1.1 202 "));
  }
  EXPECT_THAT(Post("/webhook", R"({"specversion":"1.0","type":"harbor.artifact.deleted","data":{
           "resources":[{"tag":"v2"}],"repository":{"repo_full_name":"team/app"}}})"),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(Work(), testing::ElementsAre("eu/team/app:v1", "eu/team/app:v2"));
  const absl::StatusOr<Job> job = queue_->Get("eu/team/app:v2");
  ASSERT_OK(job);
  EXPECT_FALSE(ImageWork::Decode(job->payload)->expected);
}

// Its queue is in memory.
TEST_F(IntakeTest, ARegistryThatWasRestartedIsCompared) {
  Open();
  const auto from = [this](const char* instance) {
    Post("/registry/notifications",
         absl::StrCat(R"({"events":[{"action":"pull","target":{"repository":"a/b"},)",
                      R"("source":{"instanceID":")", instance, R"("}}]})"));
    Work();
  };
  from("first");
  from("first");
  EXPECT_THAT(reconciled(), testing::IsEmpty());
  from("second");
  from("first");
  from("second");
  EXPECT_THAT(reconciled(), testing::ElementsAre(HasSubstr("eu: its registry was restarted")));
}

TEST_F(IntakeTest, WhatDoesNotSayEnoughHasTheHarborCompared) {
  Open();
  Post("/webhook", R"({"type":"TAG_RETENTION","event_data":{"retention":{}}})");
  EXPECT_THAT(Work(), testing::IsEmpty());
  EXPECT_THAT(reconciled(), testing::ElementsAre(HasSubstr("retention")));
}

TEST_F(IntakeTest, ThePreheatProviderFindsAHarborsHealth) {
  Open();
  EXPECT_THAT(Get("/eu/health"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Get("/asia/health"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(IntakeTest, EachHarborHasItsPathAndItsCredential) {
  Open();
  EXPECT_THAT(Post("/eu/registry/notifications", Push("a/b", "1")), StartsWith("HTTP/1.1 202 "));
  const std::string us = "/us/registry/notifications";
  EXPECT_THAT(Post(us, Push("a/c", "1")), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(Post(us, Push("a/c", "1"), "Authorization: Bearer wrong\r\n"),
              StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(Post(us, Push("a/d", "1"), "Authorization: Bearer right\r\n"),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(Post("/asia/registry/notifications", Push("a/e", "1")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Work(), testing::ElementsAre("eu/a/b:1", "us/a/d:1"));
  EXPECT_EQ(intake_->stats().unauthorized, 2u);
}

TEST_F(IntakeTest, WhatCannotBeWrittenDownIsNotAcknowledged) {
  journal_options_.max_entries = 1;
  Open();
  ASSERT_OK(journal_->AppendAndWait("eu", "{}"));
  EXPECT_THAT(Post("/registry/notifications", Push("a/b", "1")), StartsWith("HTTP/1.1 503 "));
  const absl::StatusOr<std::vector<Job>> jobs = queue_->List(std::nullopt, "", 100);
  ASSERT_OK(jobs);
  EXPECT_THAT(*jobs, testing::IsEmpty());
}

// A notification of this many bytes that asks for nothing.
std::string Padded(size_t bytes) {
  std::string body = R"({"events":[],"padding":")";
  body.resize(bytes - 2, 'x');
  return body + "\"}";
}

std::string HeadOf(size_t body_bytes) {
  return absl::StrCat("POST /registry/notifications HTTP/1.1\r\nHost: bridge\r\n",
                      "Connection: close\r\nContent-Length: ", body_bytes, "\r\n\r\n");
}

TEST_F(IntakeTest, BodiesWaitInTheirSocketsForMemory) {
  constexpr size_t kBytes = 1 << 20;
  constexpr size_t kAtOnce = kMaxBodiesBytes / (kBytes * Intake::kBodyCopies);
  constexpr size_t kSenders = 3 * kAtOnce;
  journal_options_.segment_bytes = 8 << 20;
  Open();
  const std::string head = HeadOf(kBytes);
  std::vector<std::unique_ptr<kraken::net::RawConnection>> senders;
  for (size_t i = 0; i < kSenders; ++i) {
    senders.push_back(std::make_unique<kraken::net::RawConnection>(address_));
    ASSERT_TRUE(senders.back()->Send(head));
  }
  while (bodies_.waiting() < kSenders - kAtOnce) std::this_thread::yield();
  EXPECT_EQ(bodies_.used_bytes(), kMaxBodiesBytes);
  // One who goes away in the middle gives his room to the next.
  for (size_t i = 0; i < kSenders - kAtOnce; ++i) {
    senders.back()->Reset();
    senders.pop_back();
  }
  // Whatever the order in which they were read, all that are left come to their end.
  std::vector<std::thread> threads;
  threads.reserve(senders.size());
  for (const auto& sender : senders) {
    threads.emplace_back([&sender] {
      sender->Send(Padded(kBytes));
      EXPECT_THAT(sender->ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 202 "));
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (bodies_.used_bytes() > 0) std::this_thread::yield();
  EXPECT_EQ(bodies_.waiting(), 0u);
}

TEST_F(IntakeTest, HoweverManyLargeBodiesComeAtOnceMemoryIsBounded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory is larger than what is measured here";
#endif
  constexpr size_t kSenders = 200;
  journal_options_.segment_bytes = 8 << 20;
  journal_options_.segments = 4;
  Open();
  const std::string body = Padded(1 << 20);
  const std::string head = HeadOf(body.size());
  // They are 200 MiB, and 400 MiB with what is written down.
  const uint64_t before = kraken::PeakMemory();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kSenders; ++i) {
    threads.emplace_back([&] {
      kraken::net::RawConnection sender(address_);
      sender.Send(head);
      sender.Send(body);
      EXPECT_THAT(sender.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 202 "));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(bodies_.peak_bytes(), kMaxBodiesBytes);
  // Bodies, the buffers of connections that wait (64 KiB each), what a body is when it is parsed,
  // and the 200 threads that send.
  EXPECT_LT(kraken::PeakMemory() - before, uint64_t{64} << 20);
}

TEST_F(IntakeTest, WhatAFormerProcessWroteDownBecomesWork) {
  Open();
  for (int i = 0; i < 600; ++i) {
    journal_->Append("eu", Push("a/b", absl::StrCat(i % 3)), [](absl::StatusOr<int64_t>) {});
  }
  ASSERT_OK(journal_->AppendAndWait("us", "a body that is no JSON"));
  ASSERT_OK(journal_->AppendAndWait("us/webhook", R"({"type":"PUSH_ARTIFACT","event_data":{
      "resources":[{"tag":"v1"}],"repository":{"repo_full_name":"team/app"}}})"));
  ASSERT_OK(intake_->Replay());
  EXPECT_THAT(Work(), testing::ElementsAre("eu/a/b:0", "eu/a/b:1", "eu/a/b:2", "us/team/app:v1"));
}

}  // namespace
}  // namespace harbor_bridge
