// TLS on a non-blocking socket, by a BIO of our own: what TLS wants to read comes from one buffer
// filled by large reads, what it writes goes to one that is sent by large writes.
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_util.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/tls_error.h"
#include "kraken/net/transport.h"

namespace kraken::net {
namespace {

constexpr size_t kRecordBytes = 16 * 1024;
constexpr size_t kBatchBytes = 64 * 1024;
constexpr size_t kInputBytes = 64 * 1024;
static_assert(kBatchBytes % kRecordBytes == 0);

// Plain bytes on their way into records; used within one call only, so one per thread does.
char* BatchBuffer() {
  thread_local const std::unique_ptr<char[]> buffer(new char[kBatchBytes]);
  return buffer.get();
}

std::string NameToString(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  const uint8_t* data = nullptr;
  size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return std::string(reinterpret_cast<const char*>(data), size);
}

std::string CommonName(const X509_NAME* name) {
  char buffer[256] = "";
  const int size = X509_NAME_get_text_by_NID(name, NID_commonName, buffer, sizeof(buffer));
  return size <= 0 ? "" : std::string(buffer, std::min<size_t>(size, sizeof(buffer) - 1));
}

void AddSubjectAltName(const GENERAL_NAME* name, TlsPeerCertificate* out) {
  const auto text = [](const ASN1_STRING* s) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
                       static_cast<size_t>(ASN1_STRING_length(s)));
  };
  if (name->type == GEN_DNS) out->dns_sans.push_back(text(name->d.dNSName));
  if (name->type == GEN_URI) out->uri_sans.push_back(text(name->d.uniformResourceIdentifier));
  if (name->type == GEN_IPADD) {
    const std::string bytes = text(name->d.iPAddress);
    sockaddr_in v4 = {};
    sockaddr_in6 v6 = {};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    if (bytes.size() == sizeof(v4.sin_addr)) {
      std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
      out->ip_sans.push_back(
          SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&v4), sizeof(v4)).ip());
    } else if (bytes.size() == sizeof(v6.sin6_addr)) {
      std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
      out->ip_sans.push_back(
          SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&v6), sizeof(v6)).ip());
    }
  }
}

TlsPeerCertificate Describe(X509* certificate) {
  TlsPeerCertificate result;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  result.subject = NameToString(subject);
  result.common_name = CommonName(subject);
  const bssl::UniquePtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (size_t i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    AddSubjectAltName(sk_GENERAL_NAME_value(names.get(), i), &result);
  }
  uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size > 0) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(der, static_cast<size_t>(size), digest);
    result.sha256_hex = absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
  }
  OPENSSL_free(der);
  ERR_clear_error();
  return result;
}

class TlsTransport : public Transport {
 public:
  TlsTransport(UniqueFd fd, SSL* ssl) : Transport(std::move(fd)), ssl_(ssl) {
    BIO* bio = BIO_new(Method());
    KH_CHECK(bio != nullptr);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  IoResult Handshake() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const IoResult flushed = Flush();
    if (result == 1) {
      return flushed.kind == IoResult::Kind::kError ? flushed : IoResult::Ok(0);
    }
    if (flushed.kind == IoResult::Kind::kError && error().ok()) return flushed;
    return FromSsl(result, "TLS handshake");
  }

  IoResult Read(char* buffer, size_t size) override {
    size_t total = 0;
    while (total < size) {
      ERR_clear_error();
      const int n = SSL_read(ssl_.get(), buffer + total,
                             static_cast<int>(std::min<size_t>(size - total, 1 << 30)));
      if (n > 0) {
        total += static_cast<size_t>(n);
        continue;
      }
      // What ended the loop is found again by the next call.
      if (total > 0) {
        ERR_clear_error();
        break;
      }
      return FromSsl(n, "TLS read");
    }
    return IoResult::Ok(total);
  }

  IoResult Write(absl::Span<const iovec> pieces, bool more) override {
    if (const IoResult room = MakeRoom(); !room.ok()) return room;
    // Small pieces share a record.
    char* batch = BatchBuffer();
    size_t size = 0;
    for (const iovec& piece : pieces) {
      const size_t take = std::min(piece.iov_len, kBatchBytes - size);
      std::memcpy(batch + size, piece.iov_base, take);
      size += take;
      if (size == kBatchBytes) break;
    }
    return Seal(batch, size, more);
  }

