#include "kraken/krakenctl/config_file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/file_system.h"

namespace kraken::krakenctl {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  EXPECT_OK(storage::PosixFileSystem().List(folder, [&names](std::string_view name) {
    names.emplace_back(name);
    return true;
  }));
  return names;
}

struct stat StatOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info;
}

TEST(ConfigFileTest, ReadsWhatIsThere) {
  const std::string root = MakeTestDir();
  WriteTestFile(root + "/a", "content");
  EXPECT_THAT(ReadConfigFile(root + "/a"), IsOkAndHolds(Eq("content")));
  EXPECT_THAT(ReadConfigFile(root + "/b"), IsOkAndHolds(Eq(absl::nullopt)));
  EXPECT_THAT(ReadConfigFile(root + "/b/c"), IsOkAndHolds(Eq(absl::nullopt)));
}

TEST(ConfigFileTest, WhatIsNoPlainFileIsRefused) {
  const std::string root = MakeTestDir();
  WriteTestFile(root + "/target", "");
  ASSERT_EQ(::symlink("target", (root + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0600), 0);
  WriteTestFile(root + "/large", std::string(kMaxConfigFileBytes + 1, ' '));
  EXPECT_THAT(ReadConfigFile(root + "/link"), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                       HasSubstr("/link is a symbolic link")));
  EXPECT_THAT(ReadConfigFile(root + "/fifo"), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                       HasSubstr("/fifo is not a regular file")));
  EXPECT_THAT(ReadConfigFile(root), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ReadConfigFile(root + "/large"), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ConfigFileTest, ModeAndOwnerStay) {
  const std::string root = MakeTestDir();
  const std::string path = root + "/a";
  WriteTestFile(path, "old");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  // Not allowed to everybody, nor in every sandbox.
  const bool other_owner = ::chown(path.c_str(), 65534, 65533) == 0;
  ASSERT_OK(
      ApplyFileChange({.path = path, .before = "old", .after = "new"}, storage::PosixFileSystem()));
  EXPECT_THAT(ReadConfigFile(path), IsOkAndHolds(Eq("new")));
  EXPECT_EQ(StatOf(path).st_mode & 07777, 0600u);
  if (other_owner) {
    EXPECT_EQ(StatOf(path).st_uid, 65534u);
    EXPECT_EQ(StatOf(path).st_gid, 65533u);
  }
}

TEST(ConfigFileTest, ANewFileIsForEverybodyToRead) {
  const std::string path = MakeTestDir() + "/new/folder/a";
  const mode_t mask = ::umask(0077);
  const absl::Status status =
      ApplyFileChange({.path = path, .after = "new"}, storage::PosixFileSystem());
  ::umask(mask);
  ASSERT_OK(status);
  EXPECT_EQ(StatOf(path).st_mode & 07777, 0644u);
}

TEST(ConfigFileTest, AFolderGoesOnlyWhenItIsEmpty) {
  const std::string root = MakeTestDir();
  FileChange change = {.path = root + "/a/f", .before = "x", .remove_folder = true};
  ASSERT_OK(ApplyFileChange({.path = change.path, .after = "x"}, storage::PosixFileSystem()));
  WriteTestFile(root + "/a/other", "");
  ASSERT_OK(ApplyFileChange(change, storage::PosixFileSystem()));
  EXPECT_THAT(NamesIn(root + "/a"), ElementsAre("other"));
  ASSERT_EQ(::unlink((root + "/a/other").c_str()), 0);
  ASSERT_OK(ApplyFileChange({.path = change.path, .after = "x"}, storage::PosixFileSystem()));
  ASSERT_OK(ApplyFileChange(change, storage::PosixFileSystem()));
  EXPECT_THAT(NamesIn(root), IsEmpty());
}

TEST(ConfigFileTest, WhatSomebodyElseChangedMeanwhileStays) {
  const std::string path = MakeTestDir() + "/a";
  WriteTestFile(path, "theirs");
  for (const absl::optional<std::string>& after :
       {absl::optional<std::string>("new"), absl::optional<std::string>()}) {
    EXPECT_THAT(ApplyFileChange({.path = path, .before = "old", .after = after},
                                storage::PosixFileSystem()),
                StatusIs(absl::StatusCode::kAborted, HasSubstr(path)));
    EXPECT_THAT(ReadConfigFile(path), IsOkAndHolds(Eq("theirs")));
  }
}

// Changes of each kind, tried with an end at each step.
const std::vector<FileChange>& Changes() {
  static const auto* changes = new std::vector<FileChange>{
      {.path = "/f", .before = "old", .after = "new"},
      {.path = "/made/folder/f", .after = "new"},
      {.path = "/f", .before = "old"},
  };
  return *changes;
}

