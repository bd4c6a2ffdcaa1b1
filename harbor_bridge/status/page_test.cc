// The status page in a real browser. Skipped, and counted as such, where Chromium is not installed
// (./bazelw --install browser).
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/status/headless_browser.h"
#include "harbor_bridge/status/test_status_server.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using kraken::storage::JobState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string program = HeadlessBrowser::FindProgram();
    if (program.empty()) {
      GTEST_SKIP() << "no /usr/bin/chromium: ./bazelw --install browser";
    }
    ASSERT_OK_AND_ASSIGN(browser_, HeadlessBrowser::Start(program));
    server_ = std::make_unique<TestStatusServer>();
  }

  void OpenPage() {
    ASSERT_OK(browser_->Open(absl::StrCat("http://", server_->address().ToString(), "/")));
    ASSERT_OK(
        browser_->WaitUntil("document.querySelector('#connection').dataset.state === 'live'"));
  }
  void Put(const std::string& repository, const std::string& tag,
           const std::string& harbor = "eu") {
    ASSERT_OK(server_->queue().EnqueueAndWait(
        ImageWork{.harbor = harbor,
                  .repository = *kraken::RepositoryName::Parse(repository),
                  .reference = kraken::Reference(*kraken::Tag::Parse(tag))}
            .ToJob(kEventPriority)));
  }
  // The text of an element, by its selector.
  std::string TextOf(const std::string& selector) {
    const auto text = browser_->Evaluate(
        absl::StrCat("document.querySelector(", kraken::DumpJson(selector), ").innerText"));
    EXPECT_OK(text);
    return text.ok() && text->is_string() ? std::string(*text) : "";
  }
  absl::Status WaitForText(const std::string& selector, const std::string& text) {
    return browser_->WaitUntil(absl::StrCat("document.querySelector(", kraken::DumpJson(selector),
                                            ").innerText.includes(", kraken::DumpJson(text), ")"));
  }

  std::unique_ptr<TestStatusServer> server_;
  std::unique_ptr<HeadlessBrowser> browser_;
};

TEST_F(PageTest, ShowsJobsAsTheyComeAndGoWithoutReload) {
  OpenPage();
  EXPECT_THAT(TextOf("#running"), HasSubstr("nothing"));
  ASSERT_OK(browser_->Evaluate("window.reloaded = false").status());
  server_->Hold("eu/library/debian:latest");
  Put("library/debian", "latest");
  ASSERT_OK(WaitForText("#running", "eu/library/debian:latest"));
  ASSERT_OK(WaitForText("#running", "1 of 4 blobs, 25.0 MB of 100.0 MB"));
  EXPECT_THAT(browser_->Evaluate("document.querySelector('#running progress').position"),
              kraken::IsOkAndHolds(0.25));
  server_->Release();
  ASSERT_OK(WaitForText("#recent", "eu/library/debian:latest"));
  ASSERT_OK(WaitForText("#running", "nothing"));
  EXPECT_THAT(browser_->Evaluate("window.reloaded"), kraken::IsOkAndHolds(false));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageTest, ShowsHowManyAgentsAreDone) {
  OpenPage();
  const std::string key = "eu/a/b:1 (preheat for zone=a)";
  server_->Hold(key);
  ASSERT_OK(server_->queue().EnqueueAndWait(
      ImageWork{.harbor = "eu",
                .repository = *kraken::RepositoryName::Parse("a/b"),
                .reference = kraken::Reference(*kraken::Tag::Parse("1")),
                .preheat = true,
                .agents = *AgentSelector::Parse("zone=a")}
          .ToJob(kPreheatPriority)));
  ASSERT_OK(WaitForText("#running", key));
  ASSERT_OK(WaitForText("#running", "3 of 10 agents"));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageTest, NamesWhatIsWrongWithAHarbor) {
  server_->WaitForHealth();
  OpenPage();
  ASSERT_OK(WaitForText("#harbors", "not well: credentials"));
  EXPECT_THAT(TextOf("#harbors tr:nth-child(2)"), HasSubstr("401"));
  EXPECT_THAT(TextOf("#harbors tr:nth-child(2)"), HasSubstr("disabled or expired"));
  EXPECT_THAT(TextOf("#harbors tr:nth-child(1)"), HasSubstr("well"));
}

