#include "kraken/redis/redis_config.h"

#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace kraken::redis {
namespace {

using config::ReadYaml;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

TEST(RedisConfigTest, AnAddressIsEnough) {
  const auto config = ReadYaml<RedisConfig>("{addr: \"redis:6379\"}");
  ASSERT_OK(config);
  const auto options = MakeRedisClientOptions(*config);
  ASSERT_OK(options);
  EXPECT_EQ(options->host, "redis");
  EXPECT_EQ(options->port, 6379);
  EXPECT_EQ(options->password, "");
  EXPECT_EQ(options->tls, nullptr);
}

TEST(RedisConfigTest, UserPasswordAndTls) {
  const auto config = ReadYaml<RedisConfig>(
      "{addr: \"redis:6379\", username: kraken, password: s3cret, tls: {name: redis.example}}");
  ASSERT_OK(config);
  const auto options = MakeRedisClientOptions(*config);
  ASSERT_OK(options);
  EXPECT_EQ(options->username, "kraken");
  EXPECT_EQ(options->password, "s3cret");
  EXPECT_NE(options->tls, nullptr);
}

TEST(RedisConfigTest, TlsThatIsDisabledIsPlainText) {
  const auto config =
      ReadYaml<RedisConfig>("{addr: \"redis:6379\", tls: {client: {disabled: true}}}");
  ASSERT_OK(config);
  EXPECT_EQ(MakeRedisClientOptions(*config)->tls, nullptr);
}

TEST(RedisConfigTest, SaysWhatIsWrong) {
  EXPECT_THAT(ReadYaml<RedisConfig>("{}"), StatusIs(kRefused, HasSubstr("addr")));
  EXPECT_THAT(ReadYaml<RedisConfig>("{addr: redis}"), StatusIs(kRefused, HasSubstr("host:port")));
  EXPECT_THAT(ReadYaml<RedisConfig>("{addr: \"redis:6379\", username: kraken}"),
              StatusIs(kRefused, HasSubstr("password")));
  const auto config =
      ReadYaml<RedisConfig>("{addr: \"redis:6379\", tls: {cas: [{path: /no/such/ca.pem}]}}");
  ASSERT_OK(config);
  EXPECT_THAT(MakeRedisClientOptions(*config).status().message(), HasSubstr("/no/such/ca.pem"));
}

}  // namespace
}  // namespace kraken::redis
