#ifndef KRAKEN_DAEMON_SERVICE_MANAGER_H_
#define KRAKEN_DAEMON_SERVICE_MANAGER_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"

namespace kraken::daemon {

// Whom a service manager (systemd) wants to be told how this process does; sd_notify(3).
struct ServiceManager {
  // A datagram socket: a path, or "@name" of the abstract kind. Empty: nobody wants to know.
  std::string socket;
  // How often it must hear of us, or it kills the process; infinite: it does not care.
  absl::Duration watchdog = absl::InfiniteDuration();

  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which it takes out of the environment. Call
  // it in main(), before there are threads.
  static ServiceManager FromEnvironment();
};

// Tells the service manager READY=1 once the process can do its work, STATUS= whenever what it
// lacks changes, WATCHDOG=1 from the loop twice per interval, and STOPPING=1. Belongs to the loop's
// thread.
class ServiceNotifier {
 public:
  static constexpr absl::Duration kPollUntilReady = absl::Milliseconds(200);
  static constexpr absl::Duration kPollWhenReady = absl::Seconds(5);

  // `readiness` is called in the loop: OK, or what is missing, as /readiness has it. Nothing is
  // ever called if nobody wants to know.
  ServiceNotifier(net::EventLoop* loop, ServiceManager manager,
                  std::function<absl::Status()> readiness);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  // `readiness` is not called any more.
  void Stopping();

 private:
  void Poll();
  void Watchdog();
  // False, and a line in the log, if it can't be told.
  bool Send(absl::string_view state);

  net::EventLoop* const loop_;
  const ServiceManager manager_;
  const std::function<absl::Status()> readiness_;
  bool was_ready_ = false;
  bool send_failed_ = false;
  std::string last_status_;
  net::TimerId poll_timer_ = net::TimerId::kNone;
  net::TimerId watchdog_timer_ = net::TimerId::kNone;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SERVICE_MANAGER_H_
