#include "kraken/base/status_util.h"

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

using ::testing::Optional;

TEST(StatusUtilTest, AnnotateKeepsCodeAndPayload) {
  absl::Status status = absl::NotFoundError("no such blob");
  status.SetPayload("type", absl::Cord("payload"));
  const absl::Status annotated = Annotate(status, "origin1:5000");
  EXPECT_THAT(annotated, StatusIs(absl::StatusCode::kNotFound, "origin1:5000: no such blob"));
  EXPECT_THAT(annotated.GetPayload("type"), Optional(absl::Cord("payload")));
}

TEST(StatusUtilTest, AnnotateLeavesOkAlone) { EXPECT_OK(Annotate(absl::OkStatus(), "context")); }

TEST(StatusUtilTest, ErrnoNamesContextAndError) {
  EXPECT_THAT(ErrnoToStatus(ENOENT, "open /x"),
              StatusIs(absl::StatusCode::kNotFound, "open /x: No such file or directory"));
}

TEST(StatusUtilTest, ErrnoCodesSayWhatToDo) {
  EXPECT_THAT(ErrnoToStatus(ECONNREFUSED, ""), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(ErrnoToStatus(EPIPE, ""), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(ErrnoToStatus(ETIMEDOUT, ""), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(ErrnoToStatus(ENOSPC, ""), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(ErrnoToStatus(EMFILE, ""), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(ErrnoToStatus(EIO, ""), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ErrnoToStatus(EACCES, ""), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(ErrnoToStatus(EEXIST, ""), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST(StatusUtilTest, WhatMayPassIsRetryable) {
  EXPECT_TRUE(IsRetryable(absl::UnavailableError("")));
  EXPECT_TRUE(IsRetryable(absl::DeadlineExceededError("")));
  EXPECT_FALSE(IsRetryable(absl::NotFoundError("")));
  EXPECT_FALSE(IsRetryable(absl::DataLossError("")));
  EXPECT_FALSE(IsRetryable(absl::OkStatus()));
}

TEST(IsSilenceTest, IsNoAnswer) {
  EXPECT_TRUE(IsSilence(absl::UnavailableError("down")));
  EXPECT_TRUE(IsSilence(absl::InternalError("broken")));
  EXPECT_TRUE(IsSilence(absl::ResourceExhaustedError("busy")));
  EXPECT_TRUE(IsSilence(absl::CancelledError("gone")));
  EXPECT_FALSE(IsSilence(absl::OkStatus()));
  EXPECT_FALSE(IsSilence(absl::NotFoundError("no such tag")));
  EXPECT_FALSE(IsSilence(absl::PermissionDeniedError("no")));
}

}  // namespace
}  // namespace kraken