TEST_F(PageTest, SaysHowReconciliationGoes) {
  OpenPage();
  EXPECT_THAT(TextOf("#harbors tr:nth-child(1) td:nth-child(3)"), HasSubstr("off"));
  server_->SetReconciliation({{.harbor = "eu",
                               .rounds = 1,
                               .found = 5,
                               .gone = 1,
                               .last_ended = absl::Now() - absl::Minutes(5)},
                              {.harbor = "us",
                               .failures = 1,
                               .last_error = absl::UnavailableError("us refuses connections")}});
  ASSERT_OK(WaitForText("#harbors tr:nth-child(1) td:nth-child(3)", "5 min ago, 6 found"));
  ASSERT_OK(WaitForText("#harbors tr:nth-child(2) td:nth-child(3)", "us refuses connections"));
  EXPECT_THAT(TextOf("#harbors tr:nth-child(2) td:nth-child(3)"), HasSubstr("not yet"));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageTest, SaysWhetherThisBridgeWorks) {
  OpenPage();
  EXPECT_THAT(browser_->Evaluate("document.querySelector('#lease').hidden"),
              kraken::IsOkAndHolds(true));
  server_->SetLease(LeaseView{.name = "eu", .held = false, .epoch = 7, .holder = "b:10050#1"});
  ASSERT_OK(WaitForText("#lease", "standby: b:10050#1 holds the lease \"eu\" under epoch 7"));
  server_->SetLease(LeaseView{.name = "eu", .held = true, .epoch = 8, .holder = "a:10050"});
  ASSERT_OK(WaitForText("#lease", "this bridge holds the lease"));
}

