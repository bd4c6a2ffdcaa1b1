#include "kraken/daemon/file_reloader.h"

#include <string>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "kraken/base/files/reloadable.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

// How soon a certificate that was renewed is in use. Short-lived ones are renewed hours ahead.
constexpr absl::Duration kPeriod = absl::Minutes(1);

}  // namespace

FileReloader::FileReloader(net::EventLoop* loop) : loop_(loop) { Schedule(); }

FileReloader::~FileReloader() { loop_->CancelTimer(timer_); }

void FileReloader::Reload() {
  const ReloadReport report = ReloadRegistry::OfProcess().ReloadChanged();
  for (const std::string& error : report.errors) {
    telemetry::LogError("a changed file can't be used: what it was before stays in use",
                        {{"reason", error}});
  }
  if (!report.changed_files.empty() && report.errors.empty()) {
    telemetry::LogInfo("changed files are in use",
                       {{"files", absl::StrJoin(report.changed_files, ", ")}});
  }
}

void FileReloader::Schedule() {
  timer_ = loop_->RunAfter(kPeriod, [this] {
    Reload();
    Schedule();
  });
}

}  // namespace kraken::daemon
