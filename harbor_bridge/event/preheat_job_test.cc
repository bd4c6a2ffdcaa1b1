#include "harbor_bridge/event/preheat_job.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using kraken::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr char kDigest[] =
    "sha256:3899a8014fe987bab1c421db980e6d80e9d79b905161d28d4a9666ed76024899";

// As Harbor 2.12 to 2.15 sends it.
std::string Job(absl::string_view url, absl::string_view authorization = "Bearer eyJh.eyJp.c2ln") {
  return absl::StrCat(R"({"type":"preheat","args":{"type":"image","url":")", url,
                      R"(","tag":"","filtered_query_params":"","headers":{"Authorization":")",
                      authorization, R"("},"scope":"single_seed_peer","concurrent_count":0,)",
                      R"("timeout":0},"scheduler_cluster_ids":null})");
}

TEST(PreheatJobTest, ReadsWhatHarborSends) {
  ASSERT_OK_AND_ASSIGN(const PreheatJob job,
                       ParsePreheatJob(Job("https://hub/v2/team/app/manifests/v1")));
  EXPECT_EQ(job.repository.ToString(), "team/app");
  EXPECT_EQ(job.reference.ToString(), "v1");
  EXPECT_EQ(job.bearer_token, "eyJh.eyJp.c2ln");
}

TEST(PreheatJobTest, ReadsADigestAndADeepName) {
  ASSERT_OK_AND_ASSIGN(
      const PreheatJob job,
      ParsePreheatJob(Job(absl::StrCat("http://h:80/v2/a/manifests/b/manifests/", kDigest))));
  EXPECT_EQ(job.repository.ToString(), "a/manifests/b");
  EXPECT_EQ(job.reference.ToString(), kDigest);
}

TEST(PreheatJobTest, TheHostOfTheUrlMeansNothing) {
  for (const char* host : {"169.254.169.254", "localhost:6379", "user:password@evil.example"}) {
    ASSERT_OK_AND_ASSIGN(
        const PreheatJob job,
        ParsePreheatJob(Job(absl::StrCat("http://", host, "/v2/a/b/manifests/v1"))));
    EXPECT_EQ(job.repository.ToString(), "a/b") << host;
  }
}

TEST(PreheatJobTest, WhatIsNoTokenIsNotKept) {
  for (const char* field : {"", "Basic dXNlcjpwYXNz", "Bearer a b", "Bearer \\u0000", "Bearer"}) {
    ASSERT_OK_AND_ASSIGN(const PreheatJob job,
                         ParsePreheatJob(Job("https://hub/v2/a/b/manifests/v1", field)));
    EXPECT_EQ(job.bearer_token, "") << field;
  }
}

TEST(PreheatJobTest, RefusesWhatNamesNoImage) {
  for (const char* url : {"", "hub/v2/a/b/manifests/v1", "https://hub", "https://hub/v2/a/b",
                          "https://hub/v2/a/b/blobs/x", "https://hub/v2/a/b/tags/list",
                          "https://hub/v2/../b/manifests/v1", "file:///etc/passwd"}) {
    EXPECT_THAT(ParsePreheatJob(Job(url)), StatusIs(kBad, HasSubstr("args.url"))) << url;
  }
}

TEST(PreheatJobTest, RefusesOtherJobs) {
  EXPECT_THAT(ParsePreheatJob(R"({"type":"get_task"})"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("get_task")));
  EXPECT_THAT(ParsePreheatJob(R"({"type":"preheat","args":{"type":"file"}})"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("file")));
  EXPECT_THAT(ParsePreheatJob(R"({"type":"preheat"})"), StatusIs(kBad));
  EXPECT_THAT(ParsePreheatJob("{"), StatusIs(kBad));
}

// An error text may be logged.
TEST(PreheatJobTest, NoErrorRepeatsTheToken) {
  const std::string job = Job("https://hub/v2/a/b");
  const size_t token = job.find("eyJh");
  for (const std::string& body : {job, job.substr(0, token + 8), job.substr(0, token + 20),
                                  job.substr(0, token + 8) + '\n', job.substr(token)}) {
    EXPECT_FALSE(ParsePreheatJob(body).ok());
    EXPECT_THAT(ParsePreheatJob(body).status().message(), ::testing::Not(HasSubstr("eyJh")));
  }
}

}  // namespace
}  // namespace harbor_bridge
