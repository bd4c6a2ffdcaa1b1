#include "kraken/daemon/epoch_fence.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/write_epoch.h"
#include "kraken/storage/forwarding_file_system.h"

namespace kraken::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Disks whose writes fail, or wait, as the test says.
class Disks final : public storage::ForwardingFileSystem {
 public:
  absl::Status Sync(int fd, const std::string& path) override {
    ++syncs;
    if (gate != nullptr) gate->WaitForNotification();
    if (!failing.empty() && path.find(failing) != std::string::npos) {
      return absl::ResourceExhaustedError(absl::StrCat("no room for ", path));
    }
    return base_.Sync(fd, path);
  }

  std::atomic<int> syncs{0};
  absl::Notification* gate = nullptr;
  std::string failing;
};

class EpochFenceTest : public ::testing::Test {
 protected:
  EpochFenceTest() { Open({dir_}); }
  ~EpochFenceTest() override { Close(); }

  void Close() {
    disk_.WaitIdle();
    loop_.RunAndWait([this] { fence_.reset(); });
  }
  // Again: as after a restart.
  void Open(const std::vector<std::string>& directories) {
    Close();
    auto fence = EpochFence::Open(&loop_.loop(), &disk_, directories, files_);
    ASSERT_OK(fence);
    fence_ = *std::move(fence);
  }
  void Begin(const std::string& lease, uint64_t epoch) {
    rpc::v1::WriteEpoch write;
    write.set_lease(lease);
    write.set_epoch(epoch);
    loop_.RunAndWait([&] {
      fence_->Admit(write, [this](const absl::Status& status) { answers_.Put(status); });
    });
    ++asked_;
  }
  absl::Status Admit(const std::string& lease, uint64_t epoch) {
    Begin(lease, epoch);
    return answers_.Wait(asked_ - 1);
  }

  const std::string dir_ = MakeTestDir();
  Disks files_;
  net::LoopThread loop_{"control"};
  WorkerPool disk_{2, 100, "disk"};
  std::unique_ptr<EpochFence> fence_;
  rpc::Mailbox<absl::Status> answers_;
  size_t asked_ = 0;
};

TEST_F(EpochFenceTest, AnOlderEpochIsRefusedWithBoth) {
  EXPECT_OK(Admit("eu", 7));
  EXPECT_OK(Admit("eu", 7));
  EXPECT_OK(Admit("eu", 9));
  const absl::Status refused = Admit("eu", 7);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition,
                                AllOf(HasSubstr("epoch 7"), HasSubstr("epoch 9"))));
  EXPECT_EQ(rpc::SeenEpoch(refused), 9u);
}

TEST_F(EpochFenceTest, WhatWasSeenOutlivesTheProcess) {
  EXPECT_OK(Admit("eu", 9));
  Open({dir_});
  EXPECT_THAT(Admit("eu", 8), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_OK(Admit("eu", 9));
}

TEST_F(EpochFenceTest, ANewEpochIsOnTheDiskBeforeItsWriteIsAdmitted) {
  absl::Notification gate;
  files_.gate = &gate;
  Begin("eu", 7);
  while (files_.syncs == 0) std::this_thread::yield();
  // What comes meanwhile waits with it, or is older and refused at once.
  Begin("eu", 7);
  EXPECT_EQ(answers_.size(), 0u);
  EXPECT_THAT(files_.Stat(absl::StrCat(dir_, "/", EpochFence::kFileName)),
              StatusIs(absl::StatusCode::kNotFound));
  Begin("eu", 6);
  EXPECT_THAT(answers_.Wait(0), StatusIs(absl::StatusCode::kFailedPrecondition));
  // The write of 7 is not admitted once 8 was seen.
  Begin("eu", 8);
  gate.Notify();
  EXPECT_THAT(answers_.Wait(1), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(answers_.Wait(2), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_OK(answers_.Wait(3));
}

TEST_F(EpochFenceTest, WithoutALeaseAllIsAsEverUntilOneWasSeen) {
  EXPECT_OK(Admit("", 0));
  EXPECT_OK(Admit("eu", 1));
  const std::string path = absl::StrCat(dir_, "/", EpochFence::kFileName);
  EXPECT_THAT(Admit("", 0), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     AllOf(HasSubstr("epoch 0"), HasSubstr("epoch 1"),
                                           HasSubstr("lease \"eu\""), HasSubstr(path))));
  // The operator's way back.
  ASSERT_OK(files_.Unlink(path));
  Open({dir_});
  EXPECT_OK(Admit("", 0));
}

TEST_F(EpochFenceTest, LeasesDoNotDisturbEachOther) {
  EXPECT_OK(Admit("eu", 9));
  EXPECT_OK(Admit("us", 1));
  EXPECT_OK(Admit("eu", 9));
  for (size_t i = 2; i < EpochFence::kMaxLeases; ++i) EXPECT_OK(Admit(absl::StrCat("l", i), 1));
  EXPECT_THAT(Admit("one-more", 1), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(Admit("us", 2));
}

TEST_F(EpochFenceTest, WhatCanNotBeWrittenDownIsNotAdmitted) {
  files_.failing = dir_;
  EXPECT_THAT(Admit("eu", 7), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(dir_)));
  EXPECT_THAT(Admit("eu", 6), StatusIs(absl::StatusCode::kFailedPrecondition));
  files_.failing.clear();
  EXPECT_OK(Admit("eu", 7));
}

TEST_F(EpochFenceTest, EachVolumeHasACopyAndOneMayBeMissing) {
  const std::string other = MakeTestDir();
  Open({dir_, other});
  EXPECT_OK(Admit("eu", 7));
  files_.failing = dir_;
  EXPECT_OK(Admit("eu", 8)) << "the other has it";
  Open({"/nonexistent", other});
  EXPECT_THAT(Admit("eu", 7), StatusIs(absl::StatusCode::kFailedPrecondition));
  Open({dir_, other});
  EXPECT_THAT(Admit("eu", 7), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(EpochFenceTest, ADamagedFileIsNamed) {
  const std::string path = absl::StrCat(dir_, "/", EpochFence::kFileName);
  for (const char* text : {"", "{", "[]", R"({"leases":[]})", R"({"leases":{"eu":"7"}})",
                           R"({"leases":{"eu":-7}})", R"({"leases":{"E U":7}})"}) {
    WriteTestFile(path, text);
    EXPECT_THAT(EpochFence::Open(&loop_.loop(), &disk_, {dir_}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path)))
        << text;
  }
}

}  // namespace
}  // namespace kraken::daemon
