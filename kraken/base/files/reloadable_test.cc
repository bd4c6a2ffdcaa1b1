#include "kraken/base/files/reloadable.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two files as one text.
class Text final : public Reloadable {
 public:
  Text(std::string first, std::string second) : files_({std::move(first), std::move(second)}) {}

  std::vector<std::string> files() const override { return files_; }
  absl::Status Reload() override {
    ++reloads;
    std::string all;
    for (const std::string& file : files_) {
      const absl::StatusOr<std::string> bytes = ReadWholeFile(file, 100);
      if (!bytes.ok()) return bytes.status();
      all += *bytes;
    }
    text = all;
    return absl::OkStatus();
  }

  int reloads = 0;
  std::string text;

 private:
  const std::vector<std::string> files_;
};

class ReloadRegistryTest : public ::testing::Test {
 protected:
  ReloadRegistryTest() {
    WriteTestFile(first_, "a");
    WriteTestFile(second_, "b");
    EXPECT_OK(registry_.Load(text_));
    EXPECT_EQ(text_->text, "ab");
  }

  static void Rename(const std::string& from, const std::string& to) {
    EXPECT_EQ(std::rename(from.c_str(), to.c_str()), 0);
  }

  const std::string dir_ = MakeTestDir();
  const std::string first_ = absl::StrCat(dir_, "/first");
  const std::string second_ = absl::StrCat(dir_, "/second");
  std::shared_ptr<Text> text_ = std::make_shared<Text>(first_, second_);
  ReloadRegistry registry_;
};

TEST_F(ReloadRegistryTest, ReadsAgainOnlyWhatChanged) {
  auto other = std::make_shared<Text>(second_, second_);
  ASSERT_OK(registry_.Load(other));
  EXPECT_THAT(registry_.ReloadChanged().changed_files, IsEmpty());
  EXPECT_EQ(text_->reloads, 1);

  WriteTestFile(first_, "A");
  const ReloadReport report = registry_.ReloadChanged();
  EXPECT_THAT(report.changed_files, ElementsAre(first_));
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(text_->text, "Ab");
  EXPECT_EQ(other->reloads, 1);

  WriteTestFile(second_, "B");
  EXPECT_THAT(registry_.ReloadChanged().changed_files, ElementsAre(second_));
  EXPECT_EQ(text_->text, "AB");
  EXPECT_EQ(other->text, "BB");
  EXPECT_THAT(registry_.ReloadChanged().changed_files, IsEmpty());
  EXPECT_EQ(text_->reloads, 3);
}

TEST_F(ReloadRegistryTest, SeesRenamesAndSymbolicLinks) {
  WriteTestFile(absl::StrCat(dir_, "/new"), "A");
  Rename(absl::StrCat(dir_, "/new"), first_);
  EXPECT_THAT(registry_.ReloadChanged().changed_files, ElementsAre(first_));
  EXPECT_EQ(text_->text, "Ab");

  // As Kubernetes changes a secret: by a link to the folder.
  for (const char* version : {"1", "2"}) {
    ASSERT_EQ(::mkdir(absl::StrCat(dir_, "/", version).c_str(), 0700), 0);
    WriteTestFile(absl::StrCat(dir_, "/", version, "/key"), version);
  }
  const std::string data = absl::StrCat(dir_, "/data");
  ASSERT_EQ(::symlink("1", data.c_str()), 0);
  const std::string key = absl::StrCat(data, "/key");
  auto linked = std::make_shared<Text>(key, key);
  ASSERT_OK(registry_.Load(linked));
  EXPECT_EQ(linked->text, "11");
  const std::string next = absl::StrCat(dir_, "/next");
  ASSERT_EQ(::symlink("2", next.c_str()), 0);
  Rename(next, data);
  EXPECT_THAT(registry_.ReloadChanged().changed_files, ElementsAre(key));
  EXPECT_EQ(linked->text, "22");
}

TEST_F(ReloadRegistryTest, TriesAgainWhatFailed) {
  ASSERT_EQ(::unlink(second_.c_str()), 0);
  ReloadReport report = registry_.ReloadChanged();
  EXPECT_THAT(report.changed_files, ElementsAre(second_));
  EXPECT_THAT(report.errors, ElementsAre(HasSubstr(second_)));
  EXPECT_EQ(text_->text, "ab");

  // Said each time, as it is still so.
  report = registry_.ReloadChanged();
  EXPECT_THAT(report.changed_files, IsEmpty());
  EXPECT_THAT(report.errors, ElementsAre(HasSubstr(second_)));

  WriteTestFile(second_, "B");
  report = registry_.ReloadChanged();
  EXPECT_THAT(report.changed_files, ElementsAre(second_));
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(text_->text, "aB");
}

TEST_F(ReloadRegistryTest, ForgetsWhatNobodyHolds) {
  text_ = nullptr;
  WriteTestFile(first_, "A");
  EXPECT_THAT(registry_.ReloadChanged().changed_files, IsEmpty());

  auto broken = std::make_shared<Text>(first_, absl::StrCat(dir_, "/none"));
  EXPECT_THAT(registry_.Load(broken), StatusIs(absl::StatusCode::kNotFound));
  WriteTestFile(first_, "B");
  EXPECT_THAT(registry_.ReloadChanged().changed_files, IsEmpty());
  EXPECT_EQ(broken->reloads, 1);
}

}  // namespace
}  // namespace kraken
