#include "harbor_bridge/work/job_board.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace harbor_bridge {
namespace {

TEST(JobBoardTest, ShowsAJobWhileItRunsAndHowItEnded) {
  JobBoard board;
  auto entry = std::make_unique<JobBoard::Entry>(&board, "eu/a/b:1", "eu");
  entry->SetStep("prefetching");
  entry->SetTotals(4, 1000);
  entry->SetDone(1, 250);
  entry->SetAgents(2, 5);
  ASSERT_EQ(board.Running().size(), 1u);
  EXPECT_EQ(board.Running()[0].harbor, "eu");
  EXPECT_EQ(board.ProgressOf("eu/a/b:1")->step, "prefetching");
  EXPECT_EQ(board.ProgressOf("eu/a/b:1")->bytes_done, 250);
  EXPECT_EQ(board.ProgressOf("eu/a/b:1")->agents_done, 2);
  EXPECT_EQ(board.ProgressOf("eu/a/b:1")->agents_asked, 5);
  EXPECT_FALSE(board.ProgressOf("eu/a/b:2").has_value());
  entry->End(true, "4 blobs");
  entry.reset();
  EXPECT_TRUE(board.Running().empty());
  ASSERT_EQ(board.Recent().size(), 1u);
  EXPECT_TRUE(board.Recent()[0].ok);
  EXPECT_EQ(board.Recent()[0].result, "4 blobs");
  EXPECT_EQ(board.Recent()[0].progress.blobs_total, 4);
  EXPECT_GE(board.Recent()[0].ended, board.Recent()[0].begun);
}

TEST(JobBoardTest, RemembersTheLastFew) {
  JobBoard board;
  for (size_t i = 0; i < JobBoard::kMaxRecent + 3; ++i) {
    JobBoard::Entry entry(&board, absl::StrCat(i), "eu");
  }
  EXPECT_EQ(board.Recent().size(), JobBoard::kMaxRecent);
  EXPECT_EQ(board.Recent()[0].key, absl::StrCat(JobBoard::kMaxRecent + 2));
  EXPECT_FALSE(board.Recent()[0].ok);
}

}  // namespace
}  // namespace harbor_bridge
