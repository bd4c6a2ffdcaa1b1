#include "kraken/daemon/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

constexpr size_t kMaxStatusBytes = 512;

std::string TakeVariable(const char* name) {
  const char* value = ::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

// One line of it.
std::string StatusLine(const absl::Status& status) {
  std::string line = status.ok() ? "serving" : absl::StrCat("not ready: ", status.message());
  line.resize(std::min(line.size(), kMaxStatusBytes));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

absl::Status SendTo(const std::string& name, absl::string_view state) {
  sockaddr_un address = {};
  if (name.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError("NOTIFY_SOCKET is longer than a socket's name can be");
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoToStatus(errno, "socket");
  if (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    return ErrnoToStatus(errno, absl::StrCat("send to ", name));
  }
  return absl::OkStatus();
}

}  // namespace

ServiceManager ServiceManager::FromEnvironment() {
  ServiceManager manager;
  manager.socket = TakeVariable("NOTIFY_SOCKET");
  const std::string microseconds_text = TakeVariable("WATCHDOG_USEC");
  const std::string pid = TakeVariable("WATCHDOG_PID");
  if (!manager.socket.empty() && manager.socket[0] != '/' && manager.socket[0] != '@') {
    telemetry::LogWarn("NOTIFY_SOCKET is no socket of a kind that is known",
                       {{"socket", manager.socket}});
    manager.socket.clear();
  }
  int64_t microseconds = 0;
  const bool is_ours = pid.empty() || pid == absl::StrCat(::getpid());
  if (is_ours && absl::SimpleAtoi(microseconds_text, &microseconds) && microseconds > 0) {
    manager.watchdog = absl::Microseconds(microseconds);
  }
  return manager;
}

ServiceNotifier::ServiceNotifier(net::EventLoop* loop, ServiceManager manager,
                                 std::function<absl::Status()> readiness)
    : loop_(loop), manager_(std::move(manager)), readiness_(std::move(readiness)) {
  if (manager_.socket.empty()) return;
  poll_timer_ = loop_->RunAfter(absl::ZeroDuration(), [this] { Poll(); });
  if (manager_.watchdog == absl::InfiniteDuration()) return;
  watchdog_timer_ = loop_->RunAfter(absl::ZeroDuration(), [this] { Watchdog(); });
}

ServiceNotifier::~ServiceNotifier() {
  loop_->CancelTimer(poll_timer_);
  loop_->CancelTimer(watchdog_timer_);
}

void ServiceNotifier::Poll() {
  const absl::Status readiness = readiness_();
  const std::string status = StatusLine(readiness);
  const bool becomes_ready = readiness.ok() && !was_ready_;
  if (becomes_ready || status != last_status_) {
    if (Send(absl::StrCat(becomes_ready ? "READY=1\n" : "", "STATUS=", status))) {
      was_ready_ |= readiness.ok();
      last_status_ = status;
    }
  }
  poll_timer_ = loop_->RunAfter(was_ready_ ? kPollWhenReady : kPollUntilReady, [this] { Poll(); });
}

void ServiceNotifier::Watchdog() {
  Send("WATCHDOG=1");
  watchdog_timer_ = loop_->RunAfter(manager_.watchdog / 2, [this] { Watchdog(); });
}

void ServiceNotifier::Stopping() {
  loop_->CancelTimer(std::exchange(poll_timer_, net::TimerId::kNone));
  if (!manager_.socket.empty()) Send("STOPPING=1\nSTATUS=shutting down");
}

bool ServiceNotifier::Send(absl::string_view state) {
  const absl::Status sent = SendTo(manager_.socket, state);
  if (!sent.ok() && !std::exchange(send_failed_, true)) {
    telemetry::LogWarn("the service manager can't be told", {{"reason", sent}});
  }
  if (sent.ok()) send_failed_ = false;
  return sent.ok();
}

}  // namespace kraken::daemon
