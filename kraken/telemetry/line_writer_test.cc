#include "kraken/telemetry/line_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"

namespace kraken::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

class LineWriterTest : public ::testing::Test {
 protected:
  std::unique_ptr<LineWriter> Open(size_t max_waiting_bytes = 1 << 20) {
    auto writer = LineWriter::Open({.path = path_,
                                    .max_waiting_bytes = max_waiting_bytes,
                                    .close_timeout = absl::Milliseconds(100)});
    EXPECT_OK(writer);
    return *std::move(writer);
  }
  static std::vector<std::string> LinesOf(const std::string& path) {
    return absl::StrSplit(ReadTestFile(path), '\n', absl::SkipEmpty());
  }

  const std::string path_ = MakeTestDir() + "/log";
};

TEST_F(LineWriterTest, AppendsWholeLines) {
  {
    const auto writer = Open();
    writer->Write("one\n");
    writer->Write("two\n");
  }
  {
    const auto writer = Open();
    writer->Write("three\n");
    EXPECT_TRUE(writer->Flush(kPatience));
    EXPECT_THAT(LinesOf(path_), ElementsAre("one", "two", "three"));
    EXPECT_EQ(writer->written_lines(), 1);
    EXPECT_EQ(writer->dropped_lines(), 0);
  }
  struct stat file;
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07027, 0u) << "only the owner writes, and strangers do not read";
}

TEST_F(LineWriterTest, WritesWithoutBeingAsked) {
  const auto writer = Open();
  writer->Write("one\n");
  while (writer->written_lines() == 0) std::this_thread::yield();
  EXPECT_THAT(LinesOf(path_), ElementsAre("one"));
}

TEST_F(LineWriterTest, LinesOfThreadsDoNotMix) {
  constexpr int kThreads = 4;
  constexpr int kLines = 1000;
  const auto writer = Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&writer, t] {
      for (int i = 0; i < kLines; ++i) {
        writer->Write(absl::StrCat(t, std::string(100, static_cast<char>('a' + t)), "\n"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(writer->Flush(kPatience));
  const std::vector<std::string> lines = LinesOf(path_);
  EXPECT_EQ(lines.size(), kThreads * kLines);
  for (const std::string& line : lines) {
    ASSERT_EQ(line.size(), 101);
    ASSERT_EQ(line.find_first_not_of(line[1], 1), std::string::npos);
    ASSERT_EQ(line[1] - 'a', line[0] - '0');
  }
}

TEST_F(LineWriterTest, ReopeningDividesWhatCameBeforeFromWhatComesAfter) {
  const auto writer = Open();
  const std::string rotated = path_ + ".1";
  writer->Write("before\n");
  ASSERT_TRUE(writer->Flush(kPatience));
  ASSERT_EQ(::rename(path_.c_str(), rotated.c_str()), 0);
  writer->Write("still before\n");
  writer->Reopen();
  writer->Write("after\n");
  ASSERT_TRUE(writer->Flush(kPatience));
  EXPECT_THAT(LinesOf(rotated), ElementsAre("before", "still before"));
  EXPECT_THAT(LinesOf(path_), ElementsAre("after"));
  // Without any line in between, too.
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  writer->Reopen();
  while (::access(path_.c_str(), F_OK) != 0) std::this_thread::yield();
}

TEST_F(LineWriterTest, AFileThatCannotBeReopenedIsWrittenOn) {
  const auto writer = Open();
  const std::string rotated = path_ + ".1";
  ASSERT_EQ(::rename(path_.c_str(), rotated.c_str()), 0);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  writer->Reopen();
  writer->Write("kept\n");
  ASSERT_TRUE(writer->Flush(kPatience));
  EXPECT_THAT(LinesOf(rotated), ElementsAre("kept"));
  EXPECT_EQ(writer->dropped_lines(), 0);
}

TEST_F(LineWriterTest, ADiskThatHangsCostsLinesAndNothingElse) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  UniqueFd reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK));
  ASSERT_TRUE(reader.valid());
  const int pipe_bytes = ::fcntl(reader.get(), F_SETPIPE_SZ, 4096);
  ASSERT_GT(pipe_bytes, 0);
  constexpr int kLines = 10'000;
  const std::string line = std::string(99, 'x') + "\n";
  constexpr size_t kMaxWaiting = 16 * 1024;
  auto writer = Open(kMaxWaiting);
  for (int i = 0; i < kLines; ++i) writer->Write(line);
  EXPECT_FALSE(writer->Flush(absl::Milliseconds(1)));
  // No more is held than the pipe and our memory have room for.
  const uint64_t most = (static_cast<uint64_t>(pipe_bytes) + kMaxWaiting) / line.size() + 1;
  EXPECT_GE(writer->dropped_lines(), kLines - most);
  EXPECT_LT(writer->dropped_lines(), kLines);
  // The end does not wait for it either.
  writer = nullptr;
  // Lets the thread go, which writes what waited, and then nothing any more.
  std::string content;
  char buffer[4096];
  for (ssize_t n = 1; n != 0;) {
    n = ::read(reader.get(), buffer, sizeof(buffer));
    if (n > 0) content.append(buffer, static_cast<size_t>(n));
    if (n < 0) std::this_thread::yield();
  }
  EXPECT_LE(content.size() / line.size(), most);
  EXPECT_EQ(content.size() % line.size(), 0);
}

TEST_F(LineWriterTest, WhatCannotBeWrittenIsCounted) {
  ASSERT_EQ(::symlink("/dev/full", path_.c_str()), 0);
  const auto writer = Open();
  for (int i = 0; i < 3; ++i) writer->Write("x\n");
  EXPECT_TRUE(writer->Flush(kPatience));
  EXPECT_EQ(writer->dropped_lines(), 3);
  EXPECT_EQ(writer->written_lines(), 0);
}

TEST_F(LineWriterTest, AReaderThatWentAwayIsNoReasonToEnd) {
  ::signal(SIGPIPE, SIG_IGN);  // as the first event loop does
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  UniqueFd reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK));
  const auto writer = Open();
  reader.Reset();
  writer->Write("x\n");
  EXPECT_TRUE(writer->Flush(kPatience));
  EXPECT_EQ(writer->dropped_lines(), 1);
}

TEST_F(LineWriterTest, ErrorsNameThePath) {
  EXPECT_THAT(LineWriter::Open({.path = "/no/such/folder/log"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/folder/log")));
}

}  // namespace
}  // namespace kraken::telemetry
