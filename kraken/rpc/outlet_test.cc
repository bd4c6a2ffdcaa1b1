#include "kraken/rpc/outlet.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::rpc {
namespace {

// Stands for a reactor: keeps what it was told to write until the test says that it is written.
struct Recorder {
  void Attach(Outlet<std::string>& outlet) {
    outlet.Attach([this](const std::string* message) { written.push_back(*message); },
                  [this](const absl::Status& status) { finished.push_back(status); },
                  [this] { ++cancelled; });
  }
  std::vector<std::string> written;
  std::vector<absl::Status> finished;
  int cancelled = 0;
};

TEST(OutletTest, WritesOneMessageAtATimeInOrder) {
  Outlet<std::string> outlet(8);
  Recorder recorder;
  EXPECT_TRUE(outlet.Write("a"));  // before the reactor is there
  recorder.Attach(outlet);
  EXPECT_TRUE(outlet.Write("b"));
  EXPECT_TRUE(outlet.Write("c"));
  EXPECT_EQ(recorder.written, std::vector<std::string>({"a"}));
  outlet.OnWriteDone(true);
  outlet.OnWriteDone(true);
  EXPECT_EQ(recorder.written, std::vector<std::string>({"a", "b", "c"}));
}

TEST(OutletTest, FinishesOnlyAfterEverythingWasWritten) {
  Outlet<std::string> outlet(8);
  Recorder recorder;
  recorder.Attach(outlet);
  outlet.Write("a");
  outlet.Write("b");
  outlet.Finish(absl::OkStatus());
  EXPECT_FALSE(outlet.Write("late"));
  outlet.OnWriteDone(true);
  EXPECT_TRUE(recorder.finished.empty());
  outlet.OnWriteDone(true);
  ASSERT_EQ(recorder.finished.size(), 1u);
  EXPECT_OK(recorder.finished[0]);
  EXPECT_EQ(recorder.written, std::vector<std::string>({"a", "b"}));
}

TEST(OutletTest, ASlowReaderEndsTheStreamInsteadOfLosingAMessage) {
  Outlet<std::string> outlet(2);
  Recorder recorder;
  recorder.Attach(outlet);
  EXPECT_TRUE(outlet.Write("a"));  // being written
  EXPECT_TRUE(outlet.Write("b"));
  EXPECT_FALSE(outlet.Write("c"));
  EXPECT_EQ(recorder.cancelled, 1) << "its reader may never take \"a\"";
  EXPECT_TRUE(recorder.finished.empty());  // "a" is still the reactor's
  outlet.OnWriteDone(false);
  ASSERT_EQ(recorder.finished.size(), 1u);
  EXPECT_THAT(recorder.finished[0], StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(recorder.written, std::vector<std::string>({"a"}));
}

TEST(OutletTest, AnAbortGivesUpTheWriteUnderWayAndDropsTheRest) {
  Outlet<std::string> outlet(8);
  Recorder recorder;
  recorder.Attach(outlet);
  outlet.Write("a");
  outlet.Write("b");
  outlet.Finish(absl::NotFoundError("polite"));
  EXPECT_EQ(recorder.cancelled, 0);
  outlet.Abort(absl::UnavailableError("not polite"));
  EXPECT_EQ(recorder.cancelled, 1);
  EXPECT_TRUE(recorder.finished.empty());
  outlet.OnWriteDone(false);
  ASSERT_EQ(recorder.finished.size(), 1u);
  EXPECT_THAT(recorder.finished[0], StatusIs(absl::StatusCode::kNotFound)) << "the first counts";
  EXPECT_EQ(recorder.written, std::vector<std::string>({"a"}));
}

TEST(OutletTest, AnAbortOfAnIdleStreamFinishesIt) {
  Outlet<std::string> outlet(8);
  Recorder recorder;
  recorder.Attach(outlet);
  outlet.Abort(absl::UnavailableError("silent"));
  EXPECT_EQ(recorder.cancelled, 0);
  ASSERT_EQ(recorder.finished.size(), 1u);
  EXPECT_THAT(recorder.finished[0], StatusIs(absl::StatusCode::kUnavailable));
}

TEST(OutletTest, ABrokenWriteDropsTheRestAndStillFinishes) {
  Outlet<std::string> outlet(8);
  Recorder recorder;
  recorder.Attach(outlet);
  outlet.Write("a");
  outlet.Write("b");
  outlet.Finish(absl::CancelledError("gone"));
  outlet.OnWriteDone(false);
  ASSERT_EQ(recorder.finished.size(), 1u);
  EXPECT_EQ(recorder.written, std::vector<std::string>({"a"}));
}

TEST(OutletTest, DropsWhatIsWrittenAfterTheReactorIsGone) {
  Outlet<std::string> outlet(8);
  Recorder recorder;
  recorder.Attach(outlet);
  outlet.Detach();
  EXPECT_FALSE(outlet.Write("a"));
  EXPECT_TRUE(outlet.ended());
  EXPECT_TRUE(recorder.written.empty());
}

}  // namespace
}  // namespace kraken::rpc
