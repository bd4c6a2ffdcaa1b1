#ifndef KRAKEN_DAEMON_FILE_RELOADER_H_
#define KRAKEN_DAEMON_FILE_RELOADER_H_

#include "kraken/net/event_loop.h"

namespace kraken::daemon {

// Has the process's ReloadRegistry look for changed files once a minute, in the loop, and logs what
// it found.
class FileReloader {
 public:
  explicit FileReloader(net::EventLoop* loop);
  ~FileReloader();
  FileReloader(const FileReloader&) = delete;
  FileReloader& operator=(const FileReloader&) = delete;

  // At once.
  static void Reload();

 private:
  void Schedule();

  net::EventLoop* const loop_;
  net::TimerId timer_ = net::TimerId::kNone;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_FILE_RELOADER_H_
