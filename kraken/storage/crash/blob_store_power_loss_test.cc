// Cuts the power before and after each operation of a life of a store, with what was not synced
// surviving in many ways, and holds the next life to what the first one promised. No chance is
// involved: every point is tried.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/crash/crash_scenario.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/crash/power_loss_file_system.h"
#include "kraken/storage/crash/power_loss_outcomes.h"
#include "kraken/storage/crash/scratch_tree.h"

namespace kraken::storage {
namespace {

constexpr int kSlices = 4;
constexpr std::string_view kOtherBoot = "00000000-0000-4000-8000-000000000001\n";
// A moment at which the power may fail, with what was promised until then.
struct Moment {
  std::string name;
  DiskState state;
  std::string promises;
};

// The machine after the power is back: its disk is as fast as the page cache.
class UnsyncedFileSystem final : public ForwardingFileSystem {
 public:
  absl::Status Sync(int, const std::string&) override { return absl::OkStatus(); }
  absl::Status SyncDirectory(const std::string& path) override { return base_.Stat(path).status(); }
};

// Tries outcomes, each tree that is left only once.
class Judge {
 public:
  explicit Judge(const CrashScenario& scenario) : scenario_(scenario) {
    WriteTestFile(boot_id_path_, kOtherBoot);
  }
  ~Judge() {
    std::printf("%d moments, %d outcomes, %d different trees\n", moments_, outcomes_, trees_);
  }

  // False when something was wrong.
  bool Try(const Moment& moment, bool few) {
    ++moments_;
    for (const PowerLossOutcome& outcome : PowerLossOutcomes(moment.state, few)) {
      ++outcomes_;
      const auto tree = TreeAfter(moment.state, outcome);
      if (!seen_.insert(absl::StrCat(moment.promises, "\n", FingerprintOf(tree))).second) continue;
      ++trees_;
      SCOPED_TRACE(absl::StrCat(moment.name, ", promised \"", moment.promises, "\"; ", outcome.name,
                                Describe(moment.state), Describe(tree)));
      Restart(tree, moment.promises);
      if (testing::Test::HasFailure()) return false;
    }
    return true;
  }

  int trees() const { return trees_; }

 private:
  static std::string Describe(const DiskState& state) {
    std::string text = "\nnot synced:";
    for (const DirectoryChange& change : state.changes) {
      absl::StrAppend(&text, "\n  ", change.added ? "+" : "-", change.directory, "/", change.name);
    }
    return text;
  }
  static std::string Describe(const std::map<std::string, FileContent>& tree) {
    std::string text = "\nleft:";
    for (const auto& [path, content] : tree) absl::StrAppend(&text, "\n  ", path);
    return text;
  }

  void Restart(const std::map<std::string, FileContent>& tree, const std::string& promises) {
    const std::string directory = absl::StrCat(scratch_.path(), "/", trees_);
    bool created;
    ASSERT_OK(files_.MakeDirectory(directory, &created));
    WriteTree(tree, directory);
    BlobStoreOptions options;
    options.root = directory + "/store";
    options.boot_id_path = boot_id_path_;
    options.file_system = &files_;
    scenario_.ExpectSound(options, promises);
    RemoveTree(directory);
  }

  const CrashScenario& scenario_;
  const ScratchTree scratch_;
  const std::string boot_id_path_ = scratch_.path() + "/boot_id";
  UnsyncedFileSystem files_;
  absl::flat_hash_set<std::string> seen_;
  int moments_ = 0;
  int outcomes_ = 0;
  int trees_ = 0;
};

// A machine with a disk of its own, on which processes live and die.
class Machine {
 public:
  explicit Machine(const CrashScenario& scenario) : scenario_(scenario) {
    options_.root = scratch_.path() + "/store";
    options_.quota = scenario.Quota();
    options_.high_watermark = options_.low_watermark = 1;
    options_.min_free = ByteCount(0);
  }

  PowerLossFileSystem& disk() { return disk_; }

  absl::Status Live(int tries, FaultFileSystem::Hook before, FaultFileSystem::Hook after,
                    const std::function<void(char)>& promise) {
    FaultFileSystem files(std::move(before), std::move(after), disk_);
    options_.file_system = &files;
    return scenario_.Live(options_, tries, promise);
  }

 private:
  const CrashScenario& scenario_;
  const ScratchTree scratch_;
  PowerLossFileSystem disk_{scratch_.path()};
  BlobStoreOptions options_;
};

absl::Status NoFault(std::string_view, const std::string&) { return absl::OkStatus(); }

// Each instance tries one part of the points. Neighbours leave much the same trees, so that a part
// is a range.
class PowerLossTest : public testing::TestWithParam<int> {
 protected:
  int Begin(int count) const { return GetParam() * count / kSlices; }
  int End(int count) const { return (GetParam() + 1) * count / kSlices; }

  // How many operations a life takes.
  int CountOperations() {
    Machine machine(scenario_);
    std::atomic<int> operations{0};
    EXPECT_OK(machine.Live(
        /*tries=*/1,
        [&operations](std::string_view, const std::string&) {
          ++operations;
          return absl::OkStatus();
        },
        nullptr, [](char) {}));
    EXPECT_GT(operations, 200);
    return operations;
  }

