#include "kraken/daemon/run_daemon.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/loader.h"
#include "kraken/daemon/file_reloader.h"
#include "kraken/daemon/protobuf_log.h"
#include "kraken/daemon/service_manager.h"
#include "kraken/daemon/start_error.h"
#include "kraken/net/shutdown_signals.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

void AddFlags(const DaemonInfo& info, config::FlagSet& flags, config::LoadOptions& load,
              DaemonContext& context) {
  flags.String("config", &load.config_path, "configuration file (YAML)");
  flags.String("secrets", &load.secrets_path, "a second file, laid over the first");
  flags.String("cluster", &context.cluster, "the cluster's name, for logs and metrics");
  flags.Ignored("mutex-profile-fraction", "it belongs to Go's profiler");
  if (info.add_flags) info.add_flags(flags);
}

int Fail(const DaemonInfo& info, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", info.program.c_str(), std::string(status.message()).c_str());
  return ExitCodeOf(status);
}

}  // namespace

int RunDaemon(const DaemonInfo& info, int argc, char** argv) {
  // Before anything opens a descriptor or starts a thread.
  absl::StatusOr<net::InheritedSockets> sockets = net::InheritedSockets::FromEnvironment();
  if (!sockets.ok()) return Fail(info, sockets.status());
  ServiceManager manager = ServiceManager::FromEnvironment();

  config::LoadOptions load;
  DaemonContext context;
  context.sockets = &*sockets;
  config::FlagSet flags(info.program, info.description);
  AddFlags(info, flags, load, context);
  flags.ParseOrExit(argc, argv);
  if (load.config_path.empty()) {
    std::fprintf(stderr, "%s: -config is missing; --help lists the flags\n", info.program.c_str());
    return config::kExitUsage;
  }

  absl::StatusOr<config::Node> document = config::Load(load);
  if (!document.ok()) {
    return Fail(info, WithExitCode(document.status(), config::kExitBadConfig));
  }

  if (info.instead) {
    if (const std::optional<int> code = info.instead(*document)) return *code;
  }

  SilenceProtobuf();
  net::EventLoop control;
  context.control = &control;
  std::unique_ptr<Daemon> daemon;
  std::unique_ptr<ServiceNotifier> notifier;
  bool stopping = false;
  net::ShutdownSignals signals(
      &control,
      [&](int signal_number) {
        if (stopping) {
          telemetry::LogWarn("second signal: ending at once", {{"signal", signal_number}});
          _exit(config::kExitFailure);
        }
        stopping = true;
        telemetry::LogInfo("shutting down", {{"signal", signal_number}});
        notifier->Stopping();
        daemon->Shutdown([&control] { control.Stop(); });
      },
      [&] {
        telemetry::LogInfo("log files are opened anew");
        daemon->ReopenLogs();
        FileReloader::Reload();
      });

  const absl::Time begin = absl::Now();
  absl::StatusOr<std::unique_ptr<Daemon>> started = info.start(*document, context);
  if (!started.ok()) return Fail(info, started.status());
  daemon = *std::move(started);
  notifier = std::make_unique<ServiceNotifier>(&control, std::move(manager),
                                               [&daemon] { return daemon->Readiness(); });
  for (const std::string& warning : flags.warnings()) {
    telemetry::LogWarn("command line", {{"warning", warning}});
  }
  telemetry::LogInfo("started", {{"program", info.program},
                                 {"pid", static_cast<int64_t>(getpid())},
                                 {"milliseconds", absl::ToInt64Milliseconds(absl::Now() - begin)}});
  auto reloader = std::make_unique<FileReloader>(&control);
  control.Run();
  reloader.reset();
  notifier.reset();
  daemon.reset();
  telemetry::LogInfo("stopped", {{"program", info.program}});
  return config::kExitOk;
}

}  // namespace kraken::daemon
