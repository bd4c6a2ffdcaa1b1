#include "kraken/base/files/read_whole_file.h"

#include <sys/stat.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

using ::testing::HasSubstr;

class ReadWholeFileTest : public ::testing::Test {
 protected:
  const std::string path_ = absl::StrCat(MakeTestDir(), "/file");
};

TEST_F(ReadWholeFileTest, ReadsUpToTheLimit) {
  WriteTestFile(path_, "");
  EXPECT_THAT(ReadWholeFile(path_, 0), IsOkAndHolds(""));
  const std::string content(10'000, 'x');
  WriteTestFile(path_, content);
  EXPECT_THAT(ReadWholeFile(path_, 10'000), IsOkAndHolds(content));
  EXPECT_THAT(ReadWholeFile(path_, 9'999),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(path_)));
}

TEST_F(ReadWholeFileTest, NamesTheFileAndTheCause) {
  EXPECT_THAT(ReadWholeFile(path_, 10), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(ReadWholeFile(MakeTestDir(), 10).status().message(), HasSubstr("directory"));
}

TEST_F(ReadWholeFileTest, ReadsWhatHasNoSize) {
  ASSERT_OK_AND_ASSIGN(const std::string status, ReadWholeFile("/proc/self/status", 1 << 20));
  EXPECT_THAT(status, HasSubstr("Pid:"));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const std::string content(100'000, 'p');
  std::thread writer([&] { WriteTestFile(path_, content); });
  EXPECT_THAT(ReadWholeFile(path_, 1 << 20), IsOkAndHolds(content));
  writer.join();
}

}  // namespace
}  // namespace kraken
