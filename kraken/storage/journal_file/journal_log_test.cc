#include "kraken/storage/journal_file/journal_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/file_io.h"
#include "kraken/storage/file_system.h"
#include "kraken/storage/forwarding_file_system.h"

namespace kraken::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kSegmentBytes = 4096;
constexpr size_t kSegments = 4;
constexpr size_t kBodyBytes = 500;

// Whose next syncs fail.
class FailingFileSystem final : public ForwardingFileSystem {
 public:
  absl::Status SyncData(int fd, const std::string& path) override {
    if (failing) return absl::UnavailableError("the disk is gone");
    return base_.SyncData(fd, path);
  }
  bool failing = false;
};

class JournalLogTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    log_ = nullptr;
    ASSERT_OK_AND_ASSIGN(log_, JournalLog::Open(options_));
  }
  absl::StatusOr<int64_t> Append(const std::string& body) {
    EXPECT_OK(log_->Begin());
    JournalRecord record;
    record.body = body;
    absl::StatusOr<int64_t> sequence = log_->Append(std::move(record));
    absl::Status committed = log_->Commit();
    if (!committed.ok()) {
      log_->Rollback();
      return committed;
    }
    return sequence;
  }
  absl::Status Forget(int64_t sequence) {
    EXPECT_OK(log_->Begin());
    absl::Status status = log_->Forget({sequence});
    EXPECT_OK(log_->Commit());
    return status;
  }
  std::vector<std::string> Bodies() {
    std::vector<JournalRecord> entries;
    EXPECT_OK(log_->Read(0, 1000, SIZE_MAX, &entries));
    std::vector<std::string> bodies;
    for (const JournalRecord& entry : entries) bodies.push_back(entry.body.substr(0, 8));
    return bodies;
  }
  // Fills the journal's file so often, and leaves nothing behind.
  void GoRound(int times) {
    const std::string body(kBodyBytes, 'x');
    for (size_t i = 0; i < static_cast<size_t>(times) * kSegments * kSegmentBytes / kBodyBytes;
         ++i) {
      ASSERT_OK_AND_ASSIGN(const int64_t sequence, Append(body));
      ASSERT_OK(Forget(sequence));
    }
  }

  FailingFileSystem files_;
  JournalLogOptions options_ = {.path = MakeTestDir() + "/journal",
                                .segment_bytes = kSegmentBytes,
                                .segments = kSegments,
                                .file_system = &files_};
  std::unique_ptr<JournalLog> log_;
};

TEST_F(JournalLogTest, WhatIsNotForgottenGoesRoundWithTheRing) {
  ASSERT_OK(Append("kept 1"));
  GoRound(1);
  ASSERT_OK(Append("kept 2"));
  for (int i = 0; i < 5; ++i) {
    GoRound(2);
    EXPECT_THAT(Bodies(), ElementsAre("kept 1", "kept 2"));
    Open();
    EXPECT_THAT(Bodies(), ElementsAre("kept 1", "kept 2"));
  }
  ASSERT_OK(Forget(1));
  Open();
  EXPECT_THAT(Bodies(), ElementsAre("kept 2"));
}

TEST_F(JournalLogTest, TheFileNeverGrows) {
  const auto size = [this] { return files_.Stat(options_.path)->st_size; };
  const auto before = size();
  GoRound(3);
  EXPECT_EQ(size(), before);
  EXPECT_EQ(static_cast<size_t>(before), kSegmentBytes * kSegments);
}

TEST_F(JournalLogTest, AFullRingTakesNothingUntilSomethingIsForgotten) {
  const std::string body(kBodyBytes, 'x');
  absl::StatusOr<int64_t> last = 0;
  int64_t count = 0;
  while ((last = Append(body)).ok()) count = *last;
  EXPECT_THAT(last, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  EXPECT_GT(count, static_cast<int64_t>(kSegmentBytes * (kSegments - 1) / 600));
  Open();
  EXPECT_EQ(log_->size(), count);
  EXPECT_FALSE(Append(body).ok());
  for (int64_t sequence = 1; sequence <= count; ++sequence) ASSERT_OK(Forget(sequence));
  EXPECT_OK(Append(body));
  Open();
  EXPECT_EQ(log_->size(), 1);
}

TEST_F(JournalLogTest, SequencesGoOnThoughNothingIsLeft) {
  GoRound(2);
  ASSERT_OK_AND_ASSIGN(const int64_t before, Append("x"));
  ASSERT_OK(Forget(before));
  GoRound(1);
  Open();
  ASSERT_OK_AND_ASSIGN(const int64_t after, Append("x"));
  EXPECT_GT(after, before);
}

TEST_F(JournalLogTest, AGroupThatCannotBeSyncedDidNotHappen) {
  ASSERT_OK(Append("before"));
  files_.failing = true;
  EXPECT_THAT(Append("failed"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(log_->size(), 1);
  files_.failing = false;
  ASSERT_OK(Append("after"));
  EXPECT_THAT(Bodies(), ElementsAre("before", "after"));
  Open();
  EXPECT_THAT(Bodies(), ElementsAre("before", "after"));
}

TEST_F(JournalLogTest, DamageCostsWhatIsBehindIt) {
  ASSERT_OK(Append("one"));
  ASSERT_OK(Append("two"));
  ASSERT_OK(Append("three"));
  log_ = nullptr;
  // The second record, in segment 1.
  const int64_t position =
      static_cast<int64_t>(kSegmentBytes + kSegmentHeaderBytes + EntryBytes(0, 3)) + 10;
  const UniqueFd file(::open(options_.path.c_str(), O_RDWR | O_CLOEXEC));
  const uint8_t byte = 0xff;
  ASSERT_OK(WriteFully(file.get(), position, absl::MakeConstSpan(&byte, 1), options_.path));
  Open();
  EXPECT_THAT(Bodies(), ElementsAre("one"));
  ASSERT_OK(Append("four"));
  Open();
  EXPECT_THAT(Bodies(), ElementsAre("one", "four"));
}

TEST_F(JournalLogTest, RefusesWhatIsNotItsFile) {
  EXPECT_THAT(JournalLog::Open(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another process")));
  log_ = nullptr;
  options_.segments = 5;
  EXPECT_THAT(JournalLog::Open(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("bytes long")));
  options_.segments = kSegments;
  const UniqueFd file(::open(options_.path.c_str(), O_RDWR | O_CLOEXEC));
  const std::vector<uint8_t> zeros(kSegmentBytes * kSegments);
  ASSERT_OK(WriteFully(file.get(), 0, zeros, options_.path));
  EXPECT_THAT(JournalLog::Open(options_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no journal")));
}

TEST_F(JournalLogTest, AnEntryThatFitsInNoSegmentIsRefused) {
  EXPECT_THAT(Append(std::string(kSegmentBytes, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Bodies(), IsEmpty());
}

}  // namespace
}  // namespace kraken::storage
