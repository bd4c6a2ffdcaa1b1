// Cuts the power before and after each operation of several replacements, with what was not synced
// surviving in many ways: the file is whole, and never older than what was told to be safe.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/crash/power_loss_file_system.h"
#include "kraken/storage/crash/power_loss_outcomes.h"
#include "kraken/storage/crash/scratch_tree.h"
#include "kraken/storage/replace_file.h"

namespace kraken::storage {
namespace {

constexpr int kReplacements = 3;
// Of several sectors, so that one can be torn.
std::string ContentOf(int number) { return std::string(3000, static_cast<char>('a' + number)); }

struct Moment {
  DiskState state;
  int safe = -1;   // the last replacement that was told to be done
  int begun = -1;  // the last that began
};

std::vector<Moment> Live() {
  const ScratchTree scratch;
  PowerLossFileSystem disk(scratch.path());
  std::vector<Moment> moments;
  int safe = -1;
  int begun = -1;
  const auto record = [&](std::string_view, const std::string&) {
    moments.push_back({.state = disk.State(), .safe = safe, .begun = begun});
    return absl::OkStatus();
  };
  FaultFileSystem files(record, record, disk);
  for (int i = 0; i < kReplacements; ++i) {
    begun = i;
    EXPECT_OK(ReplaceFile(scratch.path() + "/file", ContentOf(i), files));
    safe = i;
  }
  moments.push_back({.state = disk.State(), .safe = safe, .begun = begun});
  return moments;
}

TEST(ReplaceFilePowerLossTest, TheFileIsWholeAndWhatWasToldToBeSafeIs) {
  const std::vector<Moment> moments = Live();
  int outcomes = 0;
  for (const Moment& moment : moments) {
    for (const PowerLossOutcome& outcome : PowerLossOutcomes(moment.state, /*few=*/false)) {
      ++outcomes;
      const auto tree = TreeAfter(moment.state, outcome);
      auto file = tree.find("file");
      if (file == tree.end()) {
        EXPECT_EQ(moment.safe, -1) << outcome.name;
        continue;
      }
      int found = -1;
      for (int i = 0; i < kReplacements; ++i) {
        if (file->second->bytes == ContentOf(i)) found = i;
      }
      ASSERT_GE(found, std::max(0, moment.safe)) << outcome.name << ": lost or torn";
      EXPECT_LE(found, moment.begun) << outcome.name;
    }
  }
  EXPECT_GT(outcomes, 50);
}

TEST(ReplaceFileTest, SaysWhatCanNotBeWritten) {
  EXPECT_THAT(ReplaceFile("/nonexistent/file", "x"),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("/nonexistent/file")));
}

}  // namespace
}  // namespace kraken::storage
