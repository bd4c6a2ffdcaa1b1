#include "kraken/net/listen_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace kraken::net {
namespace {

absl::Status ListenError(int error_number, const SocketAddress& address) {
  const std::string what = absl::StrCat("listen ", address.ToString());
  switch (error_number) {
    case EADDRINUSE:
      return absl::FailedPreconditionError(absl::StrCat(
          what, ": address already in use (",
          address.is_unix() ? "another process holds the socket, or a file of another kind is there"
                            : "another process holds the port",
          "; stop it or choose another)"));
    case EADDRNOTAVAIL:
      return absl::FailedPreconditionError(absl::StrCat(what, ": this host has no such address"));
    case ENOENT:
    case ENOTDIR:
      return absl::FailedPreconditionError(absl::StrCat(what, ": no such directory"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat(what, ": permission denied",
                       address.is_unix() ? " (directory not writable)"
                       : (address.port() != 0 && address.port() < 1024)
                           ? " (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
                           : ""));
    default:
      return ErrnoToStatus(error_number, what);
  }
}

// Removes the file of a unix socket that nobody listens on any more.
void RemoveStaleUnixSocket(const SocketAddress& address) {
  struct stat file;
  // To connect to a file of another kind is refused as well.
  if (::lstat(address.unix_path().c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return;
  // Non-blocking: who has a full backlog is alive.
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return;
  if (::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED) {
    ::unlink(address.unix_path().c_str());
  }
}

int SocketOption(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

absl::Status SetOptions(int fd, const SocketAddress& address, const ListenOptions& options) {
  if (!address.is_ip()) return absl::OkStatus();
  const int on = 1;
  const int off = 0;
  // A restarted daemon takes its port back at once, whatever connections are in TIME_WAIT.
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      (options.reuse_port && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
      // "[::]:80" and ":80" serve IPv4 too.
      (address.family() == AF_INET6 &&
       ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)) {
    return ListenError(errno, address);
  }
  return absl::OkStatus();
}

bool IsExhaustion(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
         error_number == ENOMEM;
}

}  // namespace

ListenSocket::ListenSocket(UniqueFd fd, SocketAddress address)
    : fd_(std::move(fd)), address_(address) {}

absl::StatusOr<ListenSocket> ListenSocket::Listen(absl::string_view address,
                                                  ListenOptions options) {
  absl::StatusOr<SocketAddress> parsed = SocketAddress::Parse(address);
  if (!parsed.ok()) return Annotate(parsed.status(), "listen");
  SocketAddress bound = *parsed;
  UniqueFd fd(::socket(bound.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid() && errno == EAFNOSUPPORT && address.substr(0, 1) == ":") {
    // A host without IPv6: ":80" means every IPv4 address.
    KH_ASSIGN_OR_RETURN(bound, SocketAddress::FromIp("0.0.0.0", bound.port()));
    fd.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (!fd.valid()) return ListenError(errno, bound);
  KH_RETURN_IF_ERROR(SetOptions(fd.get(), bound, options));
  if (bound.is_unix()) RemoveStaleUnixSocket(bound);
  if (::bind(fd.get(), bound.data(), bound.size()) != 0) return ListenError(errno, bound);
  ListenSocket socket(std::move(fd), bound);
  if (bound.is_unix()) KH_RETURN_IF_ERROR(socket.TakeFile(options.unix_mode));
  // Until now, connecting is refused.
  if (::listen(socket.fd(), options.backlog) != 0) return ListenError(errno, bound);
  if (bound.is_ip()) socket.address_ = SocketAddress::LocalOf(socket.fd());
  return socket;
}

absl::Status ListenSocket::TakeFile(int mode) {
  const std::string path = address_.unix_path();
  struct stat file;
  if (::lstat(path.c_str(), &file) != 0) return ListenError(errno, address_);
  file_device_ = file.st_dev;
  file_inode_ = file.st_ino;
  if (mode != ListenOptions::kModeOfUmask &&
      ::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("mode of ", address_.ToString()));
  }
  return absl::OkStatus();
}

absl::StatusOr<ListenSocket> ListenSocket::Adopt(UniqueFd fd) {
  const SocketAddress address = SocketAddress::LocalOf(fd.get());
  if (SocketOption(fd.get(), SO_TYPE) != SOCK_STREAM ||
      SocketOption(fd.get(), SO_ACCEPTCONN) != 1 || !(address.is_ip() || address.is_unix())) {
    return absl::FailedPreconditionError(
        absl::StrCat("descriptor ", fd.get(), " is not a listening stream socket"));
  }
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("descriptor ", fd.get()));
  }
  return ListenSocket(std::move(fd), address);
}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::move(other.fd_);
    address_ = other.address_;
    file_device_ = other.file_device_;
    file_inode_ = other.file_inode_;
  }
  return *this;
}

ListenSocket::~ListenSocket() { Close(); }

void ListenSocket::Close() {
  struct stat file;
  if (fd_.valid() && file_inode_ != 0 && ::lstat(address_.unix_path().c_str(), &file) == 0 &&
      file.st_dev == file_device_ && file.st_ino == file_inode_) {
    ::unlink(address_.unix_path().c_str());
  }
  fd_.Reset();
}

Acceptor::Acceptor(EventLoop* loop, ListenSocket socket, AcceptCallback on_accept,
                   std::atomic<uint64_t>* exhausted)
    : loop_(loop),
      socket_(std::move(socket)),
      on_accept_(std::move(on_accept)),
      exhausted_(exhausted) {
  Resume();
}

Acceptor::~Acceptor() { loop_->CancelTimer(retry_timer_); }

void Acceptor::Pause() {
  paused_ = true;
  watcher_.reset();
}

void Acceptor::Resume() {
  paused_ = false;
  if (watcher_ != nullptr || retry_timer_ != TimerId::kNone) return;
  watcher_ = std::make_unique<FdWatcher>(loop_, socket_.fd(), static_cast<FdHandler*>(this),
                                         FdWatcher::Mode::kLevelRead);
}

void Acceptor::Rest() {
  if (exhausted_ != nullptr) exhausted_->fetch_add(1, std::memory_order_relaxed);
  watcher_.reset();
  retry_timer_ = loop_->RunAfter(kRetryDelay, [this] {
    retry_timer_ = TimerId::kNone;
    if (!paused_) Resume();
  });
}

void Acceptor::OnFdReady(FdEvents) {
  // on_accept_ may pause us.
  for (int i = 0; i < kBatch && watcher_ != nullptr; ++i) {
    sockaddr_storage storage = {};
    socklen_t size = sizeof(storage);
    UniqueFd fd(::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&storage), &size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (IsExhaustion(errno)) return Rest();
      // A connection that was reset while it waited says nothing about the next one.
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
      return;
    }
    if (socket_.address().is_ip()) {
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    on_accept_(std::move(fd),
               SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&storage), size));
  }
}

}  // namespace kraken::net
