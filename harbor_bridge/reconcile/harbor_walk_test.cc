#include "harbor_bridge/reconcile/harbor_walk.h"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/testing/fake_harbor.h"
#include "harbor_bridge/reconcile/recording_sink.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using api::testing::FakeHarbor;
using kraken::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

Harbor MakeHarbor() {
  Harbor harbor;
  harbor.name = "eu";
  harbor.plain = std::make_shared<const re2::RE2>(".*");
  return harbor;
}

class HarborWalkTest : public ::testing::Test {
 protected:
  HarborWalkTest() {
    auto store = ReconcileStore::Open(dir_ + "/reconcile.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
    UseCredentials(api::testing::AdminCredentials());
  }

  void UseCredentials(const kraken::registry::BasicCredentials& credentials) {
    client_ = std::make_unique<api::HarborClient>(
        api::HarborClientOptions{.name = "eu", .url = harbor_.url(), .credentials = credentials},
        &http_);
  }

  // A round with new objects, as after a start of the process.
  absl::Status Walk(bool full = false) {
    KH_RETURN_IF_ERROR(Begin(full));
    return GoOn();
  }
  absl::Status Begin(bool full) {
    KH_ASSIGN_OR_RETURN(RoundState round, store_->GetRound("eu"));
    if (round.number == 0) round.floor = floor_;
    ++round.number;
    round.open = true;
    round.full = full;
    return store_->PutRound("eu", round);
  }
  absl::Status GoOn() {
    KH_ASSIGN_OR_RETURN(RoundState round, store_->GetRound("eu"));
    Findings findings(&harbors_, &harbors_.first(), store_.get(), &sink_);
    Pacer pacer(kRate, &clock_, [this](absl::Duration delay) {
      clock_.Advance(delay);
      return before_request_();
    });
    HarborWalk walk(client_.get(), store_.get(), &findings, &pacer);
    absl::Status status = walk.Run(round);
    problem_ = walk.problem();
    if (!status.ok()) return status;
    round.open = false;
    return store_->PutRound("eu", round);
  }

  // Requests since the last call.
  int TakeRequests() {
    const int count = harbor_.request_count();
    harbor_.ForgetRequests();
    return count;
  }

  static constexpr double kRate = 5;

  const std::string dir_ = kraken::MakeTestDir();
  kraken::ManualClock clock_;
  const absl::Time floor_ = clock_.Now();
  FakeHarbor harbor_{{.version = {2, 15}, .clock = &clock_}};
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  Harbors harbors_{{MakeHarbor()}};
  std::unique_ptr<ReconcileStore> store_;
  std::unique_ptr<api::HarborClient> client_;
  RecordingSink sink_;
  absl::Status problem_;
  std::function<absl::Status()> before_request_ = [] { return absl::OkStatus(); };
};

TEST_F(HarborWalkTest, FindsAnHourWithoutEventsAndReadsNoMoreThanTheChangesNeed) {
  constexpr int kProjects = 40;
  for (int round = 0; round < 15; ++round) {
    for (int i = 0; i < kProjects; ++i) {
      harbor_.Push(absl::StrCat("p", 100 + i, "/app"), absl::StrCat("v", round),
                   absl::StrCat("old ", i, " ", round));
    }
    clock_.Advance(absl::Hours(1));
  }
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), SizeIs(kProjects * 15));
  clock_.Advance(absl::Hours(1));
  TakeRequests();
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
  // The account, the projects, and one page of each.
  EXPECT_EQ(TakeRequests(), 2 + kProjects);

  // An hour without events: one project gets 250 images, four get three each, one is new.
  std::set<std::string> pushed;
  const auto push = [&](const std::string& repository, int i) {
    const std::string tag = absl::StrCat("new", i);
    harbor_.Push(repository, tag, absl::StrCat(repository, tag));
    pushed.insert(absl::StrCat("eu/", repository, ":", tag));
  };
  for (int i = 0; i < 250; ++i) {
    push("p100/busy", i);
    clock_.Advance(absl::Hours(1) / 250);
    if (i % 80 == 0) {
      for (int project = 101; project < 105; ++project) push(absl::StrCat("p", project, "/app"), i);
    }
  }
  harbor_.Push("new-team/a/b", "v1", "first");
  pushed.insert("eu/new-team/a/b:v1");
  TakeRequests();
  ASSERT_OK(Walk());
  const std::vector<std::string> work = sink_.TakeWork();
  EXPECT_EQ(std::set<std::string>(work.begin(), work.end()), pushed);
  EXPECT_EQ(work.size(), pushed.size()) << "nothing twice";
  // As in peace, with one more project, and 250 entries in pages of 100.
  EXPECT_EQ(TakeRequests(), 2 + kProjects + 1 + 3);

  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
  EXPECT_EQ(TakeRequests(), 2 + kProjects + 1);
}

