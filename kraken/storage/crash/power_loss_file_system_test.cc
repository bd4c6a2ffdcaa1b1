#include "kraken/storage/crash/power_loss_file_system.h"

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/crash/power_loss_outcomes.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PowerLossFileSystemTest : public testing::Test {
 protected:
  UniqueFd Create(const std::string& name) {
    absl::StatusOr<UniqueFd> fd = disk_.Open(root_ + "/" + name, O_CREAT | O_RDWR);
    EXPECT_OK(fd);
    return *std::move(fd);
  }
  void Write(const UniqueFd& fd, int64_t offset, const std::string& bytes) {
    ASSERT_OK(WriteFully(
        fd.get(), offset,
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), "it"));
  }
  // "path=content" of what is left in the outcome of this name.
  std::vector<std::string> Left(const std::string& name) {
    const DiskState state = disk_.State();
    const std::vector<PowerLossOutcome> outcomes = PowerLossOutcomes(state, /*few=*/false);
    const auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                      [&name](const auto& one) { return one.name == name; });
    if (outcome == outcomes.end()) return {"no outcome " + name};
    std::vector<std::string> left;
    for (const auto& [path, content] : TreeAfter(state, *outcome)) {
      left.push_back(content == nullptr ? path : path + "=" + content->bytes);
    }
    return left;
  }

  const std::string root_ = MakeTestDir();
  PowerLossFileSystem disk_{root_};
};

TEST_F(PowerLossFileSystemTest, NameAndContentAreSyncedEachByItself) {
  const UniqueFd fd = Create("a");
  Write(fd, 0, "one");
  EXPECT_THAT(Left("nothing survives"), IsEmpty());
  EXPECT_THAT(Left("everything survives"), ElementsAre("a=one"));
  ASSERT_OK(disk_.SyncDirectory(root_));
  EXPECT_THAT(Left("nothing survives"), ElementsAre("a="));
  ASSERT_OK(disk_.Sync(fd.get(), root_ + "/a"));
  EXPECT_THAT(Left("nothing survives"), ElementsAre("a=one"));
  Write(fd, 1, "NEW");
  EXPECT_THAT(Left("nothing survives"), ElementsAre("a=one"));
  EXPECT_THAT(Left("data alone survives"), ElementsAre("a=oNEW"));
  EXPECT_THAT(Left("metadata alone survives"), ElementsAre(std::string("a=one\0", 6)));
}

TEST_F(PowerLossFileSystemTest, ADirectorysEntryNeedsTheSyncOfItsParent) {
  bool created;
  ASSERT_OK(disk_.MakeDirectory(root_ + "/d", &created));
  const UniqueFd fd = Create("d/a");
  ASSERT_OK(disk_.SyncDirectory(root_ + "/d"));
  EXPECT_THAT(Left("nothing survives"), IsEmpty());
  EXPECT_THAT(Left("change 0 alone survives, without data"), ElementsAre("d/", "d/a="));
}

TEST_F(PowerLossFileSystemTest, ARenameIsDurableByHalves) {
  bool created;
  for (const char* name : {"/from", "/to"}) ASSERT_OK(disk_.MakeDirectory(root_ + name, &created));
  const UniqueFd fd = Create("from/a");
  for (const char* name : {"", "/from", "/to"}) ASSERT_OK(disk_.SyncDirectory(root_ + name));
  ASSERT_OK(disk_.Rename(root_ + "/from/a", root_ + "/to/b"));
  EXPECT_THAT(Left("nothing survives"), ElementsAre("from/", "from/a=", "to/"));
  EXPECT_THAT(Left("change 0 alone survives, without data"), ElementsAre("from/", "to/"));
  ASSERT_OK(disk_.SyncDirectory(root_ + "/to"));
  EXPECT_THAT(Left("nothing survives"), ElementsAre("from/", "from/a=", "to/", "to/b="));
  EXPECT_THAT(Left("everything survives"), ElementsAre("from/", "to/", "to/b="));
}

TEST_F(PowerLossFileSystemTest, WhatAFailedSyncDidNotWriteIsNotWrittenByTheNext) {
  const UniqueFd fd = Create("a");
  ASSERT_OK(disk_.SyncDirectory(root_));
  Write(fd, 0, std::string(8192, 'x'));
  disk_.FailSync(root_ + "/a");
  Write(fd, 4096, "y");
  ASSERT_OK(disk_.Sync(fd.get(), root_ + "/a"));
  EXPECT_THAT(Left("nothing survives"),
              ElementsAre("a=" + std::string(4096, '\0') + "y" + std::string(4095, 'x')));
}

TEST_F(PowerLossFileSystemTest, TornFilesHoldOldAndNewBlocks) {
  const UniqueFd fd = Create("a");
  ASSERT_OK(disk_.SyncDirectory(root_));
  Write(fd, 0, std::string(8192, 'x'));
  EXPECT_THAT(Left("file 1 torn as 3, others as 0"),
              ElementsAre("a=" + std::string(4096, 'x') + std::string(4096, '\0')));
  EXPECT_THAT(Left("file 1 torn as 4, others as 0"),
              ElementsAre("a=" + std::string(4096, '\0') + std::string(4096, 'x')));
}

}  // namespace
}  // namespace kraken::storage
