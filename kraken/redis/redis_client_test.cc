// Against a real redis-server.
#include "kraken/redis/redis_client.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/test_certificates.h"
#include "kraken/net/tls_context.h"
#include "kraken/redis/test_redis.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::redis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RedisClientTest : public ::testing::Test {
 protected:
  ~RedisClientTest() override {
    loop_.RunAndWait([this] { client_.reset(); });
  }

  void Connect(const RedisClientOptions& options) {
    loop_.RunAndWait([&] {
      client_ = std::make_unique<RedisClient>(
          &loop_.loop(), options,
          RedisClient::Events{
              .on_connected = [this] { connected_.Put(1); },
              .on_disconnected = [this](const absl::Status& why) { disconnected_.Put(why); },
              .on_message = [this](RedisValue value) { messages_.Put(std::move(value)); }});
    });
  }
  bool Send(const std::vector<absl::string_view>& words) {
    bool sent = false;
    loop_.RunAndWait([&] {
      sent = client_->Send(
          words, [this](absl::StatusOr<RedisValue> answer) { answers_.Put(std::move(answer)); });
    });
    return sent;
  }

  TestRedis redis_;
  net::LoopThread loop_{"redis"};
  rpc::Mailbox<int> connected_;
  rpc::Mailbox<absl::Status> disconnected_;
  rpc::Mailbox<absl::StatusOr<RedisValue>> answers_;
  rpc::Mailbox<RedisValue> messages_;
  std::unique_ptr<RedisClient> client_;
};

TEST_F(RedisClientTest, AnswersComeInTheOrderOfCommands) {
  redis_.Start();
  Connect(redis_.options());
  connected_.Wait(0);
  const std::string binary("\r\n\0*3", 5);
  ASSERT_TRUE(Send({"HSET", "h", binary, "1", "b", ""}));
  ASSERT_TRUE(Send({"HGETALL", "h"}));
  ASSERT_TRUE(Send({"GET", "nothing"}));
  ASSERT_TRUE(Send({"GET", "h"}));
  ASSERT_OK(answers_.Wait(0));
  EXPECT_EQ(answers_.Wait(0)->integer, 2);
  const RedisValue all = *answers_.Wait(1);
  ASSERT_EQ(all.elements.size(), 4u);
  EXPECT_EQ(all.elements[0].text, binary);
  EXPECT_EQ(all.elements[3].text, "");
  EXPECT_EQ(answers_.Wait(2)->kind, RedisValue::Kind::kNil);
  EXPECT_THAT(answers_.Wait(3),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("WRONGTYPE")));
}

TEST_F(RedisClientTest, LargeAnswersComeWhole) {
  redis_.Start();
  Connect(redis_.options());
  connected_.Wait(0);
  const std::string large(3 << 20, 'x');
  ASSERT_TRUE(Send({"SET", "k", large}));
  ASSERT_TRUE(Send({"GET", "k"}));
  EXPECT_EQ(answers_.Wait(1)->text, large);
}

TEST_F(RedisClientTest, TellsWhatIsPublished) {
  redis_.Start();
  Connect(redis_.options());
  connected_.Wait(0);
  ASSERT_TRUE(Send({"SUBSCRIBE", "c"}));
  EXPECT_OK(answers_.Wait(0));
  std::unique_ptr<RedisClient> other;
  rpc::Mailbox<int> other_connected;
  loop_.RunAndWait([&] {
    other = std::make_unique<RedisClient>(
        &loop_.loop(), redis_.options(),
        RedisClient::Events{.on_connected = [&] { other_connected.Put(1); }});
  });
  other_connected.Wait(0);
  loop_.RunAndWait([&] { other->Send({"PUBLISH", "c", "news"}, nullptr); });
  const RedisValue message = messages_.Wait(0);
  ASSERT_EQ(message.elements.size(), 3u);
  EXPECT_EQ(message.elements[2].text, "news");
  loop_.RunAndWait([&] { other.reset(); });
}

