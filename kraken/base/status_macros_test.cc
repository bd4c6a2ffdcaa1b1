#include "kraken/base/status_macros.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

using ::testing::Pointee;

absl::Status Fail() { return absl::NotFoundError("no such thing"); }

TEST(StatusMacrosTest, ReturnIfErrorReturnsErrorsOnly) {
  const auto function = [](const absl::Status& status) -> absl::Status {
    KH_RETURN_IF_ERROR(status);
    return absl::AbortedError("went on");
  };
  EXPECT_THAT(function(Fail()), StatusIs(absl::StatusCode::kNotFound, "no such thing"));
  EXPECT_THAT(function(absl::OkStatus()), StatusIs(absl::StatusCode::kAborted));
}

TEST(StatusMacrosTest, AssignOrReturnMovesTheValueOut) {
  const auto function =
      [](absl::StatusOr<std::unique_ptr<int>> input) -> absl::StatusOr<std::unique_ptr<int>> {
    KH_ASSIGN_OR_RETURN(std::unique_ptr<int> value, std::move(input));
    ++*value;
    return value;
  };
  EXPECT_THAT(function(std::make_unique<int>(1)), IsOkAndHolds(Pointee(2)));
  EXPECT_THAT(function(Fail()), StatusIs(absl::StatusCode::kNotFound));
}

TEST(StatusMacrosTest, AssignOrReturnAssignsToWhatExists) {
  int value = 0;
  const auto function = [&value](absl::StatusOr<int> input) -> absl::Status {
    KH_ASSIGN_OR_RETURN(value, input);
    KH_ASSIGN_OR_RETURN(const int again, input);
    value += again;
    return absl::OkStatus();
  };
  EXPECT_OK(function(21));
  EXPECT_EQ(value, 42);
}

}  // namespace
}  // namespace kraken
