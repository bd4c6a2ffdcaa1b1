#ifndef KRAKEN_DAEMON_RUN_DAEMON_H_
#define KRAKEN_DAEMON_RUN_DAEMON_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/config/flags.h"
#include "kraken/config/node.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/inherited_sockets.h"

namespace kraken::daemon {

// A process's parts, wired and running. Lives on the control loop, which is the main thread's.
class Daemon {
 public:
  virtual ~Daemon() = default;
  // OK, or what is missing for the process to do its work: what /readiness answers.
  virtual absl::Status Readiness() = 0;
  // The operator has renamed the log files.
  virtual void ReopenLogs() = 0;
  // Ends what is in flight, writes down what must not be lost, then calls `done` in the loop.
  // Called once.
  virtual void Shutdown(absl::AnyInvocable<void()> done) = 0;
};

// What a process is started with besides its configuration. All of it outlives the daemon.
struct DaemonContext {
  // -cluster
  std::string cluster;
  net::EventLoop* control = nullptr;
  // What the service manager has opened for us.
  net::InheritedSockets* sockets = nullptr;
};

struct DaemonInfo {
  std::string program;      // "kraken-agent"
  std::string description;  // one line for --help
  // Flags of its own; -config, -secrets, -cluster and -mutex-profile-fraction are there already.
  std::function<void(config::FlagSet&)> add_flags;
  // May be empty. What the flags ask for instead of a daemon, once the configuration is loaded: the
  // exit code; nothing: a daemon.
  std::function<std::optional<int>(const config::Node& document)> instead;
  // Builds and starts everything. Errors may carry an exit code (start_error.h).
  std::function<absl::StatusOr<std::unique_ptr<Daemon>>(const config::Node& document,
                                                        const DaemonContext& context)>
      start;
};

// main() of a process: reads the command line and the configuration, starts, serves until SIGTERM
// or SIGINT, shuts down; a second signal ends it at once. SIGHUP reopens log files and reads
// changed certificates, which are looked for once a minute as well. A service manager is told how
// it goes (service_manager.h), and may pass sockets (kraken/net/inherited_sockets.h). Returns the
// exit code (kraken/config/exit_codes.h).
int RunDaemon(const DaemonInfo& info, int argc, char** argv);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_RUN_DAEMON_H_