  const CrashScenario scenario_;
};

INSTANTIATE_TEST_SUITE_P(Slice, PowerLossTest, testing::Range(0, kSlices));

TEST_P(PowerLossTest, AtAnyOperationWithAnyRemainsTheStoreIsSoundAndKeepsItsPromises) {
  std::vector<Moment> moments;
  std::string promises;
  {
    Machine machine(scenario_);
    const auto record = [&](std::string_view when, std::string_view operation,
                            const std::string& path) {
      // What is asked of the disk changes nothing on it.
      if (operation == "stat" || operation == "list" || operation == "space") {
        return absl::OkStatus();
      }
      moments.push_back(
          {.name = absl::StrCat(moments.size(), ": ", when, " ", operation, " ", path),
           .state = machine.disk().State(),
           .promises = promises});
      return absl::OkStatus();
    };
    ASSERT_OK(machine.Live(
        /*tries=*/1,
        [&](std::string_view operation, const std::string& path) {
          return record("before", operation, path);
        },
        [&](std::string_view operation, const std::string& path) {
          return record("after", operation, path);
        },
        [&](char promise) { promises.push_back(promise); }));
    ASSERT_OK(record("after", "everything", ""));
  }
  EXPECT_EQ(promises, "D-mpausd");
  EXPECT_GT(moments.size(), 200u);
  Judge judge(scenario_);
  const auto count = static_cast<int>(moments.size());
  for (int i = Begin(count); i < End(count); ++i) {
    if (!judge.Try(moments[static_cast<size_t>(i)], /*few=*/false)) return;
  }
  EXPECT_GT(judge.trees(), 20);
}

// What one process left in the page cache, a second one must not take for durable.
TEST_P(PowerLossTest, AfterAKillAtAnyOperationTheNextProcessKeepsItsPromises) {
  Judge judge(scenario_);
  const int count = CountOperations();
  for (int killed_at = Begin(count); killed_at < End(count); ++killed_at) {
    Machine machine(scenario_);
    std::atomic<int> operations{0};
    machine
        .Live(
            /*tries=*/1,
            [&](std::string_view, const std::string&) {
              return operations.fetch_add(1) < killed_at ? absl::OkStatus()
                                                         : absl::UnavailableError("killed");
            },
            nullptr, [](char) {})
        .IgnoreError();
    EXPECT_GE(operations, killed_at);
    std::string promises;
    std::vector<Moment> moments;
    ASSERT_OK(machine.Live(/*tries=*/1, NoFault, nullptr, [&](char promise) {
      promises.push_back(promise);
      moments.push_back({.name = absl::StrCat("killed at ", killed_at, ", then promised"),
                         .state = machine.disk().State(),
                         .promises = promises});
    }));
    for (const Moment& moment : moments) {
      if (!judge.Try(moment, /*few=*/true)) return;
    }
  }
}

enum class Fault { kDiskFull, kInputOutputError, kErrorAfterTheFact };

absl::Status ErrorOf(Fault fault, std::string_view operation, const std::string& path) {
  const std::string message = absl::StrCat(operation, " ", path, ": injected");
  return fault == Fault::kDiskFull ? absl::ResourceExhaustedError(message)
                                   : absl::DataLossError(message);
}

class FaultThenPowerLossTest : public PowerLossTest {
 protected:
  // So many operations after the fault the power may fail before any of them, and later at each
  // promise.
  static constexpr int kCloseOperations = 10;

  // A life in which operation `failing` fails and what failed is tried once more.
  std::vector<Moment> Live(Fault fault, int failing) {
    std::vector<Moment> moments;
    Machine machine(scenario_);
    std::atomic<int> begun{0};
    int ended = 0;
    bool step_failed = false;
    std::string promises;
    const auto record = [&](std::string_view when) {
      moments.push_back({.name = absl::StrCat("operation ", failing, " failed; ", when),
                         .state = machine.disk().State(),
                         .promises = promises});
    };
    const absl::Status lived = machine.Live(
        /*tries=*/2,
        [&](std::string_view operation, const std::string& path) -> absl::Status {
          const int index = begun.fetch_add(1);
          if (index > failing && index <= failing + kCloseOperations) record(operation);
          if (index != failing || fault == Fault::kErrorAfterTheFact) return absl::OkStatus();
          step_failed = true;
          if (operation == "sync") machine.disk().FailSync(path);
          return ErrorOf(fault, operation, path);
        },
        [&](std::string_view operation, const std::string& path) -> absl::Status {
          if (fault != Fault::kErrorAfterTheFact || ended++ != failing) return absl::OkStatus();
          step_failed = true;
          return ErrorOf(fault, operation, path);
        },
        [&](char promise) {
          // Abandon has no way to say that it did not succeed.
          if (promise != 'a' || !step_failed) promises.push_back(promise);
          step_failed = false;
          if (begun > failing) record(absl::StrCat("promised ", std::string(1, promise)));
        });
    EXPECT_OK(lived) << "operation " << failing << " failed";
    return moments;
  }
};

INSTANTIATE_TEST_SUITE_P(Slice, FaultThenPowerLossTest, testing::Range(0, kSlices));

TEST_P(FaultThenPowerLossTest, AfterAnyFailedOperationTheWorkGetsDoneAndPromisesAreKept) {
  Judge judge(scenario_);
  const int count = CountOperations();
  for (const Fault fault :
       {Fault::kDiskFull, Fault::kInputOutputError, Fault::kErrorAfterTheFact}) {
    for (int failing = Begin(count); failing < End(count); ++failing) {
      for (const Moment& moment : Live(fault, failing)) {
        if (!judge.Try(moment, /*few=*/true)) return;
      }
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace kraken::storage
