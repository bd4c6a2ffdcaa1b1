// For tests: a blocking socket that says exactly what it is told, well-formed or not.
#ifndef KRAKEN_NET_RAW_CONNECTION_H_
#define KRAKEN_NET_RAW_CONNECTION_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {

// Fails the test (and then answers "") if the other side keeps it waiting for 20 s.
class RawConnection {
 public:
  // `receive_buffer_bytes` > 0 makes a slow reader's effect come soon.
  explicit RawConnection(const SocketAddress& address, int receive_buffer_bytes = 0);

  // False if the connection is gone.
  bool Send(absl::string_view bytes);
  // Reads until what has been read since the last call contains `end`, or the connection ends;
  // returns it all and keeps nothing.
  std::string ReadUntil(absl::string_view end);
  std::string ReadBytes(size_t count);
  std::string ReadToEnd();
  // Whether the last read ended in a reset.
  bool was_reset() const { return was_reset_; }
  void ShutdownWrite();
  // Closes with a reset.
  void Reset();
  void Close() { fd_.Reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  bool was_reset_ = false;
};

// A folder whose name is short enough for a unix socket in it, which TEST_TMPDIR's often is not.
class ShortTestDir {
 public:
  ShortTestDir();
  // Removes the folder, which must be empty by then.
  ~ShortTestDir();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_RAW_CONNECTION_H_
