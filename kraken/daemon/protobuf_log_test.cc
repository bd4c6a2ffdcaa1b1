#include "kraken/daemon/protobuf_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "kraken/base/unique_fd.h"
#include "kraken/rpc/tracker.pb.h"

namespace kraken::daemon {
namespace {

// What is written to stderr while a record whose namespace is no UTF-8 is parsed.
std::string StderrOfAParse() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  std::fflush(stderr);
  const UniqueFd stderr_before(dup(STDERR_FILENO));
  EXPECT_EQ(dup2(writing.get(), STDERR_FILENO), STDERR_FILENO);
  rpc::v1::AnnounceRecord record;
  EXPECT_FALSE(record.ParseFromString(std::string("\x3a\x02\xff\xfe")));  // field 7: namespace
  std::fflush(stderr);
  EXPECT_EQ(dup2(stderr_before.get(), STDERR_FILENO), STDERR_FILENO);
  writing.Reset();
  std::string written(4096, '\0');
  const ssize_t n = read(reading.get(), written.data(), written.size());
  EXPECT_GE(n, 0);
  written.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return written;
}

TEST(ProtobufLogTest, SaysNothingOfBytesThatItCannotParse) {
  EXPECT_NE(StderrOfAParse(), "") << "nothing is to be silenced";
  SilenceProtobuf();
  EXPECT_EQ(StderrOfAParse(), "");
}

}  // namespace
}  // namespace kraken::daemon
