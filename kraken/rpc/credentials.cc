#include "kraken/rpc/credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/pem.h"

namespace kraken::rpc {
namespace {

struct CertificateFile {
  std::string pem;
  std::vector<bssl::UniquePtr<X509>> certificates;
};

absl::StatusOr<CertificateFile> ReadCertificates(const std::string& path) {
  KH_ASSIGN_OR_RETURN(std::string pem, ReadWholeFile(path, net::kMaxPemFileBytes));
  auto certificates = net::ParseCertificates(pem);
  if (!certificates.ok()) return Annotate(certificates.status(), path);
  return CertificateFile{std::move(pem), *std::move(certificates)};
}

// Credentials of a server whose handshakes ask for the certificates that are current.
class ReloadingServerCredentials final : public grpc::ServerCredentials {
 public:
  // Outlives the server.
  explicit ReloadingServerCredentials(std::shared_ptr<const Certificates> certificates)
      : certificates_(std::move(certificates)),
        credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, &Fetch, this))) {}

  ~ReloadingServerCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {
    KH_CHECK(false);  // nobody has one
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Called for each handshake of the port, one at a time.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self_pointer, grpc_ssl_server_certificate_config** config) {
    auto* self = static_cast<ReloadingServerCredentials*>(self_pointer);
    std::shared_ptr<const Certificates::Pem> current = self->certificates_->current();
    if (current == self->used_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {current->key.c_str(), current->chain.c_str()};
    *config = grpc_ssl_server_certificate_config_create(current->authorities.c_str(), &pair, 1);
    self->used_ = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const std::shared_ptr<const Certificates> certificates_;
  std::shared_ptr<const Certificates::Pem> used_;
  grpc_server_credentials* const credentials_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Certificates>> Certificates::Load(const TlsFiles& files) {
  if (!files.enabled()) return nullptr;
  if (files.authority_files.empty()) {
    return absl::FailedPreconditionError(
        "mutual TLS needs the authorities of the others' certificates (tls.cas)");
  }
  std::shared_ptr<Certificates> certificates(new Certificates(files));
  KH_RETURN_IF_ERROR(ReloadRegistry::OfProcess().Load(certificates));
  return certificates;
}

std::vector<std::string> Certificates::files() const {
  std::vector<std::string> files = files_.authority_files;
  if (!files_.certificate_file.empty()) {
    files.push_back(files_.certificate_file);
    files.push_back(files_.key_file);
  }
  return files;
}

absl::Status Certificates::Reload() {
  auto pem = std::make_shared<Pem>();
  for (const std::string& file : files_.authority_files) {
    KH_ASSIGN_OR_RETURN(const CertificateFile authorities, ReadCertificates(file));
    absl::StrAppend(&pem->authorities, authorities.pem, "\n");
  }
  if (!files_.certificate_file.empty()) {
    KH_ASSIGN_OR_RETURN(CertificateFile chain, ReadCertificates(files_.certificate_file));
    KH_ASSIGN_OR_RETURN(pem->key, ReadWholeFile(files_.key_file, net::kMaxPemFileBytes));
    const auto key = net::ParsePrivateKey(pem->key);
    if (!key.ok()) return Annotate(key.status(), files_.key_file);
    if (!net::BelongTogether(chain.certificates[0].get(), key->get())) {
      return absl::FailedPreconditionError(absl::StrCat(
          "key ", files_.key_file, " does not belong to certificate ", files_.certificate_file));
    }
    pem->chain = std::move(chain.pem);
  }
  current_.Set(std::move(pem));
  return absl::OkStatus();
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    std::shared_ptr<const Certificates> certificates) {
  if (certificates == nullptr) return grpc::InsecureServerCredentials();
  return std::make_shared<ReloadingServerCredentials>(std::move(certificates));
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials::current() {
  if (certificates_ == nullptr) {
    if (credentials_ == nullptr) credentials_ = grpc::InsecureChannelCredentials();
    return credentials_;
  }
  std::shared_ptr<const Certificates::Pem> pem = certificates_->current();
  if (pem != used_) {
    credentials_ = grpc::SslCredentials({.pem_root_certs = pem->authorities,
                                         .pem_private_key = pem->key,
                                         .pem_cert_chain = pem->chain});
    used_ = std::move(pem);
  }
  return credentials_;
}

}  // namespace kraken::rpc
