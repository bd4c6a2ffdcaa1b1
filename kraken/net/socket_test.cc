// SocketAddress, ListenSocket, Acceptor, Resolver, Connector.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/connector.h"
#include "kraken/net/listen_socket.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/resolver.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Reparse(absl::string_view text) {
  const absl::StatusOr<SocketAddress> address = SocketAddress::Parse(text);
  return address.ok() ? address->ToString() : "error";
}

TEST(SocketAddress, Parses) {
  EXPECT_EQ(Reparse("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(Reparse("[::1]:65535"), "[::1]:65535");
  EXPECT_EQ(Reparse(":80"), "[::]:80");
  EXPECT_EQ(Reparse("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(Reparse("unix:/a/b"), "unix:/a/b");
  EXPECT_EQ(Reparse("[::ffff:1.2.3.4]:5"), "1.2.3.4:5");
  for (const char* bad :
       {"", "80", "host:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+1", "127.0.0.1: 1", "::1:80", "[::1", "[::1]80", "unix:", "1.2.3:4"}) {
    EXPECT_EQ(Reparse(bad), "error") << bad;
  }
  EXPECT_EQ(Reparse(absl::StrCat("unix:", std::string(200, 'x'))), "error");
}

TEST(SocketAddress, AnAddressEndsWhereItsTextDoes) {
  EXPECT_EQ(SocketAddress::FromIp("10.0.0.1", 5)->ToString(), "10.0.0.1:5");
  EXPECT_FALSE(SocketAddress::FromIp(absl::string_view("10.0.0.1\0more", 13), 5).ok());
  EXPECT_FALSE(SocketAddress::FromIp("10.0.0.1 ", 5).ok());
}

TEST(SocketAddress, KnowsLoopback) {
  for (const char* yes :
       {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/x", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(SocketAddress::Parse(yes)->is_loopback()) << yes;
  }
  for (const char* no : {"10.0.0.1:1", "[::2]:1", ":1"}) {
    EXPECT_FALSE(SocketAddress::Parse(no)->is_loopback()) << no;
  }
}

TEST(SplitHostPort, TakesNamesAndDefaults) {
  EXPECT_EQ(SplitHostPort("a.b:80")->host, "a.b");
  EXPECT_EQ(SplitHostPort("a.b", 443)->port, 443);
  EXPECT_EQ(SplitHostPort("[::1]", 443)->host, "::1");
  EXPECT_FALSE(SplitHostPort("a.b").ok());
  EXPECT_FALSE(SplitHostPort("a.b:x", 443).ok());
}

TEST(ListenSocket, ErrorsNameAddressAndCause) {
  ASSERT_OK_AND_ASSIGN(const ListenSocket socket, ListenSocket::Listen("127.0.0.1:0"));
  const std::string text = socket.address().ToString();
  EXPECT_THAT(ListenSocket::Listen(text),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(absl::StrCat("listen ", text, ": address already in use")),
                             HasSubstr("another process holds the port"))));
  EXPECT_THAT(ListenSocket::Listen("203.0.113.1:0"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no such address")));
  EXPECT_THAT(ListenSocket::Listen("nonsense"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonsense")));
  EXPECT_THAT(ListenSocket::Listen("unix:/no/such/dir/s"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no such directory")));
}

TEST(ListenSocket, SharesAPortIfAsked) {
  ListenOptions options;
  options.reuse_port = true;
  ASSERT_OK_AND_ASSIGN(const ListenSocket first, ListenSocket::Listen("127.0.0.1:0", options));
  EXPECT_OK(ListenSocket::Listen(first.address().ToString(), options));
}

TEST(ListenSocket, TakesOverAStaleUnixSocketButNoLiveOne) {
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  {
    // What a killed process leaves behind.
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const SocketAddress address = *SocketAddress::FromUnixPath(path);
    ASSERT_EQ(::bind(dead.get(), address.data(), address.size()), 0);
  }
  const std::string text = absl::StrCat("unix:", path);
  ASSERT_OK_AND_ASSIGN(const ListenSocket live, ListenSocket::Listen(text));
  EXPECT_THAT(ListenSocket::Listen(text), StatusIs(absl::StatusCode::kFailedPrecondition));
  RawConnection still_there(live.address());
}

TEST(ListenSocket, LeavesOtherFilesAlone) {
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  const std::string text = absl::StrCat("unix:", path);
  // To connect to it is refused, as it is with a stale socket.
  { const UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY, 0600)); }
  EXPECT_THAT(ListenSocket::Listen(text),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a file of another kind")));
  EXPECT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::symlink("/nowhere", path.c_str()), 0);
  EXPECT_THAT(ListenSocket::Listen(text), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(::unlink(path.c_str()), 0);
}

TEST(ListenSocket, AUnixSocketHasTheModeThatIsAskedFor) {
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  for (const int mode : {0600, 0666}) {
    ListenOptions options;
    options.unix_mode = mode;
    ASSERT_OK_AND_ASSIGN(const ListenSocket socket,
                         ListenSocket::Listen(absl::StrCat("unix:", path), options));
    struct stat file;
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777, static_cast<mode_t>(mode));
  }
}

TEST(ListenSocket, RemovesItsOwnFileOnly) {
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  const std::string text = absl::StrCat("unix:", path);
  absl::StatusOr<ListenSocket> first = ListenSocket::Listen(text);
  ASSERT_OK(first);
  // As if an operator had cleaned up, and started another process.
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const ListenSocket second, ListenSocket::Listen(text));
  first = absl::CancelledError();
  RawConnection still_there(second.address());
}

TEST(ListenSocket, AcceptsIpv4OnTheWildcard) {
  LoopThread thread("accept");
  ASSERT_OK_AND_ASSIGN(ListenSocket socket, ListenSocket::Listen(":0"));
  const uint16_t port = socket.address().port();
  absl::Notification accepted;
  std::string peer;
  std::unique_ptr<Acceptor> acceptor;
  thread.RunAndWait([&] {
    acceptor = std::make_unique<Acceptor>(&thread.loop(), std::move(socket),
                                          [&](UniqueFd, const SocketAddress& address) {
                                            peer = address.ip();
                                            accepted.Notify();
                                          });
  });
  RawConnection connection(*SocketAddress::FromIp("127.0.0.1", port));
  accepted.WaitForNotification();
  EXPECT_EQ(peer, "127.0.0.1");
  thread.RunAndWait([&] { acceptor.reset(); });
}

TEST(Resolver, NumericAddressesNeedNoQuestion) {
  Resolver resolver;
  ASSERT_OK_AND_ASSIGN(const auto addresses, resolver.ResolveBlocking("::1", 80));
  ASSERT_EQ(addresses.size(), 1);
  EXPECT_EQ(addresses[0].ToString(), "[::1]:80");
}

TEST(Resolver, FindsLocalhost) {
  Resolver resolver;
  LoopThread thread("test");
  absl::StatusOr<std::vector<SocketAddress>> result;
  absl::Notification done;
  resolver.Resolve("localhost", 80, thread.loop().handle(), [&](auto addresses) {
    EXPECT_TRUE(thread.loop().IsInLoopThread());
    result = std::move(addresses);
    done.Notify();
  });
  done.WaitForNotification();
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).is_loopback());
  EXPECT_EQ(result->at(0).port(), 80);
  // From the cache.
  ASSERT_OK_AND_ASSIGN(const auto again, resolver.ResolveBlocking("localhost", 81));
  EXPECT_EQ(again.at(0).port(), 81);
}

TEST(Resolver, AnUnknownNameIsUnavailable) {
  Resolver resolver;
  EXPECT_THAT(resolver.ResolveBlocking("no-such-host.invalid", 80),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no-such-host.invalid")));
}

TEST(Resolver, AsksAtMostSoManyQuestionsAtOnce) {
  ResolverOptions options;
  options.threads = 1;
  options.max_queue = 1;
  Resolver resolver(options);
  LoopThread thread("test");
  std::atomic<int> refused{0};
  std::atomic<int> answered{0};
  absl::Notification done;
  constexpr int kQuestions = 50;
  for (int i = 0; i < kQuestions; ++i) {
    resolver.Resolve(absl::StrCat("h", i, ".invalid"), 80, thread.loop().handle(),
                     [&](auto result) {
                       if (absl::IsResourceExhausted(result.status())) ++refused;
                       if (++answered == kQuestions) done.Notify();
                     });
  }
  done.WaitForNotification();
  EXPECT_GT(refused, 0);
}

TEST(Connector, DestroyingItCancels) {
  LoopThread thread("test");
  ASSERT_OK_AND_ASSIGN(const ListenSocket socket, ListenSocket::Listen("127.0.0.1:0"));
  thread.RunAndWait([&] {
    auto connector =
        Connector::Start(&thread.loop(), &Resolver::Default(),
                         {.host = "127.0.0.1", .port = socket.address().port()}, absl::Seconds(10),
                         [](auto) { ADD_FAILURE() << "cancelled"; });
    connector.reset();
  });
}

TEST(Connector, GivesUpInTime) {
  LoopThread thread("test");
  // A full backlog does not answer.
  ListenOptions options;
  options.backlog = 0;
  ASSERT_OK_AND_ASSIGN(const ListenSocket socket, ListenSocket::Listen("127.0.0.1:0", options));
  std::vector<UniqueFd> fill;
  for (int i = 0; i < 4; ++i) {
    fill.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    (void)::connect(fill.back().get(), socket.address().data(), socket.address().size());
  }
  absl::Notification done;
  absl::Status status;
  std::unique_ptr<Connector> connector;
  thread.RunAndWait([&] {
    connector = Connector::Start(&thread.loop(), &Resolver::Default(),
                                 {.host = "127.0.0.1", .port = socket.address().port()},
                                 absl::Milliseconds(50), [&](auto result) {
                                   status = result.status();
                                   done.Notify();
                                 });
  });
  done.WaitForNotification();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded,
                               HasSubstr(socket.address().ToString())));
  thread.RunAndWait([&] { connector.reset(); });
}

}  // namespace
}  // namespace kraken::net
