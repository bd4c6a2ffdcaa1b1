#include "kraken/net/tls_context.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/pem.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/tls_error.h"

namespace kraken::net {
namespace {

constexpr const char* kSystemCaFiles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/ssl/cert.pem",                                  // Alpine, others
};

absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ReadCertificates(const std::string& path) {
  KH_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxPemFileBytes));
  auto certificates = ParseCertificates(text);
  if (!certificates.ok()) return Annotate(certificates.status(), path);
  return certificates;
}

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ReadKey(const TlsIdentity& identity) {
  KH_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(identity.key_file, kMaxPemFileBytes));
  std::string passphrase;
  const bool encrypted = !identity.key_passphrase_file.empty();
  if (encrypted) {
    KH_ASSIGN_OR_RETURN(passphrase, ReadWholeFile(identity.key_passphrase_file, kMaxPemFileBytes));
    absl::StripTrailingAsciiWhitespace(&passphrase);
  }
  auto key = ParsePrivateKey(text, encrypted ? &passphrase : nullptr);
  if (!key.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        identity.key_file, ": ", key.status().message(),
        encrypted ? absl::StrCat("; is the passphrase in ", identity.key_passphrase_file, " right?")
                  : "; an encrypted key needs a passphrase file"));
  }
  return key;
}

absl::Status UseIdentity(const TlsIdentity& identity, SSL_CTX* context, int64_t* not_after) {
  KH_ASSIGN_OR_RETURN(const auto chain, ReadCertificates(identity.certificate_file));
  KH_ASSIGN_OR_RETURN(const auto key, ReadKey(identity));
  bool ok = SSL_CTX_use_certificate(context, chain[0].get()) == 1;
  for (size_t i = 1; ok && i < chain.size(); ++i) {
    ok = SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1;
  }
  if (!ok) {
    return absl::FailedPreconditionError(
        absl::StrCat(identity.certificate_file, ": ", TakeTlsErrors()));
  }
  if (!BelongTogether(chain[0].get(), key.get()) ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError(absl::StrCat(
        "key ", identity.key_file, " does not belong to certificate ", identity.certificate_file));
  }
  bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, epoch.get(), X509_get0_notAfter(chain[0].get())) == 1) {
    *not_after = static_cast<int64_t>(days) * 24 * 3600 + seconds;
  }
  return absl::OkStatus();
}

absl::Status TrustFile(const std::string& path, SSL_CTX* context, bool name_to_clients) {
  KH_ASSIGN_OR_RETURN(const auto certificates, ReadCertificates(path));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& certificate : certificates) {
    // The only failure but want of memory is a certificate that is there already.
    X509_STORE_add_cert(store, certificate.get());
    if (name_to_clients) SSL_CTX_add_client_CA(context, certificate.get());
  }
  ERR_clear_error();
  return absl::OkStatus();
}

// Empty: this system has none.
std::string SystemCaFile() {
  if (const char* file = ::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') return file;
  for (const char* file : kSystemCaFiles) {
    if (::access(file, R_OK) == 0) return file;
  }
  return "";
}

absl::Status TrustSystem(SSL_CTX* context) {
  const std::string file = SystemCaFile();
  if (!file.empty()) {
    return Annotate(TrustFile(file, context, false), "the system's certificate authorities");
  }
  return absl::FailedPreconditionError(
      absl::StrCat("this system has no CA certificates (looked for ",
                   absl::StrJoin(kSystemCaFiles, ", "), "); name a CA file"));
}

}  // namespace

struct TlsContext::Loaded {
  bssl::UniquePtr<SSL_CTX> context;
  int64_t not_after = 0;
};

TlsContext::TlsContext(TlsServerOptions options) : is_server_(true), server_(std::move(options)) {}

TlsContext::TlsContext(TlsClientOptions options) : is_server_(false), client_(std::move(options)) {}

TlsContext::~TlsContext() = default;

