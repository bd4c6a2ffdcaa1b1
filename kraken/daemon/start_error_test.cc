#include "kraken/daemon/start_error.h"

#include "gtest/gtest.h"

namespace kraken::daemon {
namespace {

TEST(StartErrorTest, AnErrorKeepsTheCodeItWasGiven) {
  const absl::Status status =
      WithExitCode(absl::FailedPreconditionError("taken"), config::kExitPortTaken);
  EXPECT_EQ(ExitCodeOf(status), config::kExitPortTaken);
  EXPECT_EQ(status.message(), "taken");
}

TEST(StartErrorTest, OkAndUnmarkedErrorsHaveTheirDefaults) {
  EXPECT_EQ(ExitCodeOf(WithExitCode(absl::OkStatus(), config::kExitPortTaken)), config::kExitOk);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), config::kExitFailure);
}

}  // namespace
}  // namespace kraken::daemon
