// In a child process each, as descriptors 3 and up and the environment belong to the whole process.
#include "kraken/net/inherited_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/raw_connection.h"

namespace kraken::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

void SetEnvironment(int pid, const std::string& count, const char* names) {
  ::setenv("LISTEN_PID", absl::StrCat(pid).c_str(), 1);
  ::setenv("LISTEN_FDS", count.c_str(), 1);
  if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
}

// Makes `socket` descriptor `number`, blocking and inherited, as a service manager does.
void Pass(int socket, int number) {
  if (::dup2(socket, number) != number) ::_exit(90);
  ::fcntl(number, F_SETFL, 0);
}

// Runs `check` in a child, which fails if it says so or dies.
template <typename Check>
void InChild(Check check) {
  EXPECT_EXIT(
      {
        check();
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(InheritedSockets, AreTakenByName) {
  InChild([] {
    ASSERT_OK_AND_ASSIGN(ListenSocket one, ListenSocket::Listen("127.0.0.1:0"));
    ASSERT_OK_AND_ASSIGN(ListenSocket two, ListenSocket::Listen("127.0.0.1:0"));
    const SocketAddress first = one.address();
    const SocketAddress second = two.address();
    // Out of the way of 3 and 4, which they may be.
    const UniqueFd copy_one(::fcntl(one.fd(), F_DUPFD, 50));
    const UniqueFd copy_two(::fcntl(two.fd(), F_DUPFD, 50));
    Pass(copy_one.get(), 3);
    Pass(copy_two.get(), 4);
    SetEnvironment(::getpid(), "2", "registry:http");
    ASSERT_OK_AND_ASSIGN(InheritedSockets sockets, InheritedSockets::FromEnvironment());
    EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
    EXPECT_EQ(::getenv("LISTEN_PID"), nullptr);
    std::vector<ListenSocket> http = sockets.Take("http", /*or_unnamed=*/true);
    ASSERT_EQ(http.size(), 1);
    EXPECT_EQ(http[0].address(), second);
    EXPECT_THAT(sockets.CheckAllTaken(),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("\"registry\""), HasSubstr("knows http: say"),
                               HasSubstr("FileDescriptorName="))));
    std::vector<ListenSocket> registry = sockets.Take("registry", /*or_unnamed=*/false);
    ASSERT_EQ(registry.size(), 1);
    EXPECT_EQ(registry[0].address(), first);
    EXPECT_NE(::fcntl(registry[0].fd(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(registry[0].fd(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_TRUE(sockets.empty());
    EXPECT_OK(sockets.CheckAllTaken());
  });
}

TEST(InheritedSockets, AnotherProcessesAreNotOurs) {
  InChild([] {
    SetEnvironment(::getpid() + 1, "5", nullptr);
    ASSERT_OK_AND_ASSIGN(const InheritedSockets sockets, InheritedSockets::FromEnvironment());
    EXPECT_TRUE(sockets.empty());
    EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
  });
}

TEST(InheritedSockets, UnitsNamesAreNoNames) {
  ASSERT_OK_AND_ASSIGN(const ListenSocket socket, ListenSocket::Listen("127.0.0.1:0"));
  for (const char* name : {"", "unknown", "my-agent.socket"}) {
    InChild([&] {
      Pass(socket.fd(), 3);
      SetEnvironment(::getpid(), "1", name);
      ASSERT_OK_AND_ASSIGN(InheritedSockets sockets, InheritedSockets::FromEnvironment());
      EXPECT_EQ(sockets.Take("http", /*or_unnamed=*/false).size(), 0);
      EXPECT_EQ(sockets.Take("registry", /*or_unnamed=*/true).size(), 1);
    });
  }
}

TEST(InheritedSockets, NobodyPassesAny) {
  InChild([] {
    ::setenv("LISTEN_PID", absl::StrCat(::getpid()).c_str(), 1);
    ASSERT_OK_AND_ASSIGN(const InheritedSockets sockets, InheritedSockets::FromEnvironment());
    EXPECT_TRUE(sockets.empty());
  });
}

TEST(InheritedSockets, WhatMakesNoSenseIsRefused) {
  for (const char* count : {"x", "-1", "65", "1x", "99999999999"}) {
    InChild([count] {
      SetEnvironment(::getpid(), count, nullptr);
      EXPECT_THAT(InheritedSockets::FromEnvironment(),
                  StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("LISTEN_FDS")));
    });
  }
  InChild([] {
    SetEnvironment(::getpid(), "2", "one");
    EXPECT_THAT(InheritedSockets::FromEnvironment(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("LISTEN_FDNAMES")));
  });
}

TEST(InheritedSockets, AFileIsNoSocket) {
  InChild([] {
    const UniqueFd file(::open("/dev/null", O_RDONLY));
    ::dup2(file.get(), 3);
    SetEnvironment(::getpid(), "1", "registry");
    EXPECT_THAT(InheritedSockets::FromEnvironment(),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("\"registry\""), HasSubstr("not a listening"))));
  });
}

TEST(InheritedSockets, AUnixSocketsFileStays) {
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  ASSERT_OK_AND_ASSIGN(const ListenSocket socket, ListenSocket::Listen("unix:" + path));
  InChild([&] {
    Pass(socket.fd(), 3);
    SetEnvironment(::getpid(), "1", nullptr);
    ASSERT_OK_AND_ASSIGN(InheritedSockets sockets, InheritedSockets::FromEnvironment());
    EXPECT_EQ(sockets.Take("registry", /*or_unnamed=*/false).size(), 0);
    EXPECT_EQ(sockets.Take("registry", /*or_unnamed=*/true).size(), 1);
  });
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace kraken::net
