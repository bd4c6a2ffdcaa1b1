#include "kraken/registry/errors.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/status_util.h"
#include "kraken/base/test_util.h"

namespace kraken::registry {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kWhat[] = "blob sha256:ab from harbor:5000";
constexpr char kUnknownBody[] =
    R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":"x"}]})";

TEST(ParseErrorBodyTest, ReadsCodesAndMessages) {
  EXPECT_THAT(ParseErrorBody(kUnknownBody),
              ElementsAre(RegistryError{"BLOB_UNKNOWN", "blob unknown to registry"}));
  EXPECT_THAT(ParseErrorBody(R"({"errors":[{"code":"A"},{"message":"b"}]})"),
              ElementsAre(RegistryError{"A", ""}, RegistryError{"", "b"}));
}

TEST(ParseErrorBodyTest, OtherBodiesHaveNoErrors) {
  for (const char* body : {"", "<html>502</html>", "[]", "{}", R"({"errors":null})",
                           R"({"errors":[]})", R"({"errors":[7,{}, {"code":1}]})"}) {
    EXPECT_THAT(ParseErrorBody(body), IsEmpty()) << body;
  }
}

TEST(ParseErrorBodyTest, WhatIsKeptIsBoundedAndPrintable) {
  const std::string text(kMaxErrorTextBytes * 2, 'a');
  std::string body = absl::StrCat(R"({"errors":[{"code":"X\n\u001b[31m","message":")", text, "\"}");
  for (int i = 0; i < 20; ++i) absl::StrAppend(&body, R"(,{"code":"Y"})");
  absl::StrAppend(&body, "]}");
  const std::vector<RegistryError> errors = ParseErrorBody(body);
  ASSERT_THAT(errors, SizeIs(kMaxErrors));
  EXPECT_EQ(errors[0].code, "X??[31m");
  EXPECT_THAT(errors[0].message, SizeIs(kMaxErrorTextBytes));
  EXPECT_THAT(ParseErrorBody(std::string(kMaxErrorBodyBytes + 1, ' ')), IsEmpty());
}

TEST(StatusFromResponseTest, CodesAreAsDocumented) {
  const std::vector<std::pair<int, absl::StatusCode>> cases = {
      {400, absl::StatusCode::kInvalidArgument},   {401, absl::StatusCode::kUnauthenticated},
      {403, absl::StatusCode::kPermissionDenied},  {404, absl::StatusCode::kNotFound},
      {405, absl::StatusCode::kUnimplemented},     {408, absl::StatusCode::kUnavailable},
      {410, absl::StatusCode::kNotFound},          {412, absl::StatusCode::kFailedPrecondition},
      {416, absl::StatusCode::kOutOfRange},        {429, absl::StatusCode::kUnavailable},
      {500, absl::StatusCode::kUnavailable},       {501, absl::StatusCode::kUnimplemented},
      {503, absl::StatusCode::kUnavailable},       {304, absl::StatusCode::kFailedPrecondition},
      {418, absl::StatusCode::kFailedPrecondition}};
  for (const auto& [http_status, code] : cases) {
    EXPECT_THAT(StatusFromResponse(http_status, "", kWhat), StatusIs(code)) << http_status;
  }
}

TEST(StatusFromResponseTest, MessageNamesThingPlaceAndCause) {
  EXPECT_THAT(StatusFromResponse(404, kUnknownBody, kWhat),
              StatusIs(absl::StatusCode::kNotFound,
                       absl::StrCat(kWhat, ": 404 BLOB_UNKNOWN: blob unknown to registry")));
  EXPECT_THAT(StatusFromResponse(502, "<html>", kWhat),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("502 Bad Gateway"), Not(HasSubstr("html")))));
}

TEST(UpstreamErrorTest, SurvivesAnnotation) {
  const absl::Status status = Annotate(StatusFromResponse(404, kUnknownBody, kWhat), "origin");
  const auto upstream = UpstreamErrorOf(status);
  ASSERT_TRUE(upstream.has_value());
  EXPECT_EQ(upstream->http_status, 404);
  EXPECT_EQ(upstream->error.code, "BLOB_UNKNOWN");
  EXPECT_EQ(upstream->error.message, "blob unknown to registry");
}

