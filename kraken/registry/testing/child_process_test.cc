#include "kraken/registry/testing/child_process.h"

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::registry::testing {
namespace {

using ::testing::ElementsAre;
using Stream = ChildProcess::Stream;

constexpr absl::Duration kLimit = absl::Seconds(20);

std::unique_ptr<ChildProcess> Shell(const std::string& script) {
  auto process = ChildProcess::Start({"/bin/sh", "-c", script});
  EXPECT_OK(process);
  return *std::move(process);
}

TEST(ChildProcessTest, KeepsBothStreamsApart) {
  const auto process = Shell("echo out; echo err >&2; exec sleep 100");
  const auto has_line = [](const std::vector<std::string>& lines) { return !lines.empty(); };
  EXPECT_TRUE(process->WaitForLines(Stream::kStdout, has_line, kLimit));
  EXPECT_TRUE(process->WaitForLines(Stream::kStderr, has_line, kLimit));
  EXPECT_THAT(process->Lines(Stream::kStdout), ElementsAre("out"));
  EXPECT_THAT(process->Lines(Stream::kStderr), ElementsAre("err"));
}

TEST(ChildProcessTest, WaitEndsWithTheProgram) {
  const auto process = Shell("exit 3");
  const auto never = [](const std::vector<std::string>&) { return false; };
  EXPECT_FALSE(process->WaitForLines(Stream::kStdout, never, absl::InfiniteDuration()));
}

TEST(ChildProcessTest, TerminateLetsTheProgramEnd) {
  const auto process =
      Shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(process->WaitForLines(
      Stream::kStdout, [](const auto& lines) { return !lines.empty(); }, kLimit));
  process->Terminate(kLimit);
  EXPECT_THAT(process->Lines(Stream::kStdout), ElementsAre("ready", "bye"));
  EXPECT_NE(kill(process->pid(), 0), 0);
}

TEST(ChildProcessTest, MissingProgramIsNotFound) {
  EXPECT_THAT(ChildProcess::Start({"/no/such/program"}), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace kraken::registry::testing
