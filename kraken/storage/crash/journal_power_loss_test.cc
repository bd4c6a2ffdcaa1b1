// Cuts the power before and after each sync of a journal's life, with what was not synced surviving
// in many ways: what was told to be safe is there, and what was told to be forgotten is not.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/crash/power_loss_file_system.h"
#include "kraken/storage/crash/power_loss_outcomes.h"
#include "kraken/storage/crash/scratch_tree.h"
#include "kraken/storage/forwarding_file_system.h"
#include "kraken/storage/journal.h"

namespace kraken::storage {
namespace {

constexpr size_t kSegmentBytes = 4096;
constexpr size_t kSegments = 3;
// Goes round the ring more than twice.
constexpr int kSteps = 110;
constexpr size_t kBodyBytes = 200;

struct Moment {
  std::string name;
  DiskState state;
  std::set<int64_t> safe;       // appended, and told so
  std::set<int64_t> forgotten;  // acknowledged, and told so
};

// The machine after the power is back.
class UnsyncedFileSystem final : public ForwardingFileSystem {
 public:
  absl::Status Sync(int, const std::string&) override { return absl::OkStatus(); }
  absl::Status SyncData(int, const std::string&) override { return absl::OkStatus(); }
  absl::Status SyncDirectory(const std::string& path) override { return base_.Stat(path).status(); }
};

JournalOptions OptionsIn(const std::string& directory, FileSystem* files) {
  JournalOptions options;
  options.path = directory + "/journal";
  options.segment_bytes = kSegmentBytes;
  options.segments = kSegments;
  options.file_system = files;
  return options;
}

// One life of a process, of which every moment around an operation is kept. What is told is known
// after the operation that made it so.
std::vector<Moment> Live() {
  const ScratchTree scratch;
  PowerLossFileSystem disk(scratch.path());
  std::vector<Moment> moments;
  std::set<int64_t> safe, forgotten;
  const auto record = [&](std::string_view when, std::string_view operation) {
    if (operation == "stat" || operation == "list" || operation == "space") return absl::OkStatus();
    moments.push_back({.name = absl::StrCat(moments.size(), ": ", when, " ", operation),
                       .state = disk.State(),
                       .safe = safe,
                       .forgotten = forgotten});
    return absl::OkStatus();
  };
  FaultFileSystem files(
      [&](std::string_view op, const std::string&) { return record("before", op); },
      [&](std::string_view op, const std::string&) { return record("after", op); }, disk);
  auto journal = Journal::Open(OptionsIn(scratch.path(), &files));
  EXPECT_OK(journal);
  if (!journal.ok()) return moments;
  for (int i = 0; i < kSteps; ++i) {
    const absl::StatusOr<int64_t> sequence = (*journal)->AppendAndWait(
        "source", std::string(kBodyBytes, static_cast<char>('a' + i % 26)));
    EXPECT_OK(sequence);
    if (!sequence.ok()) return moments;
    safe.insert(*sequence);
    // Two stay for ever, so that they go round with the ring; two of each seven stay for a while.
    if (i == 3 || i == 21) continue;
    const int64_t done = i % 7 < 5 ? *sequence : *sequence - 7;
    if (done < 1) continue;
    // What is being forgotten may be there or not.
    safe.erase(done);
    EXPECT_OK((*journal)->AcknowledgeAndWait({done}));
    forgotten.insert(done);
  }
  EXPECT_OK(record("after", "everything"));
  return moments;
}

void ExpectSound(const Moment& moment, const std::string& directory) {
  UnsyncedFileSystem files;
  auto journal = Journal::Open(OptionsIn(directory, &files));
  ASSERT_OK(journal);
  ASSERT_OK_AND_ASSIGN(const std::vector<JournalEntry> entries, (*journal)->Read(0, 1000));
  std::set<int64_t> there;
  for (const JournalEntry& entry : entries) {
    there.insert(entry.sequence);
    EXPECT_EQ(entry.body.size(), kBodyBytes);
    EXPECT_FALSE(moment.forgotten.contains(entry.sequence)) << entry.sequence << " came back";
  }
  for (const int64_t sequence : moment.safe) {
    EXPECT_TRUE(there.contains(sequence)) << sequence << " is lost";
  }
  ASSERT_OK_AND_ASSIGN(const int64_t next, (*journal)->AppendAndWait("source", "next"));
  EXPECT_FALSE(there.contains(next) || moment.forgotten.contains(next)) << next << " is used twice";
}

TEST(JournalPowerLossTest, AtAnyMomentWithAnyRemainsNothingIsLostAndNothingComesBack) {
  const std::vector<Moment> moments = Live();
  EXPECT_GT(moments.size(), 100u);
  const ScratchTree scratch;
  std::set<std::string> seen;
  int trees = 0;
  for (const Moment& moment : moments) {
    for (const PowerLossOutcome& outcome : PowerLossOutcomes(moment.state, /*few=*/false)) {
      const auto tree = TreeAfter(moment.state, outcome);
      const std::string key =
          absl::StrCat(FingerprintOf(tree), "\n", moment.safe.size(), " ", moment.forgotten.size());
      if (!seen.insert(key).second) continue;
      SCOPED_TRACE(absl::StrCat(moment.name, "; ", outcome.name));
      const std::string directory = absl::StrCat(scratch.path(), "/", trees++);
      bool created = false;
      ASSERT_OK(PosixFileSystem().MakeDirectory(directory, &created));
      WriteTree(tree, directory);
      ExpectSound(moment, directory);
      if (testing::Test::HasFailure()) return;
      RemoveTree(directory);
    }
  }
  EXPECT_GT(trees, 200);
}

}  // namespace
}  // namespace kraken::storage