TEST(UpstreamErrorTest, OtherStatusesHaveNone) {
  EXPECT_FALSE(UpstreamErrorOf(absl::NotFoundError("x")).has_value());
}

TEST(ReplyForTest, CanonicalCodesBecomeHttpStatuses) {
  struct Case {
    absl::StatusCode code;
    int http_status;
    const char* error_code;
  };
  const Case cases[] = {
      {absl::StatusCode::kInvalidArgument, 400, "DIGEST_INVALID"},
      {absl::StatusCode::kUnauthenticated, 401, "UNAUTHORIZED"},
      {absl::StatusCode::kPermissionDenied, 403, "DENIED"},
      {absl::StatusCode::kNotFound, 404, "BLOB_UNKNOWN"},
      {absl::StatusCode::kUnimplemented, 405, "UNSUPPORTED"},
      {absl::StatusCode::kOutOfRange, 416, "RANGE_INVALID"},
      {absl::StatusCode::kResourceExhausted, 429, "TOOMANYREQUESTS"},
      {absl::StatusCode::kDataLoss, 502, "UNAVAILABLE"},
      {absl::StatusCode::kUnavailable, 503, "UNAVAILABLE"},
      {absl::StatusCode::kCancelled, 503, "UNAVAILABLE"},
      {absl::StatusCode::kDeadlineExceeded, 504, "UNAVAILABLE"},
      {absl::StatusCode::kFailedPrecondition, 500, "UNKNOWN"},
      {absl::StatusCode::kInternal, 500, "UNKNOWN"},
  };
  for (const Case& c : cases) {
    const ErrorReply reply = ReplyFor(absl::Status(c.code, "why"), ResourceKind::kBlob);
    EXPECT_EQ(reply.http_status, c.http_status) << c.error_code;
    EXPECT_EQ(reply.error, (RegistryError{c.error_code, "why"}));
  }
}

TEST(ReplyForTest, ResourceDecidesTheCodeOfNotFound) {
  const absl::Status status = absl::NotFoundError("x");
  EXPECT_EQ(ReplyFor(status, ResourceKind::kManifest).error.code, "MANIFEST_UNKNOWN");
  EXPECT_EQ(ReplyFor(status, ResourceKind::kRepository).error.code, "NAME_UNKNOWN");
}

TEST(ReplyForTest, RefusalsOfTheUpstreamKeepStatusAndCode) {
  const char body[] = R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"vulnerable"}]})";
  const ErrorReply reply = ReplyFor(StatusFromResponse(412, body, kWhat), ResourceKind::kManifest);
  EXPECT_EQ(reply.http_status, 412);
  EXPECT_EQ(reply.error.code, "PROJECTPOLICYVIOLATION");
  EXPECT_THAT(reply.error.message, HasSubstr("vulnerable"));
  EXPECT_EQ(ReplyFor(StatusFromResponse(429, "", kWhat), ResourceKind::kBlob).http_status, 429);
  EXPECT_EQ(ReplyFor(StatusFromResponse(412, "", kWhat), ResourceKind::kBlob).error.code, "DENIED");
}

TEST(ReplyForTest, FailuresOfTheUpstreamAreOurs) {
  EXPECT_EQ(ReplyFor(StatusFromResponse(500, "", kWhat), ResourceKind::kBlob).http_status, 503);
}

TEST(ErrorResponseTest, IsTheSpecifiedJson) {
  const net::HttpResponse response =
      ErrorResponse(404, ErrorCode::kManifestUnknown, "no \"latest\"");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.GetOr("Content-Type"), "application/json");
  EXPECT_EQ(response.body, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"no \"latest\""}]})");
  EXPECT_THAT(ParseErrorBody(response.body),
              ElementsAre(RegistryError{"MANIFEST_UNKNOWN", "no \"latest\""}));
}

}  // namespace
}  // namespace kraken::registry
