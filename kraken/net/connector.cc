#include "kraken/net/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"

namespace kraken::net {
namespace {

class ConnectorImpl : public Connector, private FdHandler {
 public:
  ConnectorImpl(EventLoop* loop, ConnectTarget target, absl::Duration timeout, Callback callback)
      : loop_(loop),
        target_(std::move(target)),
        callback_(std::move(callback)),
        deadline_(EventLoop::MonotonicNow() + timeout),
        alive_(std::make_shared<ConnectorImpl*>(this)) {
    timer_ = loop_->RunAfter(timeout, [this, timeout] {
      timer_ = TimerId::kNone;
      Finish(absl::DeadlineExceededError(absl::StrCat(
          Where(), ": no connection within ", absl::FormatDuration(timeout),
          last_error_.ok() ? "" : absl::StrCat(" (last: ", last_error_.message(), ")"))));
    });
  }

  ~ConnectorImpl() override {
    *alive_ = nullptr;
    watcher_.reset();
    loop_->CancelTimer(timer_);
    loop_->CancelTimer(attempt_timer_);
  }

  void Begin(Resolver* resolver) {
    if (!target_.unix_path.empty()) {
      loop_->Defer([alive = alive_] {
        if (*alive != nullptr) {
          (*alive)->OnResolved(ToList(SocketAddress::FromUnixPath((*alive)->target_.unix_path)));
        }
      });
      return;
    }
    resolver->Resolve(target_.host, target_.port, loop_->handle(),
                      [alive = alive_](absl::StatusOr<std::vector<SocketAddress>> addresses) {
                        if (*alive != nullptr) (*alive)->OnResolved(std::move(addresses));
                      });
  }

 private:
  using Addresses = std::vector<SocketAddress>;

  static absl::StatusOr<Addresses> ToList(absl::StatusOr<SocketAddress> address) {
    if (!address.ok()) return address.status();
    return Addresses{*address};
  }

  std::string Where() const {
    return absl::StrCat("connect to ", target_.unix_path.empty()
                                           ? JoinHostPort(target_.host, target_.port)
                                           : absl::StrCat("unix:", target_.unix_path));
  }

  void OnResolved(absl::StatusOr<Addresses> addresses) {
    if (!addresses.ok()) return Finish(Annotate(addresses.status(), Where()));
    addresses_ = *std::move(addresses);
    TryNext();
  }

  // Starts with the next address, or ends with the last one's error.
  void TryNext() {
    for (;;) {
      watcher_.reset();
      transport_.reset();
      fd_.Reset();
      loop_->CancelTimer(std::exchange(attempt_timer_, TimerId::kNone));
      if (next_ == addresses_.size()) return Finish(last_error_);
      const SocketAddress& address = addresses_[next_++];
      if (Dial(address)) return;
    }
  }

  bool Dial(const SocketAddress& address) {
    fd_.Reset(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_.valid()) {
      last_error_ = Describe(ErrnoToStatus(errno, "socket"), address);
      return false;
    }
    if (address.is_ip()) {
      const int on = 1;
      ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (::connect(fd_.get(), address.data(), address.size()) != 0 && errno != EINPROGRESS) {
      last_error_ = ConnectError(errno, address);
      return false;
    }
    watcher_ = std::make_unique<FdWatcher>(loop_, fd_.get(), static_cast<FdHandler*>(this),
                                           FdWatcher::Mode::kEdgeReadWrite);
    const size_t left = addresses_.size() - next_;
    if (left > 0) {
      const absl::Duration share = (deadline_ - EventLoop::MonotonicNow()) / (left + 1);
      attempt_timer_ = loop_->RunAfter(share, [this, &address] {
        attempt_timer_ = TimerId::kNone;
        last_error_ = Describe(absl::DeadlineExceededError("no answer"), address);
        TryNext();
      });
    }
    return true;
  }

  absl::Status Describe(const absl::Status& status, const SocketAddress& address) const {
    const std::string text = address.ToString();
    const std::string where = Where();
    // The address is news only if a name was dialled.
    if (absl::StrCat("connect to ", text) == where) return Annotate(status, where);
    return Annotate(status, absl::StrCat(where, " at ", text));
  }

  // Whatever keeps a connection from being made, another host or a later time may cure.
  absl::Status ConnectError(int error_number, const SocketAddress& address) const {
    const absl::Status status = ErrnoToStatus(error_number, "connect");
    if (status.code() == absl::StatusCode::kDeadlineExceeded) return Describe(status, address);
    return Describe(absl::UnavailableError(status.message()), address);
  }

  void OnFdReady(FdEvents) override {
    const SocketAddress& address = addresses_[next_ - 1];
    if (transport_ == nullptr && !OnConnected(address)) return;
    const IoResult result = transport_->Handshake();
    if (result.kind == IoResult::Kind::kWouldBlock) return;
    if (!result.ok()) {
      last_error_ = Describe(transport_->error(), address);
      // Another address of the same service shows the same certificate.
      if (last_error_.code() == absl::StatusCode::kUnauthenticated) return Finish(last_error_);
      return TryNext();
    }
    watcher_.reset();
    Finish(std::move(transport_));
  }

  // The descriptor has reported something: whether there is a connection to go on with.
  bool OnConnected(const SocketAddress& address) {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      last_error_ = ConnectError(error, address);
      TryNext();
      return false;
    }
    sockaddr_storage peer = {};
    socklen_t peer_size = sizeof(peer);
    if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) {
      return false;  // still connecting
    }
    if (target_.tls == nullptr) {
      transport_ = MakePlainTransport(std::move(fd_));
      return true;
    }
    absl::StatusOr<std::unique_ptr<Transport>> tls =
        MakeTlsTransport(std::move(fd_), *target_.tls, target_.host);
    if (!tls.ok()) {
      Finish(Annotate(tls.status(), Where()));
      return false;
    }
    transport_ = *std::move(tls);
    return true;
  }

  void Finish(absl::StatusOr<std::unique_ptr<Transport>> result) {
    watcher_.reset();
    loop_->CancelTimer(std::exchange(timer_, TimerId::kNone));
    loop_->CancelTimer(std::exchange(attempt_timer_, TimerId::kNone));
    Callback callback = std::move(callback_);
    callback(std::move(result));
  }

  EventLoop* const loop_;
  const ConnectTarget target_;
  Callback callback_;
  const MonotonicTime deadline_;
  // Null once this is destroyed: for answers of the resolver that come later.
  const std::shared_ptr<ConnectorImpl*> alive_;
  TimerId timer_ = TimerId::kNone;
  TimerId attempt_timer_ = TimerId::kNone;
  Addresses addresses_;
  size_t next_ = 0;  // the address after the one being tried
  absl::Status last_error_ = absl::UnavailableError("no address");
  UniqueFd fd_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<FdWatcher> watcher_;
};

}  // namespace

std::unique_ptr<Connector> Connector::Start(EventLoop* loop, Resolver* resolver,
                                            ConnectTarget target, absl::Duration timeout,
                                            Callback callback) {
  auto connector =
      std::make_unique<ConnectorImpl>(loop, std::move(target), timeout, std::move(callback));
  connector->Begin(resolver);
  return connector;
}

}  // namespace kraken::net
