#include "harbor_bridge/work/quarantine.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using ::testing::HasSubstr;

class QuarantineTest : public ::testing::Test {
 protected:
  void Open(int64_t max_entries) {
    quarantine_.reset();
    ASSERT_OK_AND_ASSIGN(
        quarantine_,
        Quarantine::Open({.path = path_, .max_entries = max_entries, .clock = &clock_}));
  }
  void Put(const std::string& body) {
    quarantine_->Put({.harbor = "eu",
                      .source = "registry",
                      .reason = "no JSON",
                      .body_bytes = body.size(),
                      .body = body},
                     [](const absl::Status& status) { EXPECT_OK(status); });
  }
  std::vector<std::string> Bodies() {
    const absl::StatusOr<std::vector<QuarantinedBody>> list = quarantine_->ListAndWait(100);
    EXPECT_OK(list);
    std::vector<std::string> bodies;
    for (const QuarantinedBody& body : *list) bodies.push_back(body.body);
    return bodies;
  }

  const std::string path_ = kraken::MakeTestDir() + "/quarantine.db";
  kraken::ManualClock clock_;
  std::unique_ptr<Quarantine> quarantine_;
};

TEST_F(QuarantineTest, KeepsTheNewestOverARestart) {
  Open(3);
  for (int i = 0; i < 10; ++i) Put(absl::StrCat("body ", i));
  EXPECT_EQ(Bodies(), std::vector<std::string>({"body 9", "body 8", "body 7"}));
  EXPECT_EQ(quarantine_->put_count(), 10u);
  Open(3);
  Put("another");
  EXPECT_EQ(Bodies(), std::vector<std::string>({"another", "body 9", "body 8"}));
}

TEST_F(QuarantineTest, SaysWhatWhyAndWhenButNotAllOfIt) {
  Open(3);
  Put(std::string(kMaxQuarantinedBytes + 1, 'x'));
  const absl::StatusOr<std::vector<QuarantinedBody>> list = quarantine_->ListAndWait(1);
  ASSERT_OK(list);
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ((*list)[0].body.size(), kMaxQuarantinedBytes);
  EXPECT_EQ((*list)[0].body_bytes, kMaxQuarantinedBytes + 1);
  EXPECT_EQ((*list)[0].received_at, clock_.Now());
  EXPECT_THAT(ToJson(*list),
              testing::AllOf(HasSubstr(R"("harbor":"eu")"), HasSubstr(R"("reason":"no JSON")"),
                             HasSubstr(R"("body_bytes":16385)")));
}

TEST_F(QuarantineTest, BytesThatAreNoTextAreShownAllTheSame) {
  Open(3);
  Put("\xff\xfe");
  EXPECT_THAT(ToJson(*quarantine_->ListAndWait(1)), HasSubstr("\xef\xbf\xbd"));
}

}  // namespace
}  // namespace harbor_bridge
