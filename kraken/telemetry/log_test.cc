#include "kraken/telemetry/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/json.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"

namespace kraken::telemetry {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string Json(absl::string_view message, LogFields fields) {
  return FormatLogLine(LogEncoding::kJson, absl::FromUnixMicros(1700000000123456), LogLevel::kInfo,
                       "kraken-agent", message, fields);
}

std::string Console(absl::string_view message, LogFields fields) {
  return FormatLogLine(LogEncoding::kConsole, absl::FromUnixMicros(1700000000123456),
                       LogLevel::kWarn, "kraken-agent", message, fields);
}

TEST(LogTest, JsonLine) {
  EXPECT_EQ(Json("blob cached", {{"digest", "sha256:ab"},
                                 {"size_bytes", 12},
                                 {"large", std::numeric_limits<uint64_t>::max()},
                                 {"negative", int64_t{-5}},
                                 {"ratio", 0.5},
                                 {"complete", true},
                                 {"took", absl::Milliseconds(1500)},
                                 {"error", absl::NotFoundError("gone")}}),
            "{\"ts\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"info\","
            "\"component\":\"kraken-agent\",\"message\":\"blob cached\",\"digest\":\"sha256:ab\","
            "\"size_bytes\":12,\"large\":18446744073709551615,\"negative\":-5,\"ratio\":0.5,"
            "\"complete\":true,\"took\":\"1.5s\",\"error\":\"NOT_FOUND: gone\"}\n");
}

TEST(LogTest, ConsoleLine) {
  EXPECT_EQ(Console("blob cached", {{"digest", std::string("sha256:ab")},
                                    {"empty", ""},
                                    {"text", "a \"b\" c"},
                                    {"size_bytes", 12u}}),
            "2023-11-14T22:13:20.123456Z\tWARN\tkraken-agent\tblob cached digest=sha256:ab "
            "empty=\"\" text=\"a \\\"b\\\" c\" size_bytes=12\n");
}

TEST(LogTest, HostileTextStaysOnOneLineAndIsValidJson) {
  std::string hostile = "a\n2023\tERROR\x01\x7f\\\"\xff\xc3\xa9\xed\xa0\x80";
  hostile.push_back('\0');
  const std::string json = Json(hostile, {{"text", hostile}});
  EXPECT_EQ(json.find('\n'), json.size() - 1);
  ASSERT_OK_AND_ASSIGN(const nlohmann::json parsed, ParseJson(json));
  EXPECT_THAT(*JsonString(FindJson(parsed, "text")), HasSubstr("\n2023\tERROR"));
  const std::string console = Console(hostile, {{"text", hostile}});
  EXPECT_EQ(console.find('\n'), console.size() - 1);
  EXPECT_THAT(console,
              HasSubstr("a\\n2023\\tERROR\\x01\\x7f\\\\\"\\xff\xc3\xa9\\xed\\xa0\\x80\\x00"));
}

TEST(LogTest, NumbersThatJsonLacksAreText) {
  EXPECT_OK(ParseJson(Json("x", {{"a", std::nan("")}, {"b", HUGE_VAL}, {"c", -HUGE_VAL}})));
}

TEST(LogTest, TellingNamesAreMasked) {
  for (const char* key : {"password", "Authorization", "access_token", "client_secret",
                          "key_passphrase", "credentials"}) {
    EXPECT_THAT(Json("x", {{key, "hunter2"}}), Not(HasSubstr("hunter2"))) << key;
    EXPECT_THAT(Console("x", {{key, "hunter2"}}), HasSubstr("=***")) << key;
  }
}

TEST(LogTest, LinesFitIntoAPipe) {
  const std::string huge(100000, '\n');
  const std::string json =
      Json(huge, {{"a", huge}, {"b", huge}, {"c", huge}, {"d", huge}, {"e", huge}});
  EXPECT_LE(json.size(), kMaxLineBytes);
  EXPECT_THAT(json, EndsWith(",\"cut\":true}\n"));
  EXPECT_OK(ParseJson(json));
  const std::string binary(100000, '\x01');
  EXPECT_LE(Json(binary, {{"a", binary}}).size(), kMaxLineBytes);
  EXPECT_LE(Console(binary, {{"a", binary}, {"b", binary}}).size(), kMaxLineBytes);
}

class LoggerTest : public ::testing::Test {
 protected:
  LoggerTest() : path_(MakeTestDir() + "/log") {
    fd_.Reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd_.valid());
  }

  LogOptions Options() const {
    return {.level = LogLevel::kInfo,
            .encoding = LogEncoding::kJson,
            .component = "test",
            .fd = fd_.get(),
            .clock = &clock_};
  }

  std::vector<std::string> Lines() const {
    return absl::StrSplit(ReadTestFile(path_), '\n', absl::SkipEmpty());
  }

  ManualClock clock_;
  std::string path_;
  UniqueFd fd_;
};

TEST_F(LoggerTest, LevelDecides) {
  Logger logger(Options());
  logger.Log(LogLevel::kDebug, "no");
  logger.Log(LogLevel::kInfo, "yes");
  logger.Log(LogLevel::kError, "yes");
  EXPECT_THAT(Lines(), SizeIs(2));
  EXPECT_FALSE(logger.IsEnabled(LogLevel::kDebug));
}

TEST_F(LoggerTest, LinesOfThreadsDoNotMix) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  Logger logger(Options());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&logger, t] {
      for (int i = 0; i < kLines; ++i) {
        logger.Log(LogLevel::kInfo, "line", {{"thread", t}, {"text", std::string(500, 'x')}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> lines = Lines();
  EXPECT_THAT(lines, SizeIs(kThreads * kLines));
  for (const std::string& line : lines) ASSERT_OK(ParseJson(line));
  EXPECT_EQ(logger.dropped_lines(), 0u);
}

TEST_F(LoggerTest, WhatCannotBeWrittenIsCounted) {
  LogOptions options = Options();
  options.fd = -1;
  Logger logger(options);
  logger.Log(LogLevel::kInfo, "lost");
  EXPECT_EQ(logger.dropped_lines(), 1u);
}

TEST_F(LoggerTest, ProcessLoggerCanBeReplaced) {
  InitLogging(Options());
  LogDebug("a");
  LogInfo("b", {{"n", 1}});
  LogWarn("c");
  LogError("d", {{"error", absl::InternalError("x")}});
  InitLogging(LogOptions());
  EXPECT_THAT(Lines(), SizeIs(3));
}

}  // namespace
}  // namespace kraken::telemetry
