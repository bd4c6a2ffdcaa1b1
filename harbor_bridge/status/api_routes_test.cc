#include "harbor_bridge/status/api_routes.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/status/test_status_server.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"
#include "kraken/net/raw_connection.h"

namespace harbor_bridge {
namespace {

using kraken::storage::JobState;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ApiRoutesTest : public ::testing::Test {
 protected:
  // The body of an answer with 200.
  nlohmann::json Get(absl::string_view path) { return Read(server_.Ask("GET", path)); }
  nlohmann::json Post(absl::string_view path, absl::string_view body) {
    return Read(server_.Ask("POST", path, body));
  }
  static nlohmann::json Read(const std::string& answer) {
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    const absl::StatusOr<nlohmann::json> body =
        kraken::ParseJson(answer.substr(answer.find("\r\n\r\n") + 4));
    EXPECT_OK(body);
    return body.ok() ? *body : nlohmann::json();
  }
  void Put(const std::string& tag) {
    ASSERT_OK(server_.queue().EnqueueAndWait(
        ImageWork{.harbor = "eu",
                  .repository = *kraken::RepositoryName::Parse("a/b"),
                  .reference = kraken::Reference(*kraken::Tag::Parse(tag))}
            .ToJob(kEventPriority)));
  }

  TestStatusServer server_;
};

TEST_F(ApiRoutesTest, SaysWhoHoldsTheLease) {
  EXPECT_TRUE(Get("/api/v1/lease").is_null());
  server_.SetLease(LeaseView{
      .name = "eu", .held = false, .epoch = 7, .holder = "b:10050#1", .problem = "Redis is down"});
  const nlohmann::json lease = Get("/api/v1/lease");
  EXPECT_EQ(lease["name"], "eu");
  EXPECT_EQ(lease["held"], false);
  EXPECT_EQ(lease["epoch"], 7);
  EXPECT_EQ(lease["holder"], "b:10050#1");
  EXPECT_EQ(lease["text"],
            "standby: b:10050#1 holds the lease \"eu\" under epoch 7; Redis is down");
}

TEST_F(ApiRoutesTest, ARunningJobShowsItsProgress) {
  server_.Hold("eu/a/b:1");
  Put("1");
  server_.WaitFor("eu/a/b:1", JobState::kRunning);
  nlohmann::json job;
  do {
    job = Get("/api/v1/jobs/eu/a/b:1");
  } while (!job.contains("progress"));
  EXPECT_EQ(job["state"], "running");
  EXPECT_EQ(job["harbor"], "eu");
  EXPECT_EQ(job["progress"]["bytes_total"], 100'000'000);
  // The key as one segment is the same.
  EXPECT_EQ(Get("/api/v1/jobs/eu%2Fa%2Fb%3A1")["key"], "eu/a/b:1");
  server_.Release();
  server_.WaitFor("eu/a/b:1", JobState::kDone);
  EXPECT_EQ(Get("/api/v1/jobs/eu/a/b:1")["result"], "4 blobs");
  EXPECT_THAT(server_.Ask("GET", "/api/v1/jobs/eu/a/b:2"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(ApiRoutesTest, ListsPageByPage) {
  for (const char* tag : {"1", "2", "3"}) {
    Put(tag);
    server_.WaitFor(absl::StrCat("eu/a/b:", tag), JobState::kDone);
  }
  const nlohmann::json first = Get("/api/v1/jobs?state=done&limit=2");
  ASSERT_EQ(first["jobs"].size(), 2u);
  EXPECT_EQ(first["next_after"], "eu/a/b:2");
  const nlohmann::json rest = Get("/api/v1/jobs?state=done&limit=2&after=eu/a/b:2");
  ASSERT_EQ(rest["jobs"].size(), 1u);
  EXPECT_FALSE(rest.contains("next_after"));
  EXPECT_EQ(Get("/api/v1/jobs?state=dead")["jobs"].size(), 0u);
  EXPECT_THAT(server_.Ask("GET", "/api/v1/jobs?state=alive"),
              AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("pending, running")));
}

TEST_F(ApiRoutesTest, DeadLettersAreRetriedAndDropped) {
  server_.SetResult("eu/a/b:1", absl::InvalidArgumentError("indexes nest too deep"));
  server_.SetResult("eu/a/b:2", absl::InvalidArgumentError("no manifest"));
  Put("1");
  Put("2");
  for (const char* key : {"eu/a/b:1", "eu/a/b:2"}) server_.WaitFor(key, JobState::kDead);
  EXPECT_THAT(std::string(Get("/api/v1/jobs?state=dead")["jobs"][0]["error"]),
              HasSubstr("nest too deep"));
  server_.SetResult("eu/a/b:1", "it works now");
  Post("/api/v1/dead-letters/retry", R"({"key":"eu/a/b:1"})");
  server_.WaitFor("eu/a/b:1", JobState::kDone);
  Post("/api/v1/dead-letters/drop", R"({"all":true})");
  EXPECT_THAT(server_.Ask("GET", "/api/v1/jobs/eu/a/b:2"), StartsWith("HTTP/1.1 404 "));
  // What is not dead is no dead letter.
  EXPECT_THAT(server_.Ask("POST", "/api/v1/dead-letters/drop", R"({"key":"eu/a/b:1"})"),
              StartsWith("HTTP/1.1 404 "));
  for (const char* body : {"{}", R"({"key":"a","all":true})", "[]", "no JSON", ""}) {
    EXPECT_THAT(server_.Ask("POST", "/api/v1/dead-letters/retry", body),
                StartsWith("HTTP/1.1 400 "))
        << body;
  }
}

TEST_F(ApiRoutesTest, ARunningJobIsGivenUpAndAWaitingOneForgotten) {
  server_.Hold("eu/a/b:1");
  Put("1");
  server_.WaitFor("eu/a/b:1", JobState::kRunning);
  while (Read(server_.Ask("DELETE", "/api/v1/jobs/eu/a/b:1"))["cancelled"] != "running") {
  }
  server_.WaitFor("eu/a/b:1", JobState::kDead);
  ASSERT_OK(server_.queue().EnqueueAndWait(
      {.key = "later", .kind = "image/eu", .payload = "", .not_before = absl::InfiniteFuture()}));
  EXPECT_EQ(Read(server_.Ask("DELETE", "/api/v1/jobs/later"))["cancelled"], "waiting");
  EXPECT_THAT(server_.Ask("DELETE", "/api/v1/jobs/later"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(ApiRoutesTest, AHarborThatRefusesUsIsNamed) {
  server_.WaitForHealth();
  const nlohmann::json harbors = Get("/api/v1/harbors")["harbors"];
  ASSERT_EQ(harbors.size(), 2u);
  EXPECT_EQ(harbors[0]["health"], "ok");
  EXPECT_EQ(harbors[1]["health"], "bad");
  EXPECT_THAT(std::string(harbors[1]["problem"]), HasSubstr("401"));
  EXPECT_EQ(harbors[1]["fault"], "credentials");
  EXPECT_THAT(std::string(harbors[1]["cure"]), HasSubstr("expired"));
  EXPECT_FALSE(harbors[0].contains("fault"));
  EXPECT_EQ(harbors[1]["slots"], 1);
}

TEST_F(ApiRoutesTest, SaysHowReconciliationGoes) {
  EXPECT_FALSE(Get("/api/v1/harbors")["harbors"][0].contains("reconciliation"));
  server_.SetReconciliation({{.harbor = "us",
                              .through_api = true,
                              .failures = 3,
                              .last_error = absl::UnavailableError("us refuses connections")},
                             {.harbor = "eu",
                              .rounds = 2,
                              .requests = 40,
                              .found = 5,
                              .gone = 1,
                              .last_ended = absl::FromUnixSeconds(1'000'000'000),
                              .last_reason = "start"}});
  const nlohmann::json harbors = Get("/api/v1/harbors")["harbors"];
  EXPECT_EQ(harbors[0]["reconciliation"], nlohmann::json::parse(R"({
      "through": "registry", "running": false, "rounds": 2, "failures": 0, "requests": 40,
      "found": 5, "gone": 1, "reason": "start", "ended": "2001-09-09T01:46:40.000Z"})"));
  EXPECT_EQ(harbors[1]["reconciliation"], nlohmann::json::parse(R"({
      "through": "api", "running": false, "rounds": 0, "failures": 3, "requests": 0,
      "found": 0, "gone": 0, "problem": "us refuses connections"})"));
}

TEST_F(ApiRoutesTest, RoutesAreListedAndExplained) {
  EXPECT_EQ(Get("/api/v1/routes")["routes"][0]["name"], "caches");
  const nlohmann::json ignored = Get("/api/v1/routes/explain?image=a/b:buildcache");
  EXPECT_EQ(ignored["ignored"], true);
  EXPECT_EQ(ignored["harbor"], "eu");
  const nlohmann::json taken = Get("/api/v1/routes/explain?image=us.example%2Fa%2Fb:1");
  EXPECT_EQ(taken["harbor"], "us");
  EXPECT_EQ(taken["summary"], "prefetch (all platforms), tag set");
  EXPECT_EQ(taken["steps"].size(), 2u);
  EXPECT_THAT(server_.Ask("GET", "/api/v1/routes/explain?image=moon.example/a/b"),
              AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("moon.example")));
  EXPECT_THAT(server_.Ask("GET", "/api/v1/routes/explain"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ApiRoutesTest, APreheatIsWorkThatGoesFirst) {
  const nlohmann::json answer = Post(
      "/api/v1/preheats", R"({"images":["a/b:1","us.example/c/d"],"platforms":["linux/arm64"]})");
  ASSERT_EQ(answer["jobs"].size(), 2u);
  EXPECT_EQ(answer["jobs"][0]["key"], "eu/a/b:1 (preheat linux/arm64)");
  EXPECT_EQ(answer["jobs"][1]["key"], "us/c/d:latest (preheat linux/arm64)");
  server_.WaitFor("eu/a/b:1 (preheat linux/arm64)", JobState::kDone);
  EXPECT_EQ(Get("/api/v1/jobs/eu/a/b:1%20(preheat%20linux%2Farm64)")["priority"], kPreheatPriority);
}

TEST_F(ApiRoutesTest, APreheatMayBeForAgents) {
  server_.Hold("eu/a/b:1 (preheat for zone=a,share=10%)");
  const nlohmann::json answer =
      Post("/api/v1/preheats", R"({"images":["a/b:1"],"agents":"share=10%,zone=a"})");
  EXPECT_EQ(answer["jobs"][0]["key"], "eu/a/b:1 (preheat for zone=a,share=10%)");
  nlohmann::json job;
  do {
    job = Get("/api/v1/jobs/eu/a/b:1%20(preheat%20for%20zone%3Da%2Cshare%3D10%25)");
  } while (!job.contains("progress") || job["progress"]["agents_asked"] == 0);
  EXPECT_EQ(job["progress"]["agents_asked"], 10);
  EXPECT_EQ(job["progress"]["agents_done"], 3);
  server_.Release();
  server_.WaitFor("eu/a/b:1 (preheat for zone=a,share=10%)", JobState::kDone);
}

TEST_F(ApiRoutesTest, WithoutTrackersThereIsNoWayToAgents) {
  TestStatusServer server(/*has_trackers=*/false);
  EXPECT_THAT(server.Ask("POST", "/api/v1/preheats", R"({"images":["a/b:1"],"agents":"all"})"),
              AllOf(StartsWith("HTTP/1.1 409 "), HasSubstr("tracker.hosts")));
}

// Either all of what was asked for becomes work, or nothing.
TEST_F(ApiRoutesTest, APreheatThatCannotBeDoneIsRefusedWhole) {
  const struct {
    const char* body;
    const char* status;
    const char* says;
  } rows[] = {
      {R"({"images":["a/b:1","moon.example/a/b"]})", "404", "image moon.example/a/b"},
      {R"({"images":["a/b:1","A B"]})", "400", "image A B"},
      {R"({"images":["a/b:1"],"platforms":["linux"]})", "400", "linux"},
      {R"({"images":["a/b:1"],"agents":"zone"})", "400", "label.KEY=VALUE"},
      {R"({"images":["a/b:1"],"agents":["zone=a"]})", "400", "a text such as"},
      {R"({"images":[]})", "400", "which images"},
      {R"({"images":"a/b:1"})", "400", "list"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(server_.Ask("POST", "/api/v1/preheats", row.body),
                AllOf(StartsWith(absl::StrCat("HTTP/1.1 ", row.status, " ")), HasSubstr(row.says)))
        << row.body;
  }
  EXPECT_EQ(server_.queue().Stats()->pending, 0);
  EXPECT_EQ(server_.queue().Stats()->done, 0);
}

TEST_F(ApiRoutesTest, StrangersReachNothing) {
  for (const char* request :
       {"GET / HTTP/1.1", "GET /api/v1/jobs HTTP/1.1", "GET /api/v1/events HTTP/1.1",
        "DELETE /api/v1/jobs/a HTTP/1.1", "POST /api/v1/preheats HTTP/1.1"}) {
    kraken::net::RawConnection connection(server_.address());
    connection.Send(absl::StrCat(request,
                                 "\r\nHost: bridge.example\r\nConnection: close\r\n"
                                 "Content-Length: 0\r\n\r\n"));
    EXPECT_THAT(connection.ReadToEnd(), StartsWith("HTTP/1.1 403 ")) << request;
  }
}

TEST_F(ApiRoutesTest, ThePageAllowsNothingInline) {
  const std::string page = server_.Ask("GET", "/");
  EXPECT_THAT(page, AllOf(HasSubstr("script-src 'self'"), HasSubstr("frame-ancestors 'none'"),
                          Not(HasSubstr("unsafe-inline")), HasSubstr("/page/app.js")));
  EXPECT_THAT(
      page, AllOf(Not(HasSubstr("<style")), Not(HasSubstr("onclick")), Not(HasSubstr(" style="))));
  EXPECT_THAT(server_.Ask("GET", "/page/app.js"),
              AllOf(HasSubstr("text/javascript"), Not(HasSubstr("innerHTML"))));
  EXPECT_THAT(server_.Ask("GET", "/page/style.css"), HasSubstr("text/css"));
}

TEST_F(ApiRoutesTest, TheStreamTellsWhatChanges) {
  kraken::net::RawConnection connection(server_.address());
  connection.Send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("event: snapshot\ndata: {"), HasSubstr("text/event-stream"));
  server_.SetResult("eu/a/b:bad", absl::InvalidArgumentError("no manifest"));
  Put("bad");
  EXPECT_THAT(connection.ReadUntil("no manifest"), HasSubstr("no manifest"));
  // A shutdown ends the stream, which would hold it up.
  server_.StopApi();
  connection.ReadUntil("\r\n0\r\n");
}

}  // namespace
}  // namespace harbor_bridge