  IoResult SendFile(int file_fd, uint64_t offset, uint64_t size) override {
    if (const IoResult room = MakeRoom(); !room.ok()) return room;
    char* batch = BatchBuffer();
    const size_t want = static_cast<size_t>(std::min<uint64_t>(size, kBatchBytes));
    ssize_t n;
    do {
      n = ::pread(file_fd, batch, want, static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
      SetErrorFromErrno(errno, "read file");
      return IoResult::Error();
    }
    if (n == 0) {
      SetError(absl::DataLossError(
          absl::StrCat("file ends at byte ", offset, ", ", size, " more were to be sent")));
      return IoResult::Error();
    }
    return Seal(batch, static_cast<size_t>(n), /*more=*/false);
  }

  bool HasUnflushed() const override { return out_start_ < output_.size(); }

  IoResult Flush() override {
    while (HasUnflushed()) {
      const ssize_t n =
          ::send(fd(), output_.data() + out_start_, output_.size() - out_start_, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return IoResult::WouldBlock();
      if (n < 0) {
        SetErrorFromErrno(errno, "write");
        return IoResult::Error();
      }
      out_start_ += static_cast<size_t>(n);
    }
    output_.clear();
    out_start_ = 0;
    if (std::exchange(shutdown_pending_, false)) ::shutdown(fd(), SHUT_WR);
    return IoResult::Ok(0);
  }

  void ShutdownWrite() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    shutdown_pending_ = true;
    Flush();
  }

  bool is_tls() const override { return true; }

  absl::optional<TlsPeerCertificate> peer_certificate() const override {
    if (SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_NONE ||
        SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
      return absl::nullopt;
    }
    const bssl::UniquePtr<X509> certificate(SSL_get_peer_certificate(ssl_.get()));
    if (certificate == nullptr) return absl::nullopt;
    return Describe(certificate.get());
  }

  void ReleaseIdleBuffers() override {
    if (in_start_ == in_end_) {
      input_.reset();
      in_start_ = in_end_ = 0;
    }
    if (output_.empty()) std::string().swap(output_);
  }

 private:
  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index(), "kraken");
      KH_CHECK(m != nullptr);
      BIO_meth_set_read(m, &TlsTransport::BioRead);
      BIO_meth_set_write(m, &TlsTransport::BioWrite);
      BIO_meth_set_ctrl(m, [](BIO*, int command, long, void*) -> long {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
      });
      return m;
    }();
    return method;
  }

  static int BioRead(BIO* bio, char* buffer, int size) {
    BIO_clear_retry_flags(bio);
    return static_cast<TlsTransport*>(BIO_get_data(bio))->TakeInput(bio, buffer, size);
  }

  static int BioWrite(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    auto* self = static_cast<TlsTransport*>(BIO_get_data(bio));
    // Callers keep room for a batch; only a handshake's flight may go beyond.
    self->output_.append(data, static_cast<size_t>(size));
    return size;
  }

  int TakeInput(BIO* bio, char* buffer, int size) {
    if (in_start_ == in_end_) {
      if (input_ == nullptr) input_.reset(new char[kInputBytes]);
      ssize_t n;
      do {
        n = ::recv(fd(), input_.get(), kInputBytes, 0);
      } while (n < 0 && errno == EINTR);
      in_start_ = 0;
      in_end_ = n > 0 ? static_cast<size_t>(n) : 0;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_read(bio);
        return -1;
      }
      if (n < 0) read_errno_ = errno;
      if (n <= 0) return static_cast<int>(n);
    }
    const size_t take = std::min(static_cast<size_t>(size), in_end_ - in_start_);
    std::memcpy(buffer, input_.get() + in_start_, take);
    in_start_ += take;
    return static_cast<int>(take);
  }

  // Before anything is sealed: what was sealed before has left, so that the output is bounded.
  IoResult MakeRoom() {
    if (output_.size() < kBatchBytes && out_start_ == 0) return IoResult::Ok(0);
    const IoResult flushed = Flush();
    return flushed.kind == IoResult::Kind::kOk ? IoResult::Ok(0) : flushed;
  }

  IoResult Seal(const char* data, size_t size, bool more) {
    size_t sealed = 0;
    while (sealed < size) {
      ERR_clear_error();
      const int n = SSL_write(ssl_.get(), data + sealed, static_cast<int>(size - sealed));
      if (n <= 0) {
        if (sealed > 0) break;
        return FromSsl(n, "TLS write");
      }
      sealed += static_cast<size_t>(n);
    }
    if (!more || output_.size() >= kBatchBytes) {
      if (Flush().kind == IoResult::Kind::kError) return IoResult::Error();
    }
    return IoResult::Ok(sealed);
  }

  IoResult FromSsl(int result, const char* operation) {
    const int code = SSL_get_error(ssl_.get(), result);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return IoResult::WouldBlock();
    if (code == SSL_ERROR_ZERO_RETURN) return IoResult::Eof();
    const long verify = SSL_get_verify_result(ssl_.get());
    const std::string details = TakeTlsErrors();
    if (code == SSL_ERROR_SYSCALL) {
      if (read_errno_ != 0) {
        SetErrorFromErrno(read_errno_, operation);
      } else {
        SetError(absl::UnavailableError(
            absl::StrCat(operation, ": the peer closed the connection without a TLS goodbye")));
      }
    } else if (details.find("CERTIFICATE_VERIFY_FAILED") != std::string::npos) {
      SetError(absl::UnauthenticatedError(absl::StrCat(
          operation,
          ": the peer's certificate does not verify: ", X509_verify_cert_error_string(verify))));
    } else if (details.find("CERT") != std::string::npos ||
               details.find("UNKNOWN_CA") != std::string::npos) {
      SetError(absl::UnauthenticatedError(absl::StrCat(operation, ": ", details)));
    } else {
      SetError(absl::UnavailableError(absl::StrCat(operation, ": ", details)));
    }
    return IoResult::Error();
  }

  const bssl::UniquePtr<SSL> ssl_;
  // Bytes from the socket that TLS has not taken yet; freed while idle.
  std::unique_ptr<char[]> input_;
  size_t in_start_ = 0;
  size_t in_end_ = 0;
  // Sealed records that the socket has not taken yet.
  std::string output_;
  size_t out_start_ = 0;
  bool shutdown_pending_ = false;
  int read_errno_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> MakeTlsTransport(UniqueFd fd, const TlsContext& context,
                                                            absl::string_view dialled_host) {
  absl::StatusOr<SSL*> ssl = context.NewConnection(dialled_host);
  if (!ssl.ok()) return ssl.status();
  LimitUnsentBytes(fd.get(), kMaxUnsentTlsBytes);
  return std::unique_ptr<Transport>(std::make_unique<TlsTransport>(std::move(fd), *ssl));
}

}  // namespace kraken::net
