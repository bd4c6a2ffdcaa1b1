#include "kraken/net/shutdown_signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::net {
namespace {

sigset_t HandledSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

ShutdownSignals::ShutdownSignals(EventLoop* loop, absl::AnyInvocable<void(int)> on_signal)
    : on_signal_(std::move(on_signal)) {
  const sigset_t set = HandledSignals();
  KH_CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  fd_.Reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  KH_CHECK(fd_.valid());
  watcher_ = std::make_unique<FdWatcher>(loop, fd_.get(), static_cast<FdHandler*>(this),
                                         FdWatcher::Mode::kLevelRead);
}

ShutdownSignals::~ShutdownSignals() {
  watcher_.reset();
  const sigset_t set = HandledSignals();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void ShutdownSignals::OnFdReady(FdEvents) {
  signalfd_siginfo info;
  if (::read(fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace kraken::net
