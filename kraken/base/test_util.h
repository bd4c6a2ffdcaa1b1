// For tests: matchers for absl::Status and absl::StatusOr, and a place for files.
#ifndef KRAKEN_BASE_TEST_UTIL_H_
#define KRAKEN_BASE_TEST_UTIL_H_

#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken {

namespace internal {

inline const absl::Status& ToStatus(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& ToStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

}  // namespace internal

// Matches an OK Status or StatusOr.
MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  const absl::Status& status = internal::ToStatus(arg);
  if (!status.ok()) *result_listener << "which is " << status.ToString();
  return status.ok();
}

// Matches a Status or StatusOr with this code.
MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  const absl::Status& status = internal::ToStatus(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code;
}

// Matches a Status or StatusOr with this code and a message that matches, e.g.
//   EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
MATCHER_P2(StatusIs, code, message_matcher,
           "has code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message_matcher)) {
  const absl::Status& status = internal::ToStatus(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message_matcher, std::string(status.message()),
                                       result_listener);
}

// Matches an OK StatusOr whose value matches.
MATCHER_P(IsOkAndHolds, value_matcher,
          negation ? "is an error or does not match" : "is OK, matches") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

// A new, empty folder below TEST_TMPDIR, without a trailing slash.
std::string MakeTestDir();

// A file that the test names in `data`, by its path from the workspace's root. Fails the test if it
// cannot be read.
std::string ReadTestFile(absl::string_view workspace_path);

// Writes a whole file; fails the test on error.
void WriteTestFile(const std::string& path, absl::string_view content);

}  // namespace kraken

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::kraken::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::kraken::IsOk())

#define KH_TEST_CONCAT_INNER(a, b) a##b
#define KH_TEST_CONCAT(a, b) KH_TEST_CONCAT_INNER(a, b)

// Fails the test at once unless `expression`, a StatusOr, is OK; else moves its value into `lhs`,
// which may declare a variable.
#define ASSERT_OK_AND_ASSIGN(lhs, expression) \
  KH_ASSERT_OK_AND_ASSIGN_IMPL(KH_TEST_CONCAT(kh_status_or_, __LINE__), lhs, expression)

#define KH_ASSERT_OK_AND_ASSIGN_IMPL(status_or, lhs, expression) \
  auto status_or = (expression);                                 \
  ASSERT_THAT(status_or, ::kraken::IsOk());                      \
  lhs = *std::move(status_or)

#endif  // KRAKEN_BASE_TEST_UTIL_H_
