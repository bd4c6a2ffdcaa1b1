#ifndef KRAKEN_NET_TLS_CONTEXT_H_
#define KRAKEN_NET_TLS_CONTEXT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/current.h"
#include "kraken/base/files/reloadable.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace kraken::net {

// A certificate chain and its key, in PEM files. The key may be encrypted, in PKCS#8 or in the
// older "Proc-Type" form; the passphrase file is trimmed of white space at its end.
struct TlsIdentity {
  std::string certificate_file;
  std::string key_file;
  std::string key_passphrase_file;  // empty: the key is not encrypted
};

enum class ClientAuth {
  kNone,      // clients are not asked for a certificate
  kOptional,  // asked; one that is presented must verify
  kRequired,  // without a verified certificate the handshake fails
};

struct TlsServerOptions {
  TlsIdentity identity;
  std::vector<std::string> client_ca_files;  // whom clients' certificates are checked against
  ClientAuth client_auth = ClientAuth::kNone;
};

struct TlsClientOptions {
  // Whom servers are checked against. Empty: the system's pool ($SSL_CERT_FILE, or the places where
  // Linux distributions keep it).
  std::vector<std::string> ca_files;
  TlsIdentity identity;  // no certificate_file: none is presented
  // The name that a server's certificate must bear, and that is sent as SNI, for every host; empty:
  // the host that was dialled. Kraken's `tls.name`.
  std::string server_name;
  // False only for tests and for operators who say so: anyone may then be the server.
  bool verify_server = true;
};

// What the other side's certificate says. Only verified certificates are reported.
struct TlsPeerCertificate {
  std::string subject;  // RFC 2253: "CN=agent-7,O=kraken"
  std::string common_name;
  std::vector<std::string> dns_sans;
  std::vector<std::string> ip_sans;  // numeric
  std::vector<std::string> uri_sans;
  std::string sha256_hex;  // of the DER bytes
};

// Settings of the TLS connections of one role: TLS 1.2 and 1.3 on BoringSSL.
//
// Thread-safe. The process's ReloadRegistry reads its files again when they change; a connection
// keeps what was current when it was made.
class TlsContext final : public Reloadable {
 public:
  // Errors name the file and the cause: NOT_FOUND, PERMISSION_DENIED, or FAILED_PRECONDITION (not
  // PEM, wrong passphrase, key and certificate do not belong together, mTLS without a CA file).
  static absl::StatusOr<std::shared_ptr<TlsContext>> CreateServer(TlsServerOptions options);
  static absl::StatusOr<std::shared_ptr<TlsContext>> CreateClient(TlsClientOptions options);

  ~TlsContext() override;
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  std::vector<std::string> files() const override;
  absl::Status Reload() override;

  bool is_server() const { return is_server_; }
  // Seconds since the epoch at which our own certificate ends; 0 without one.
  int64_t certificate_not_after() const;

  // A new connection's state: for TlsTransport. `dialled_host` is what a client dialled.
  absl::StatusOr<SSL*> NewConnection(absl::string_view dialled_host) const;

 private:
  struct Loaded;

  explicit TlsContext(TlsServerOptions options);
  explicit TlsContext(TlsClientOptions options);
  absl::StatusOr<std::shared_ptr<const Loaded>> Load() const;

  const bool is_server_;
  const TlsServerOptions server_;
  const TlsClientOptions client_;
  Current<Loaded> loaded_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_TLS_CONTEXT_H_
