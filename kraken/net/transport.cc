#include "kraken/net/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"

namespace kraken::net {
namespace {

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(UniqueFd fd) : Transport(std::move(fd)) {}

  IoResult Handshake() override { return IoResult::Ok(0); }

  IoResult Read(char* buffer, size_t size) override { return ReadRaw(buffer, size); }

  IoResult Write(absl::Span<const iovec> pieces, bool more) override {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ssize_t n;
    do {
      n = ::sendmsg(fd(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return FromErrno("write");
    return IoResult::Ok(static_cast<size_t>(n));
  }

  IoResult SendFile(int file_fd, uint64_t offset, uint64_t size) override {
    off_t position = static_cast<off_t>(offset);
    const size_t count = static_cast<size_t>(std::min<uint64_t>(size, kMaxSendFile));
    ssize_t n;
    do {
      n = ::sendfile(fd(), file_fd, &position, count);
    } while (n < 0 && errno == EINTR);
    if (n > 0) return IoResult::Ok(static_cast<size_t>(n));
    if (n == 0) {
      SetError(absl::DataLossError(
          absl::StrCat("file ends at byte ", offset, ", ", size, " more were to be sent")));
      return IoResult::Error();
    }
    return FromErrno("sendfile");
  }

  bool HasUnflushed() const override { return false; }
  IoResult Flush() override { return IoResult::Ok(0); }
  void ShutdownWrite() override { ::shutdown(fd(), SHUT_WR); }
  bool is_tls() const override { return false; }
  absl::optional<TlsPeerCertificate> peer_certificate() const override { return absl::nullopt; }

 private:
  // One call's share, so that the kernel returns to us for a look at other connections.
  static constexpr uint64_t kMaxSendFile = 2 << 20;

  IoResult FromErrno(const char* operation) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IoResult::WouldBlock();
    SetErrorFromErrno(errno, operation);
    return IoResult::Error();
  }
};

}  // namespace

void Transport::SetErrorFromErrno(int error_number, const char* operation) {
  error_ = ErrnoToStatus(error_number, operation);
}

IoResult Transport::ReadRaw(char* buffer, size_t size) {
  ssize_t n;
  do {
    n = ::recv(fd_.get(), buffer, size, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return IoResult::Ok(static_cast<size_t>(n));
  if (n == 0) return IoResult::Eof();
  if (errno == EAGAIN || errno == EWOULDBLOCK) return IoResult::WouldBlock();
  SetErrorFromErrno(errno, "read");
  return IoResult::Error();
}

void Transport::ResetOnClose() {
  const linger hard = {1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

bool Transport::PeerHasClosed(bool* half) const {
  char byte;
  ssize_t n;
  do {
    n = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  *half = n == 0;
  if (n > 0) return false;
  if (n == 0) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0) {
      *half = false;
    }
    return true;
  }
  return errno != EAGAIN && errno != EWOULDBLOCK;
}

void LimitUnsentBytes(int fd, int bytes) {
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

std::unique_ptr<Transport> MakePlainTransport(UniqueFd fd) {
  return std::make_unique<PlainTransport>(std::move(fd));
}

}  // namespace kraken::net
