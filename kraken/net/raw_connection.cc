#include "kraken/net/raw_connection.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "gtest/gtest.h"

namespace kraken::net {

RawConnection::RawConnection(const SocketAddress& address, int receive_buffer_bytes)
    : fd_(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit = {20, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (receive_buffer_bytes > 0) {
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof(receive_buffer_bytes));
  }
  EXPECT_EQ(::connect(fd_.get(), address.data(), address.size()), 0)
      << address.ToString() << ": " << std::strerror(errno);
}

bool RawConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) {
      EXPECT_NE(errno, EAGAIN) << "the other side does not read";
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string RawConnection::ReadUntil(absl::string_view end) {
  std::string result;
  char c;
  while (end.empty() || result.size() < end.size() ||
         absl::string_view(result).substr(result.size() - end.size()) != end) {
    const ssize_t n = ::recv(fd_.get(), &c, 1, 0);
    if (n <= 0) {
      was_reset_ = n < 0 && errno == ECONNRESET;
      EXPECT_FALSE(n < 0 && errno == EAGAIN) << "no answer; so far: " << result;
      break;
    }
    result.push_back(c);
  }
  return result;
}

std::string RawConnection::ReadBytes(size_t count) {
  std::string result(count, '\0');
  size_t got = 0;
  while (got < count) {
    const ssize_t n = ::recv(fd_.get(), &result[got], count - got, 0);
    if (n <= 0) {
      was_reset_ = n < 0 && errno == ECONNRESET;
      EXPECT_FALSE(n < 0 && errno == EAGAIN) << "only " << got << " bytes of " << count;
      break;
    }
    got += static_cast<size_t>(n);
  }
  result.resize(got);
  return result;
}

std::string RawConnection::ReadToEnd() {
  std::string result;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (n <= 0) {
      was_reset_ = n < 0 && errno == ECONNRESET;
      EXPECT_FALSE(n < 0 && errno == EAGAIN) << "no end";
      return result;
    }
    result.append(buffer, static_cast<size_t>(n));
  }
}

void RawConnection::ShutdownWrite() { ::shutdown(fd_.get(), SHUT_WR); }

void RawConnection::Reset() {
  const linger hard = {1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  fd_.Reset();
}

ShortTestDir::ShortTestDir() : path_(P_tmpdir "/kh.XXXXXX") {
  EXPECT_NE(::mkdtemp(path_.data()), nullptr);
}

ShortTestDir::~ShortTestDir() { EXPECT_EQ(::rmdir(path_.c_str()), 0) << path_; }

}  // namespace kraken::net