absl::StatusOr<std::shared_ptr<TlsContext>> TlsContext::CreateServer(TlsServerOptions options) {
  if (options.identity.certificate_file.empty() || options.identity.key_file.empty()) {
    return absl::FailedPreconditionError("a TLS server needs a certificate and a key");
  }
  if (options.client_auth != ClientAuth::kNone && options.client_ca_files.empty()) {
    return absl::FailedPreconditionError(
        "client certificates cannot be verified without a CA file");
  }
  std::shared_ptr<TlsContext> result(new TlsContext(std::move(options)));
  KH_RETURN_IF_ERROR(ReloadRegistry::OfProcess().Load(result));
  return result;
}

absl::StatusOr<std::shared_ptr<TlsContext>> TlsContext::CreateClient(TlsClientOptions options) {
  std::shared_ptr<TlsContext> result(new TlsContext(std::move(options)));
  KH_RETURN_IF_ERROR(ReloadRegistry::OfProcess().Load(result));
  return result;
}

std::vector<std::string> TlsContext::files() const {
  const TlsIdentity& identity = is_server_ ? server_.identity : client_.identity;
  std::vector<std::string> files = is_server_ ? server_.client_ca_files : client_.ca_files;
  if (!is_server_ && files.empty() && client_.verify_server) files.push_back(SystemCaFile());
  for (const std::string& file :
       {identity.certificate_file, identity.key_file, identity.key_passphrase_file}) {
    if (!file.empty()) files.push_back(file);
  }
  return files;
}

absl::StatusOr<std::shared_ptr<const TlsContext::Loaded>> TlsContext::Load() const {
  auto loaded = std::make_shared<Loaded>();
  loaded->context.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = loaded->context.get();
  if (context == nullptr) return absl::InternalError("SSL_CTX_new failed");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const TlsIdentity& identity = is_server_ ? server_.identity : client_.identity;
  if (!identity.certificate_file.empty()) {
    KH_RETURN_IF_ERROR(UseIdentity(identity, context, &loaded->not_after));
  }
  if (is_server_) {
    static constexpr uint8_t kSessionContext[] = "kraken";
    SSL_CTX_set_session_id_context(context, kSessionContext, sizeof(kSessionContext) - 1);
    for (const std::string& file : server_.client_ca_files) {
      KH_RETURN_IF_ERROR(TrustFile(file, context, /*name_to_clients=*/true));
    }
    const int mode = server_.client_auth == ClientAuth::kNone ? SSL_VERIFY_NONE
                     : server_.client_auth == ClientAuth::kOptional
                         ? SSL_VERIFY_PEER
                         : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, nullptr);
    return loaded;
  }
  SSL_CTX_set_verify(context, client_.verify_server ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  for (const std::string& file : client_.ca_files) {
    KH_RETURN_IF_ERROR(TrustFile(file, context, /*name_to_clients=*/false));
  }
  if (client_.ca_files.empty() && client_.verify_server) KH_RETURN_IF_ERROR(TrustSystem(context));
  return loaded;
}

absl::Status TlsContext::Reload() {
  absl::StatusOr<std::shared_ptr<const Loaded>> loaded = Load();
  if (!loaded.ok()) return Annotate(loaded.status(), "TLS");
  loaded_.Set(*std::move(loaded));
  return absl::OkStatus();
}

int64_t TlsContext::certificate_not_after() const { return loaded_.get()->not_after; }

absl::StatusOr<SSL*> TlsContext::NewConnection(absl::string_view dialled_host) const {
  const std::shared_ptr<const Loaded> loaded = loaded_.get();
  bssl::UniquePtr<SSL> ssl(SSL_new(loaded->context.get()));
  if (ssl == nullptr) return absl::ResourceExhaustedError("SSL_new failed");
  if (is_server_) {
    SSL_set_accept_state(ssl.get());
    return ssl.release();
  }
  SSL_set_connect_state(ssl.get());
  const std::string name =
      client_.server_name.empty() ? std::string(dialled_host) : client_.server_name;
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
  // SNI carries names only (RFC 6066 §3).
  const bool is_ip = SocketAddress::FromIp(name, 0).ok();
  const bool ok = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1
                        : !name.empty() && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1 &&
                              X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) == 1;
  if (!ok) {
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no name for a TLS server"));
  }
  return ssl.release();
}

}  // namespace kraken::net
