#ifndef KRAKEN_NET_LISTEN_SOCKET_H_
#define KRAKEN_NET_LISTEN_SOCKET_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {

struct ListenOptions {
  static constexpr int kDefaultBacklog = 1024;
  static constexpr int kModeOfUmask = -1;

  int backlog = kDefaultBacklog;
  // SO_REUSEPORT: several sockets, of several processes if need be, share one port.
  bool reuse_port = false;
  // Permissions of a unix-domain socket's file: to connect means to write. There before anybody can
  // connect.
  int unix_mode = kModeOfUmask;
};

// A bound, listening, non-blocking socket. Closing a unix-domain one removes its file, if that is
// still the one it made.
class ListenSocket {
 public:
  // `address` as SocketAddress::Parse() takes it; port 0 picks a free one (see address()). A socket
  // file at a unix path that nobody listens on any more is replaced; another file never is.
  //
  // Errors name address and cause, fit to be shown to an operator at start-up:
  // INVALID_ARGUMENT (not an address), FAILED_PRECONDITION (address already in use, not an address
  // of this host, no such directory), PERMISSION_DENIED (a low port, an unwritable directory).
  static absl::StatusOr<ListenSocket> Listen(absl::string_view address, ListenOptions options = {});
  // Takes over a socket that somebody else has bound, and made listen. Its file stays.
  // FAILED_PRECONDITION: not a listening stream socket.
  static absl::StatusOr<ListenSocket> Adopt(UniqueFd fd);

  ListenSocket(ListenSocket&&) noexcept = default;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();

  const SocketAddress& address() const { return address_; }
  int fd() const { return fd_.get(); }

 private:
  ListenSocket(UniqueFd fd, SocketAddress address);
  // Of a unix-domain socket that was just bound: its file is ours, with these permissions.
  absl::Status TakeFile(int mode);
  void Close();

  UniqueFd fd_;
  SocketAddress address_;
  // Of the file that was made at a unix path; 0 if none was.
  uint64_t file_device_ = 0;
  uint64_t file_inode_ = 0;
};

// Accepts connections of one ListenSocket in one loop. Belongs to the loop's thread.
//
// Out of file descriptors (or of kernel memory), it rests for kRetryDelay and leaves the backlog in
// the kernel, rather than spin.
class Acceptor : private FdHandler {
 public:
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);
  // Connections accepted in one go, before the loop's other work gets its turn.
  static constexpr int kBatch = 64;

  // `on_accept` gets each connection: non-blocking, close-on-exec, TCP_NODELAY set on TCP.
  using AcceptCallback = absl::AnyInvocable<void(UniqueFd fd, const SocketAddress& peer)>;

  // `*exhausted`, if given, counts the rests; it outlives the acceptor.
  Acceptor(EventLoop* loop, ListenSocket socket, AcceptCallback on_accept,
           std::atomic<uint64_t>* exhausted = nullptr);
  ~Acceptor() override;

  const SocketAddress& address() const { return socket_.address(); }
  // While paused, connections wait in the kernel's backlog.
  void Pause();
  void Resume();

 private:
  void OnFdReady(FdEvents events) override;
  void Rest();

  EventLoop* loop_;
  ListenSocket socket_;
  AcceptCallback on_accept_;
  std::unique_ptr<FdWatcher> watcher_;
  TimerId retry_timer_ = TimerId::kNone;
  bool paused_ = false;
  std::atomic<uint64_t>* const exhausted_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_LISTEN_SOCKET_H_
