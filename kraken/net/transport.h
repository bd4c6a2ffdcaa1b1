#ifndef KRAKEN_NET_TRANSPORT_H_
#define KRAKEN_NET_TRANSPORT_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/tls_context.h"

namespace kraken::net {

// The outcome of one non-blocking operation.
struct IoResult {
  enum class Kind {
    kOk,          // `bytes` > 0 were moved
    kWouldBlock,  // nothing moved: wait for the next readiness edge of the descriptor
    kEof,         // reading only: the peer has ended its direction
    kError,       // the connection is of no more use; see Transport::error()
  };

  Kind kind = Kind::kWouldBlock;
  size_t bytes = 0;

  bool ok() const { return kind == Kind::kOk; }
  static IoResult Ok(size_t bytes) { return {Kind::kOk, bytes}; }
  static IoResult WouldBlock() { return {Kind::kWouldBlock, 0}; }
  static IoResult Eof() { return {Kind::kEof, 0}; }
  static IoResult Error() { return {Kind::kError, 0}; }
};

// A connected, non-blocking stream socket, plain or with TLS. Owns the descriptor.
//
// Belongs to one thread. Made for edge-triggered watching (FdWatcher::Mode::kEdgeReadWrite): after
// a would-block of any operation, retry every pending operation at the next edge of either kind
// (TLS may read to write and write to read).
class Transport {
 public:
  virtual ~Transport() = default;

  int fd() const { return fd_.get(); }
  // Why an operation returned kError: UNAVAILABLE (reset, timed out by the kernel, …) or, for TLS,
  // UNAUTHENTICATED (a certificate did not verify, or was wanted and missing).
  const absl::Status& error() const { return error_; }

  // Proceeds with the handshake: kOk (bytes is 0) when it is complete. A plain one is complete.
  virtual IoResult Handshake() = 0;
  virtual IoResult Read(char* buffer, size_t size) = 0;
  // Writes some of the pieces; `more` says that more will follow at once (MSG_MORE).
  virtual IoResult Write(absl::Span<const iovec> pieces, bool more) = 0;
  // Sends some bytes of a file: sendfile(2), or with TLS by way of one 64 KiB buffer. kError also
  // for a file that ends early or cannot be read.
  virtual IoResult SendFile(int file_fd, uint64_t offset, uint64_t size) = 0;
  // Whether bytes accepted by Write() still wait inside (TLS records): call Flush() at the next
  // edge until it no longer would block.
  virtual bool HasUnflushed() const = 0;
  virtual IoResult Flush() = 0;
  // Ends our direction (with TLS: close_notify first); the other one stays open.
  virtual void ShutdownWrite() = 0;
  virtual bool is_tls() const = 0;
  // Of a complete handshake, and only if it verified.
  virtual absl::optional<TlsPeerCertificate> peer_certificate() const = 0;
  // Frees buffers that an idle connection does not need.
  virtual void ReleaseIdleBuffers() {}

  // Reads what the socket has, below TLS: to drop it.
  IoResult ReadRaw(char* buffer, size_t size);
  // Looks without reading: true if the peer is gone, or (*half) has at least ended its direction
  // and everything it sent has been read.
  bool PeerHasClosed(bool* half) const;
  // Makes closing send a reset, so that the peer cannot take what it got for the whole.
  void ResetOnClose();

 protected:
  explicit Transport(UniqueFd fd) : fd_(std::move(fd)) {}
  void SetErrorFromErrno(int error_number, const char* operation);
  void SetError(absl::Status status) { error_ = std::move(status); }

 private:
  UniqueFd fd_;
  absl::Status error_;
};

// Lets the kernel hold at most so many unsent bytes (TCP_NOTSENT_LOWAT), so that what is written
// later is not stuck behind them and slow readers cost little memory. Has no effect on other
// sockets.
void LimitUnsentBytes(int fd, int bytes);

// `fd` is a connected, non-blocking socket.
std::unique_ptr<Transport> MakePlainTransport(UniqueFd fd);
// As a server or a client, as the context has it; `dialled_host` is for clients. Unlike pages that
// sendfile(2) sends, sealed records fill memory: at most kMaxUnsentTlsBytes of them wait unsent.
inline constexpr int kMaxUnsentTlsBytes = 256 * 1024;
absl::StatusOr<std::unique_ptr<Transport>> MakeTlsTransport(UniqueFd fd, const TlsContext& context,
                                                            absl::string_view dialled_host);

}  // namespace kraken::net

#endif  // KRAKEN_NET_TRANSPORT_H_