TEST_F(RedisClientTest, ComesBackAfterRedisHas) {
  Connect(redis_.options());
  EXPECT_THAT(disconnected_.Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Redis at 127.0.0.1")));
  EXPECT_FALSE(Send({"PING"}));
  redis_.Start();
  connected_.Wait(0);
  ASSERT_TRUE(Send({"PING"}));
  EXPECT_EQ(answers_.Wait(0)->text, "PONG");
  const size_t failures = disconnected_.size();
  redis_.Kill();
  EXPECT_FALSE(disconnected_.Wait(failures).ok());
  redis_.Start();
  connected_.Wait(1);
}

TEST_F(RedisClientTest, GivesUpAConnectionThatNobodyAnswersOn) {
  redis_.Start();
  RedisClientOptions options = redis_.options();
  options.reply_timeout = absl::Milliseconds(300);
  options.max_unanswered = 2;
  Connect(options);
  connected_.Wait(0);
  redis_.Stop();
  ASSERT_TRUE(Send({"PING"}));
  ASSERT_TRUE(Send({"PING"}));
  EXPECT_FALSE(Send({"PING"})) << "too many wait already, or they have been given up";
  EXPECT_THAT(answers_.Wait(0), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no answer")));
  EXPECT_THAT(answers_.Wait(1), StatusIs(absl::StatusCode::kUnavailable));
  redis_.Continue();
  connected_.Wait(1);
}

TEST_F(RedisClientTest, BringsThePassword) {
  redis_.Start({"--requirepass", "s3cret"});
  RedisClientOptions options = redis_.options();
  options.password = "s3cret";
  Connect(options);
  connected_.Wait(0);
  ASSERT_TRUE(Send({"PING"}));
  EXPECT_EQ(answers_.Wait(0)->text, "PONG");
}

TEST_F(RedisClientTest, BringsTheNameOfAUser) {
  redis_.Start({"--user", "kraken", "on", ">s3cret", "~*", "&*", "+@all"});
  RedisClientOptions options = redis_.options();
  options.username = "kraken";
  options.password = "s3cret";
  Connect(options);
  connected_.Wait(0);
  ASSERT_TRUE(Send({"ACL", "WHOAMI"}));
  EXPECT_EQ(answers_.Wait(0)->text, "kraken");
}

TEST_F(RedisClientTest, AWrongPasswordIsNoConnection) {
  redis_.Start({"--requirepass", "s3cret"});
  RedisClientOptions options = redis_.options();
  options.password = "guess";
  Connect(options);
  const auto refused = StatusIs(absl::StatusCode::kUnavailable,
                                AllOf(HasSubstr("username and password"), HasSubstr("WRONGPASS")));
  EXPECT_THAT(disconnected_.Wait(0), refused);
  EXPECT_THAT(disconnected_.Wait(1), refused) << "it is tried again";
  EXPECT_FALSE(Send({"PING"}));
  EXPECT_EQ(connected_.size(), 0u);
}

TEST_F(RedisClientTest, WithoutAPasswordItSaysThatOneIsWanted) {
  redis_.Start({"--requirepass", "s3cret"});
  Connect(redis_.options());
  connected_.Wait(0);
  ASSERT_TRUE(Send({"PING"}));
  EXPECT_THAT(answers_.Wait(0),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("NOAUTH")));
}

class RedisTlsTest : public RedisClientTest {
 protected:
  std::shared_ptr<const net::TlsContext> Trusting(const net::TestCa& ca) {
    auto tls = net::TlsContext::CreateClient({.ca_files = {ca.ca_file()}});
    EXPECT_OK(tls);
    return *std::move(tls);
  }

  const std::string dir_ = MakeTestDir();
  net::TestCa ca_{dir_, "ours"};
  const net::TlsIdentity redis_identity_ = ca_.Issue("redis", {.ip_sans = {"127.0.0.1"}});
};

TEST_F(RedisTlsTest, SpeaksTls) {
  redis_.StartWithTls(redis_identity_, ca_.ca_file());
  RedisClientOptions options = redis_.options();
  options.tls = Trusting(ca_);
  Connect(options);
  connected_.Wait(0);
  const std::string large(3 << 20, 'x');
  ASSERT_TRUE(Send({"SET", "k", large}));
  ASSERT_TRUE(Send({"GET", "k"}));
  EXPECT_EQ(answers_.Wait(1)->text, large);
}

TEST_F(RedisTlsTest, RefusesACertificateOfAnotherAuthority) {
  redis_.StartWithTls(redis_identity_, ca_.ca_file());
  RedisClientOptions options = redis_.options();
  options.tls = Trusting(net::TestCa(dir_, "theirs"));
  Connect(options);
  EXPECT_THAT(disconnected_.Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
  EXPECT_EQ(connected_.size(), 0u);
}

// What is no Redis.
TEST(RedisParserTest, RefusesWhatItCannotTake) {
  const auto status_of = [](absl::string_view bytes) {
    RedisParser parser;
    EXPECT_OK(parser.Feed(bytes));
    return parser.Next().status();
  };
  EXPECT_THAT(status_of("HTTP/1.1 400 Bad Request\r\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status_of("*2147483647\r\n"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status_of("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status_of("$5\r\nabc"), StatusIs(absl::StatusCode::kNotFound));
  RedisParser parser;
  const std::string much(RedisParser::kMaxValueBytes, 'x');
  EXPECT_OK(parser.Feed("$100000000\r\n"));
  EXPECT_THAT(parser.Feed(much), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(RedisParserTest, TakesValuesWhereverTheyAreCut) {
  const std::string bytes = "*3\r\n:7\r\n*2\r\n$1\r\na\r\n$-1\r\n+OK\r\n-ERR no\r\n*0\r\n";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    RedisParser parser;
    std::vector<RedisValue> values;
    for (size_t at = 0; at < bytes.size(); at += cut) {
      ASSERT_OK(parser.Feed(absl::string_view(bytes).substr(at, cut)));
      for (auto value = parser.Next(); value.ok(); value = parser.Next()) {
        values.push_back(*std::move(value));
      }
    }
    ASSERT_EQ(values.size(), 3u) << cut;
    ASSERT_EQ(values[0].elements.size(), 3u);
    EXPECT_EQ(values[0].elements[0].integer, 7);
    ASSERT_EQ(values[0].elements[1].elements.size(), 2u);
    EXPECT_EQ(values[0].elements[1].elements[0].text, "a");
    EXPECT_EQ(values[0].elements[1].elements[1].kind, RedisValue::Kind::kNil);
    EXPECT_EQ(values[0].elements[2].text, "OK");
    EXPECT_EQ(values[1].kind, RedisValue::Kind::kError);
    EXPECT_EQ(values[2].kind, RedisValue::Kind::kArray);
  }
}

}  // namespace
}  // namespace kraken::redis
