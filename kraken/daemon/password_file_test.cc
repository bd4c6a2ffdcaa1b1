#include "kraken/daemon/password_file.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::daemon {
namespace {

using ::testing::HasSubstr;

TEST(PasswordFileTest, WhatStandsBehindThePasswordIsNoPartOfIt) {
  const std::string path = MakeTestDir() + "/password";
  WriteTestFile(path, " right \r\n");
  ASSERT_OK_AND_ASSIGN(const std::string password, ReadPasswordFile(path));
  EXPECT_EQ(password, " right");
}

TEST(PasswordFileTest, WhatCannotBeReadIsNamed) {
  const std::string dir = MakeTestDir();
  EXPECT_THAT(ReadPasswordFile(dir + "/none"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(dir + "/none")));
  WriteTestFile(dir + "/large", std::string((1 << 20) + 1, 'x'));
  EXPECT_THAT(ReadPasswordFile(dir + "/large"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than")));
}

}  // namespace
}  // namespace kraken::daemon