TEST_F(HarborWalkTest, GoesOnWhereItWasAfterAKill) {
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 30; ++j) {
      harbor_.Push(absl::StrCat("p", 100 + i, "/app"), absl::StrCat("v", j),
                   absl::StrCat(i, " ", j));
    }
  }
  // Each project costs two pages: of 10, and of 100.
  const int whole = 2 + 20 * 2;
  int left = 25;
  before_request_ = [&left] {
    return left-- > 0 ? absl::OkStatus() : absl::CancelledError("killed");
  };
  EXPECT_THAT(Walk(), StatusIs(absl::StatusCode::kCancelled));
  left = 1'000'000;
  store_.reset();
  ASSERT_OK_AND_ASSIGN(store_, ReconcileStore::Open(dir_ + "/reconcile.db"));
  ASSERT_OK(GoOn());
  const std::vector<std::string> work = sink_.TakeWork();
  EXPECT_EQ(std::set<std::string>(work.begin(), work.end()).size(), 600u);
  // The account and the list of projects once more, and nothing else.
  EXPECT_LE(TakeRequests(), whole + 2);
}

TEST_F(HarborWalkTest, ADeletionBetweenTwoPagesHidesNothing) {
  std::vector<kraken::Digest> digests;
  for (int i = 0; i < 250; ++i) {
    digests.push_back(harbor_.Push("team/app", absl::StrCat("v", i), absl::StrCat(i)));
    clock_.Advance(absl::Minutes(1));
  }
  int request = 0;
  before_request_ = [&] {
    // After the first long page: 30 of the newest go, so that 30 of the next page move before it.
    if (++request == 5) {
      for (int i = 0; i < 30; ++i) harbor_.DeleteArtifact("team/app", digests[249 - i]);
    }
    return absl::OkStatus();
  };
  ASSERT_OK(Walk());
  const std::vector<std::string> work = sink_.TakeWork();
  const std::set<std::string> found(work.begin(), work.end());
  for (int i = 0; i < 220; ++i) {
    EXPECT_EQ(found.count(absl::StrCat("eu/team/app:v", i)), 1u) << i;
  }
}

TEST_F(HarborWalkTest, APushBetweenTwoPagesIsFoundInTheNextRound) {
  for (int i = 0; i < 150; ++i) {
    harbor_.Push("team/app", absl::StrCat("v", i), absl::StrCat(i));
    clock_.Advance(absl::Minutes(1));
  }
  int request = 0;
  before_request_ = [&] {
    if (++request == 5) harbor_.Push("team/app", "late", "late");
    return absl::OkStatus();
  };
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), SizeIs(150));
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:late"));
}

TEST_F(HarborWalkTest, AFullRoundFindsTagsThatMovedAndTagsThatWent) {
  harbor_.Push("team/app", "v1", "one");
  clock_.Advance(absl::Hours(1));
  harbor_.Push("team/app", "latest", "two");
  harbor_.Push("team/app", "v3", "two");
  harbor_.Push("other/app", "v1", "three");
  clock_.Advance(absl::Hours(1));
  harbor_.Push("team/app", "v9", "nine");
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), SizeIs(5));
  // `latest` goes back to the older image, v3 and a whole project go.
  harbor_.Push("team/app", "latest", "one");
  harbor_.DeleteTag("team/app", "v3");
  harbor_.DeleteProject("other");
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty()) << "no push time changed";
  ASSERT_OK(Walk(/*full=*/true));
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:latest"));
  EXPECT_THAT(sink_.TakeGone(), UnorderedElementsAre("eu/team/app:v3", "eu/other/app:v1"));
  ASSERT_OK(Walk(/*full=*/true));
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
  EXPECT_THAT(sink_.TakeGone(), IsEmpty());
}