// In a folder of its own, with the file as it was before.
FileChange Prepared(FileChange change) {
  change.path = MakeTestDir() + change.path;
  if (change.before.has_value()) WriteTestFile(change.path, *change.before);
  return change;
}

TEST(ConfigFileTest, KilledBeforeAnyStepTheFileIsTheOldOrTheNewOne) {
  for (const FileChange& kind : Changes()) {
    bool completed = false;
    for (int fatal = 0; !completed; ++fatal) {
      const FileChange change = Prepared(kind);
      SCOPED_TRACE(absl::StrCat(change.path, ", killed before step ", fatal));
      const pid_t child = ::fork();
      if (child == 0) {
        int step = 0;
        storage::FaultFileSystem files([&](std::string_view, const std::string&) {
          if (step++ == fatal) _exit(42);
          return absl::OkStatus();
        });
        _exit(ApplyFileChange(change, files).ok() ? 0 : 1);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status));
      ASSERT_NE(WEXITSTATUS(status), 1);
      completed = WEXITSTATUS(status) == 0;

      ASSERT_OK_AND_ASSIGN(const absl::optional<std::string> now, ReadConfigFile(change.path));
      EXPECT_TRUE(now == change.before || now == change.after);
      if (completed) {
        EXPECT_EQ(now, change.after);
      }
      // The next run finishes it and leaves nothing else behind.
      FileChange again = change;
      again.before = now;
      ASSERT_OK(ApplyFileChange(again, storage::PosixFileSystem()));
      EXPECT_THAT(ReadConfigFile(change.path), IsOkAndHolds(Eq(change.after)));
      if (change.after.has_value() && now != change.after) {
        EXPECT_THAT(NamesIn(change.path.substr(0, change.path.rfind('/'))), ElementsAre("f"));
      }
      ASSERT_LT(fatal, 100);
    }
  }
}

TEST(ConfigFileTest, AfterAnErrorAtAnyStepTheFileIsTheOldOrTheNewOne) {
  for (const FileChange& kind : Changes()) {
    bool completed = false;
    for (int failing = 0; !completed; ++failing) {
      const FileChange change = Prepared(kind);
      SCOPED_TRACE(absl::StrCat(change.path, ", step ", failing, " fails"));
      int step = 0;
      storage::FaultFileSystem files([&](std::string_view operation, const std::string& path) {
        if (step++ != failing) return absl::OkStatus();
        return absl::ResourceExhaustedError(absl::StrCat(operation, " ", path, ": disk full"));
      });
      const absl::Status status = ApplyFileChange(change, files);
      completed = step <= failing;
      EXPECT_EQ(status.ok(), completed) << status;
      ASSERT_OK_AND_ASSIGN(const absl::optional<std::string> now, ReadConfigFile(change.path));
      EXPECT_TRUE(now == change.before || now == change.after);
      ASSERT_LT(failing, 100);
    }
  }
}

TEST(ConfigFileTest, TheContentIsOnDiskBeforeItTakesTheName) {
  const FileChange change = Prepared(Changes()[0]);
  std::vector<std::string> steps;
  storage::FaultFileSystem files([&](std::string_view operation, const std::string&) {
    steps.emplace_back(operation);
    return absl::OkStatus();
  });
  ASSERT_OK(ApplyFileChange(change, files));
  EXPECT_THAT(steps, ElementsAre("unlink", "open", "stat", "write", "sync", "rename", "syncdir"));
}

TEST(ConfigFileTest, DescribesWhatChangesWithTheLinesAround) {
  EXPECT_EQ(
      DescribeFileChange(
          {.path = "/f", .before = "1\n2\n3\n4\n5\n6\n7\n", .after = "1\n2\n3\nnew\n5\n6\n7\n"}),
      "--- /f\n+++ /f\n@@ line 4 @@\n 2\n 3\n-4\n+new\n 5\n 6\n");
  EXPECT_EQ(DescribeFileChange({.path = "/f", .after = "a\nb\n"}),
            "--- /dev/null\n+++ /f\n@@ line 1 @@\n+a\n+b\n");
  EXPECT_EQ(DescribeFileChange({.path = "/f", .before = "a\na\n", .after = "a\na\na\n"}),
            "--- /f\n+++ /f\n@@ line 3 @@\n a\n a\n+a\n");
  EXPECT_EQ(DescribeFileChange({.path = "/f", .before = "a"}),
            "--- /f\n+++ /dev/null\n@@ line 1 @@\n-a\n");
}

}  // namespace
}  // namespace kraken::krakenctl
