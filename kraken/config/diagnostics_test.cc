#include "kraken/config/diagnostics.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Position At(const std::string& file, int line, int column) {
  return {std::make_shared<const std::string>(file), line, column};
}

TEST(DiagnosticsTest, NothingIsOk) { EXPECT_OK(Diagnostics().ToStatus()); }

TEST(DiagnosticsTest, ErrorsAreInTheFilesOrder) {
  Diagnostics diagnostics;
  diagnostics.AddError(At("b", 2, 1), "third");
  diagnostics.AddError(At("a", 1, 1), "fourth");
  diagnostics.AddError(At("b", 1, 9), "second");
  diagnostics.AddError(At("b", 1, 2), "first");
  diagnostics.AddError(Position{}, "fifth");
  EXPECT_THAT(diagnostics.ToStatus(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "b:1:2: first\nb:1:9: second\nb:2:1: third\na:1:1: fourth\nfifth"));
}

TEST(DiagnosticsTest, ManyErrorsAreCounted) {
  Diagnostics diagnostics;
  for (int i = 1; i <= 10000; ++i) diagnostics.AddError(At("a", i, 1), "bad");
  EXPECT_EQ(diagnostics.error_count(), 10000u);
  EXPECT_THAT(diagnostics.ToStatus(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                               AllOf(HasSubstr("a:20:1: bad\nand 9980 more errors"),
                                                     Not(HasSubstr("a:21:")))));
}

TEST(DiagnosticsTest, WarningsComeOnce) {
  Diagnostics diagnostics;
  diagnostics.AddWarning(At("a", 1, 1), "key", "first");
  diagnostics.AddWarning(At("a", 2, 1), "key", "again");
  EXPECT_THAT(diagnostics.warnings(), ElementsAre("a:1:1: first"));
  for (int i = 0; i < 1000; ++i) diagnostics.AddWarning(Position{}, std::to_string(i), "x");
  EXPECT_THAT(diagnostics.warnings(), SizeIs(kMaxWarnings));
}

}  // namespace
}  // namespace kraken::config