TEST_F(HarborWalkTest, WhatIsOlderThanTheBridgeIsLearntAndNoWork) {
  clock_.SetNow(floor_ - absl::Hours(48));
  harbor_.Push("team/app", "ancient", "one");
  clock_.SetNow(floor_ + absl::Hours(1));
  harbor_.Push("team/app", "fresh", "two");
  ASSERT_OK(Walk(/*full=*/true));
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:fresh"));
  harbor_.DeleteTag("team/app", "ancient");
  ASSERT_OK(Walk(/*full=*/true));
  EXPECT_THAT(sink_.TakeGone(), ElementsAre("eu/team/app:ancient"));
}

TEST_F(HarborWalkTest, WhatAnEventHasDoneIsNoWork) {
  const kraken::Digest digest = harbor_.Push("team/app", "v1", "one");
  store_->NoteTag(*kraken::Namespace::Parse("team/app"), *kraken::Tag::Parse("v1"), digest);
  harbor_.Push("team/app", "v2", "two");
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:v2"));
}

TEST_F(HarborWalkTest, AnImageWithoutATagIsFoundOnce) {
  const kraken::Digest digest = harbor_.Push("team/app", "", "one");
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), ElementsAre(absl::StrCat("eu/team/app@", digest.ToString())));
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
}

TEST_F(HarborWalkTest, AnOlderHarborIsReadRepositoryByRepository) {
  harbor_.set_version({2, 8});
  harbor_.Push("team/a/b", "v1", "one");
  harbor_.Push("team/c", "v1", "two");
  ASSERT_OK(Walk());
  EXPECT_THAT(sink_.TakeWork(), UnorderedElementsAre("eu/team/a/b:v1", "eu/team/c:v1"));
  TakeRequests();
  ASSERT_OK(Walk());
  // The account, the projects, the repositories, and one page of each.
  EXPECT_EQ(TakeRequests(), 3 + 2);
  EXPECT_THAT(sink_.TakeWork(), IsEmpty());
}

TEST_F(HarborWalkTest, WrongCredentialsDoNotLookLikePeace) {
  harbor_.Push("team/app", "v1", "one");
  UseCredentials({.username = "admin", .password = "wrong"});
  EXPECT_THAT(Walk(), StatusIs(absl::StatusCode::kUnauthenticated,
                               AllOf(HasSubstr("Harbor eu"), HasSubstr("credentials"))));
  UseCredentials(api::testing::AdminCredentials());
  ASSERT_OK(GoOn());
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:v1"));
}

TEST_F(HarborWalkTest, AForbiddenProjectHoldsUpNoOtherAndIsNamed) {
  harbor_.Push("a/app", "v1", "one");
  harbor_.Push("b/app", "v1", "two");
  harbor_.Push("c/app", "v1", "three");
  harbor_.Forbid("b");
  UseCredentials(harbor_.AddRobot(
      "kraken", {"project:list", "repository:list", "artifact:list", "artifact:read"}));
  ASSERT_OK(Walk(/*full=*/true));
  EXPECT_THAT(sink_.TakeWork(), UnorderedElementsAre("eu/a/app:v1", "eu/c/app:v1"));
  EXPECT_THAT(problem_,
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("/projects/b/artifacts")));
  EXPECT_THAT(sink_.TakeGone(), IsEmpty());
}

TEST_F(HarborWalkTest, TheRateIsBounded) {
  for (int i = 0; i < 48; ++i) harbor_.AddProject(absl::StrCat("p", i));
  const absl::Time begin = clock_.Now();
  ASSERT_OK(Walk());
  // 50 requests, of which the first five may leave at once.
  EXPECT_EQ(TakeRequests(), 50);
  EXPECT_GE(clock_.Now() - begin, absl::Seconds(45 / kRate) - absl::Milliseconds(1));
}

}  // namespace
}  // namespace harbor_bridge
