#include "kraken/net/shutdown_signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::net {
namespace {

sigset_t SignalSet(bool with_hangup) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  if (with_hangup) ::sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

ShutdownSignals::ShutdownSignals(EventLoop* loop, absl::AnyInvocable<void(int)> on_signal,
                                 absl::AnyInvocable<void()> on_hangup)
    : on_signal_(std::move(on_signal)),
      on_hangup_(std::move(on_hangup)),
      handled_(SignalSet(on_hangup_ != nullptr)) {
  KH_CHECK(::pthread_sigmask(SIG_BLOCK, &handled_, nullptr) == 0);
  fd_.Reset(::signalfd(-1, &handled_, SFD_NONBLOCK | SFD_CLOEXEC));
  KH_CHECK(fd_.valid());
  watcher_ = std::make_unique<FdWatcher>(loop, fd_.get(), static_cast<FdHandler*>(this),
                                         FdWatcher::Mode::kLevelRead);
}

ShutdownSignals::~ShutdownSignals() {
  watcher_.reset();
  ::pthread_sigmask(SIG_UNBLOCK, &handled_, nullptr);
}

void ShutdownSignals::OnFdReady(FdEvents) {
  signalfd_siginfo info;
  if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return;
  const int number = static_cast<int>(info.ssi_signo);
  if (number == SIGHUP) {
    on_hangup_();
  } else {
    on_signal_(number);
  }
}

}  // namespace kraken::net
