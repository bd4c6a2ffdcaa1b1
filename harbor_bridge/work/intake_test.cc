#include "harbor_bridge/work/intake.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
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
    journal_options_.path = dir_ + "/journal.db";
  }
  ~IntakeTest() override { server_.reset(); }

  void Open() {
    ASSERT_OK_AND_ASSIGN(journal_, kraken::storage::Journal::Open(journal_options_));
    ASSERT_OK_AND_ASSIGN(queue_, kraken::storage::JobQueue::Open({.path = dir_ + "/jobs.db"}));
    intake_ = std::make_unique<Intake>(harbors_.get(), journal_.get(), queue_.get());
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
  kraken::net::LoopPool pool_{"intake", 2};
  std::unique_ptr<kraken::storage::Journal> journal_;
  std::unique_ptr<kraken::storage::JobQueue> queue_;
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

TEST_F(IntakeTest, WhatAsksForNothingIsCountedAndForgotten) {
  Open();
  for (const char* action : {"pull", "delete", "mount"}) {
    EXPECT_THAT(Post("/registry/notifications",
                     absl::StrCat(R"({"events":[{"action":")", action,
                                  R"(","target":{"repository":"a/b","tag":"1"}}]})")),
                StartsWith("HTTP/1.1 202 "));
  }
  EXPECT_THAT(Work(), testing::IsEmpty());
  EXPECT_EQ(intake_->stats().ignored, 3u);
}

// A registry would repeat what is refused for ever, and hold back all that comes after it.
TEST_F(IntakeTest, GarbageIsAcceptedAndDropped) {
  Open();
  for (const char* body : {"", "not JSON", "[]", "{}", R"({"events":7})"}) {
    EXPECT_THAT(Post("/registry/notifications", body), StartsWith("HTTP/1.1 202 ")) << body;
  }
  EXPECT_THAT(Work(), testing::IsEmpty());
  EXPECT_EQ(intake_->stats().unreadable, 5u);
  EXPECT_THAT(Post("/registry/notifications", std::string(Intake::kMaxBodyBytes + 1, ' ')),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(intake_->stats().oversized, 1u);
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

TEST_F(IntakeTest, WhatAFormerProcessWroteDownBecomesWork) {
  Open();
  for (int i = 0; i < 600; ++i) {
    journal_->Append("eu", Push("a/b", absl::StrCat(i % 3)), [](absl::StatusOr<int64_t>) {});
  }
  ASSERT_OK(journal_->AppendAndWait("us", "a body that is no JSON"));
  ASSERT_OK(intake_->Replay());
  EXPECT_THAT(Work(), testing::ElementsAre("eu/a/b:0", "eu/a/b:1", "eu/a/b:2"));
}

}  // namespace
}  // namespace harbor_bridge