TEST_F(PageTest, DeadLettersAreRetriedAndDroppedByAClick) {
  server_->SetResult("eu/a/b:1", absl::InvalidArgumentError("indexes nest too deep"));
  server_->SetResult("eu/a/b:2", absl::InvalidArgumentError("no manifest"));
  Put("a/b", "1");
  Put("a/b", "2");
  server_->WaitFor("eu/a/b:2", JobState::kDead);
  OpenPage();
  ASSERT_OK(WaitForText("#dead", "indexes nest too deep"));
  server_->SetResult("eu/a/b:1", "it works now");
  ASSERT_OK(browser_->Evaluate("document.querySelector('[aria-label=\"Retry eu/a/b:1\"]').click()")
                .status());
  server_->WaitFor("eu/a/b:1", JobState::kDone);
  ASSERT_OK(browser_->Evaluate("document.querySelector('[aria-label=\"Drop eu/a/b:2\"]').click()")
                .status());
  ASSERT_OK(WaitForText("#dead", "none"));
  EXPECT_THAT(server_->queue().Get("eu/a/b:2"), kraken::StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageTest, ExplainsWhatHappensWithAnImage) {
  OpenPage();
  ASSERT_OK(WaitForText("#routes", ":buildcache$"));
  ASSERT_OK(browser_
                ->Evaluate("document.querySelector('#image').value = 'a/b:buildcache';"
                           "document.querySelector('#try button').click()")
                .status());
  ASSERT_OK(WaitForText("#decision", "ignored"));
  EXPECT_THAT(TextOf("#decision li"), HasSubstr("caches: :buildcache$ matches"));
  ASSERT_OK(browser_
                ->Evaluate("document.querySelector('#image').value = 'moon.example/a/b';"
                           "document.querySelector('#try button').click()")
                .status());
  ASSERT_OK(WaitForText("#decision", "no Harbor has the host moon.example"));
}

// Errors repeat what registries say.
TEST_F(PageTest, WhatComesFromOutsideIsNeverMarkup) {
  const std::string evil =
      "<img src=x onerror=\"document.title='taken'\"><script>document.title="
      "'taken'</script>";
  server_->SetResult("eu/a/b:1", absl::InvalidArgumentError(evil));
  Put("a/b", "1");
  OpenPage();
  ASSERT_OK(WaitForText("#dead", evil));
  EXPECT_THAT(browser_->Evaluate("document.querySelectorAll('main img, main script').length"),
              kraken::IsOkAndHolds(0));
  EXPECT_THAT(browser_->Evaluate("document.title"), kraken::IsOkAndHolds("harbor-bridge"));
  // And if it were, the policy holds it back.
  ASSERT_OK(browser_
                ->Evaluate("const s = document.createElement('script');"
                           "s.textContent = \"document.title = 'taken'\"; document.body.append(s)")
                .status());
  EXPECT_THAT(browser_->Evaluate("document.title"), kraken::IsOkAndHolds("harbor-bridge"));
  EXPECT_THAT(browser_->complaints(), testing::Contains(HasSubstr("Content Security Policy")));
}

TEST_F(PageTest, SaysWhenTheBridgeIsGone) {
  OpenPage();
  server_->StopApi();
  ASSERT_OK(browser_->WaitUntil("document.querySelector('#connection').dataset.state === 'lost'"));
  EXPECT_THAT(TextOf("#connection"), HasSubstr("does not answer"));
}

TEST_F(PageTest, EveryControlHasAName) {
  OpenPage();
  const auto nameless = browser_->Evaluate(R"(
      Array.from(document.querySelectorAll('button, input')).filter((node) =>
          !node.getAttribute('aria-label') && !node.innerText &&
          !(node.labels && node.labels.length)).length)");
  EXPECT_THAT(nameless, kraken::IsOkAndHolds(0));
  EXPECT_THAT(browser_->Evaluate("document.documentElement.lang"), kraken::IsOkAndHolds("en"));
  // Dark where the reader wants it dark.
  ASSERT_OK(browser_->PreferColors("dark"));
  ASSERT_OK(
      browser_->WaitUntil("getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 26)'"));
  ASSERT_OK(browser_->PreferColors("light"));
  ASSERT_OK(browser_->WaitUntil(
      "getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'"));
}

// The picture in README.md: SCREENSHOT=FILE in the environment has it written.
TEST_F(PageTest, CanBePhotographed) {
  server_->WaitForHealth();
  server_->SetLease(LeaseView{.name = "eu", .held = true, .epoch = 8, .holder = "a:10050"});
  server_->SetReconciliation(
      {{.harbor = "eu", .rounds = 9, .found = 2, .last_ended = absl::Now() - absl::Minutes(4)},
       {.harbor = "us", .last_ended = absl::Now() - absl::Hours(3)}});
  for (const char* repository : {"library/debian", "team/frontend", "ml/model"}) {
    server_->Hold(absl::StrCat("eu/", repository, ":latest"));
    Put(repository, "latest");
  }
  server_->SetResult("us/team/legacy:1.0",
                     absl::InvalidArgumentError("manifest schema 1 can't be read"));
  Put("team/legacy", "1.0", "us");
  Put("library/nginx", "1.29");
  server_->WaitFor("us/team/legacy:1.0", JobState::kDead);
  OpenPage();
  ASSERT_OK(WaitForText("#running", "ml/model"));
  ASSERT_OK(WaitForText("#dead", "schema 1"));
  ASSERT_OK_AND_ASSIGN(const std::string png, browser_->Screenshot(1000, 880));
  EXPECT_EQ(png.substr(1, 3), "PNG");
  if (const char* file = std::getenv("SCREENSHOT")) kraken::WriteTestFile(file, png);
}

}  // namespace
}  // namespace harbor_bridge
