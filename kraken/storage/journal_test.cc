#include "kraken/storage/journal.h"

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    options_.path = MakeTestDir() + "/journal";
    options_.segment_bytes = 64 << 10;
    options_.segments = 4;
    options_.clock = &clock_;
    Open();
  }
  void Open() {
    journal_ = nullptr;
    ASSERT_OK_AND_ASSIGN(journal_, Journal::Open(options_));
  }

  ManualClock clock_;
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, EventsAreReadBackInOrderUntilAcknowledged) {
  ASSERT_OK_AND_ASSIGN(const int64_t first, journal_->AppendAndWait("harbor-eu", "one"));
  ASSERT_OK_AND_ASSIGN(const int64_t second,
                       journal_->AppendAndWait("harbor-us", std::string("\0two", 4)));
  ASSERT_OK_AND_ASSIGN(const int64_t third, journal_->AppendAndWait("", ""));
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  Open();
  ASSERT_OK_AND_ASSIGN(std::vector<JournalEntry> entries, journal_->Read(0, 10));
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].source, "harbor-eu");
  EXPECT_EQ(entries[1].body, std::string("\0two", 4));
  EXPECT_EQ(entries[1].received_at, clock_.Now());
  ASSERT_OK(journal_->AcknowledgeAndWait({first, third, 999}));
  ASSERT_OK_AND_ASSIGN(entries, journal_->Read(0, 10));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].sequence, second);
  EXPECT_THAT(journal_->Size(), IsOkAndHolds(1));
}

TEST_F(JournalTest, ReadPages) {
  for (int i = 0; i < 10; ++i) ASSERT_OK(journal_->AppendAndWait("", absl::StrCat(i)));
  int64_t after = 0;
  int seen = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::vector<JournalEntry> entries, journal_->Read(after, 3));
    if (entries.empty()) break;
    for (const JournalEntry& entry : entries) EXPECT_EQ(entry.body, absl::StrCat(seen++));
    after = entries.back().sequence;
  }
  EXPECT_EQ(seen, 10);
}

TEST_F(JournalTest, AReadTakesNoMoreMemoryThanItSays) {
  options_.path = MakeTestDir() + "/large";
  options_.segment_bytes = kMaxJournalReadBytes;
  Open();
  const std::string large(kMaxJournalReadBytes / 4, 'x');
  for (int i = 0; i < 6; ++i) ASSERT_OK(journal_->AppendAndWait("", large));
  ASSERT_OK_AND_ASSIGN(std::vector<JournalEntry> entries, journal_->Read(0, 10));
  EXPECT_EQ(entries.size(), 3u);  // what each entry is kept with takes bytes too
  ASSERT_OK_AND_ASSIGN(entries, journal_->Read(entries.back().sequence, 10));
  EXPECT_EQ(entries.size(), 3u);
}

TEST_F(JournalTest, SequenceNumbersAreNeverUsedAgain) {
  ASSERT_OK_AND_ASSIGN(const int64_t first, journal_->AppendAndWait("", "x"));
  ASSERT_OK(journal_->AcknowledgeAndWait({first}));
  Open();
  ASSERT_OK_AND_ASSIGN(const int64_t second, journal_->AppendAndWait("", "x"));
  EXPECT_GT(second, first);
}

TEST_F(JournalTest, LimitsAreKept) {
  options_.max_entries = 2;
  Open();
  ASSERT_OK_AND_ASSIGN(const int64_t first, journal_->AppendAndWait("", "1"));
  ASSERT_OK(journal_->AppendAndWait("", "2"));
  EXPECT_THAT(journal_->AppendAndWait("", "3"), StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK(journal_->AcknowledgeAndWait({first}));
  EXPECT_OK(journal_->AppendAndWait("", "3"));
  EXPECT_THAT(journal_->AppendAndWait(std::string(kMaxJournalSourceBytes + 1, 's'), ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(journal_->AppendAndWait("", std::string(kMaxJournalBodyBytes + 1, 'b')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(JournalTest, ManyThreadsAppendAndAcknowledge) {
  std::vector<std::thread> threads;
  absl::Mutex mu;
  std::set<int64_t> sequences;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        ASSERT_OK_AND_ASSIGN(const int64_t sequence, journal_->AppendAndWait("s", "event"));
        {
          absl::MutexLock lock(&mu);
          EXPECT_TRUE(sequences.insert(sequence).second);
        }
        if (i % 2 == 0) {
          EXPECT_OK(journal_->AcknowledgeAndWait({sequence}));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(journal_->Size(), IsOkAndHolds(150));
}

}  // namespace
}  // namespace kraken::storage
