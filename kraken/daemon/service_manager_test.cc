#include "kraken/daemon/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/raw_connection.h"

namespace kraken::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What systemd is to a process: a datagram socket that listens.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  }
  // The messages that have come.
  std::vector<std::string> Heard() {
    std::vector<std::string> messages;
    char buffer[4096];
    ssize_t n;
    while ((n = ::recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
      messages.emplace_back(buffer, static_cast<size_t>(n));
    }
    return messages;
  }

 private:
  UniqueFd fd_;
};

class ServiceManagerTest : public ::testing::Test {
 protected:
  ~ServiceManagerTest() override { ::unlink(path_.c_str()); }

  // Runs the loop until `count` messages were heard in all.
  void RunUntilHeard(size_t count) {
    while (heard_.size() < count) RunFor(absl::Milliseconds(5));
  }
  void RunFor(absl::Duration time) {
    loop_.RunAfter(time, [this] { loop_.Stop(); });
    loop_.Run();
    for (std::string& message : manager_.Heard()) heard_.push_back(std::move(message));
  }

  const net::ShortTestDir dir_;
  const std::string path_ = dir_.path() + "/n";
  Manager manager_{path_};
  net::EventLoop loop_;
  std::vector<std::string> heard_;
};

TEST_F(ServiceManagerTest, IsToldWhenTheProcessCanDoItsWork) {
  absl::Status readiness = absl::UnavailableError("no tracker\nis connected");
  ServiceNotifier notifier(&loop_, {.socket = path_}, [&] { return readiness; });
  RunUntilHeard(1);
  EXPECT_THAT(heard_, ElementsAre("STATUS=not ready: no tracker is connected"));
  readiness = absl::UnavailableError("something else");
  RunUntilHeard(2);
  EXPECT_EQ(heard_[1], "STATUS=not ready: something else");
  readiness = absl::OkStatus();
  RunUntilHeard(3);
  EXPECT_EQ(heard_[2], "READY=1\nSTATUS=serving");
  notifier.Stopping();
  RunUntilHeard(4);
  EXPECT_EQ(heard_[3], "STOPPING=1\nSTATUS=shutting down");
}

TEST_F(ServiceManagerTest, HearsFromTheLoopTwiceInEachWatchdogInterval) {
  ServiceNotifier notifier(&loop_, {.socket = path_, .watchdog = absl::Milliseconds(20)},
                           [] { return absl::UnavailableError("never"); });
  RunUntilHeard(10);
  int barks = 0;
  for (const std::string& message : heard_) {
    if (message == "WATCHDOG=1") ++barks;
    EXPECT_THAT(message, Not(HasSubstr("READY")));
  }
  EXPECT_GE(barks, 9);
}

TEST_F(ServiceManagerTest, MayListenOnAnAbstractSocket) {
  const std::string name = absl::StrCat("@kraken-test-", ::getpid());
  Manager abstract(name);
  ServiceNotifier notifier(&loop_, {.socket = name}, [] { return absl::OkStatus(); });
  std::vector<std::string> heard;
  while (heard.empty()) {
    RunFor(absl::Milliseconds(5));
    heard = abstract.Heard();
  }
  EXPECT_EQ(heard[0], "READY=1\nSTATUS=serving");
}

TEST_F(ServiceManagerTest, IsToldAgainIfItWasNotThere) {
  const std::string later = dir_.path() + "/l";
  ServiceNotifier notifier(&loop_, {.socket = later}, [] { return absl::OkStatus(); });
  RunFor(absl::Milliseconds(5));
  Manager manager(later);
  std::vector<std::string> heard;
  while (heard.empty()) {
    RunFor(absl::Milliseconds(5));
    heard = manager.Heard();
  }
  EXPECT_EQ(heard[0], "READY=1\nSTATUS=serving");
  ::unlink(later.c_str());
}

TEST_F(ServiceManagerTest, NobodyIsAskedIfNobodyWantsToKnow) {
  ServiceNotifier notifier(&loop_, {}, [] {
    ADD_FAILURE();
    return absl::OkStatus();
  });
  RunFor(absl::Milliseconds(5));
  notifier.Stopping();
}

TEST(ServiceManagerFromEnvironment, TakesWhatIsMeantForUs) {
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", absl::StrCat(::getpid()).c_str(), 1);
  ServiceManager manager = ServiceManager::FromEnvironment();
  EXPECT_EQ(manager.socket, "/run/x");
  EXPECT_EQ(manager.watchdog, absl::Seconds(3));
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(::getenv(name), nullptr) << name;
  }
  ::setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  manager = ServiceManager::FromEnvironment();
  EXPECT_EQ(manager.socket, "");
  EXPECT_EQ(manager.watchdog, absl::InfiniteDuration());
}

}  // namespace
}  // namespace kraken::daemon
