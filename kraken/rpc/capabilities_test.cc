#include "kraken/rpc/capabilities.h"

#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::rpc {
namespace {

TEST(CapabilitiesTest, SurvivesARoundTrip) {
  const Capabilities sent = {.role = "tracker", .grpc_port = 15013, .grpc_tls = true};
  EXPECT_EQ(ToJson(sent), R"({"grpc":{"port":15013,"tls":true},"role":"tracker"})");
  ASSERT_OK_AND_ASSIGN(const Capabilities got, ParseCapabilities(ToJson(sent)));
  EXPECT_EQ(got.role, "tracker");
  EXPECT_EQ(got.grpc_port, 15013);
  EXPECT_TRUE(got.grpc_tls);
}

TEST(CapabilitiesTest, IgnoresWhatALaterVersionAdds) {
  ASSERT_OK_AND_ASSIGN(const Capabilities got,
                       ParseCapabilities(R"({"grpc":{"port":1,"quic":7},"more":[1,2]})"));
  EXPECT_EQ(got.grpc_port, 1);
}

TEST(CapabilitiesTest, RefusesWhatNamesNoPort) {
  for (const char* text : {"", "[]", "{}", R"({"grpc":{}})", R"({"grpc":{"port":0}})",
                           R"({"grpc":{"port":65536}})", R"({"grpc":{"port":"1"}})"}) {
    EXPECT_THAT(ParseCapabilities(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace kraken::rpc
