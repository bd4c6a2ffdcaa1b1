#include "kraken/rpc/credentials.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace kraken::rpc {
namespace {

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) return ErrnoToStatus(errno, absl::StrCat("read ", path));
  std::string pem = content.str();
  if (pem.find("-----BEGIN") == std::string::npos) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a PEM file"));
  }
  return pem;
}

absl::StatusOr<std::string> ReadAuthorities(const TlsFiles& files) {
  std::string authorities;
  for (const std::string& path : files.authority_files) {
    KH_ASSIGN_OR_RETURN(std::string pem, ReadPem(path));
    absl::StrAppend(&authorities, pem, "\n");
  }
  return authorities;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  if (files.authority_files.empty()) {
    return absl::FailedPreconditionError(
        "mutual TLS needs the authorities of clients' certificates (tls.cas)");
  }
  KH_ASSIGN_OR_RETURN(std::string authorities, ReadAuthorities(files));
  KH_ASSIGN_OR_RETURN(std::string chain, ReadPem(files.certificate_file));
  KH_ASSIGN_OR_RETURN(std::string key, ReadPem(files.key_file));
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = std::move(authorities);
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(chain)});
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  KH_ASSIGN_OR_RETURN(options.pem_root_certs, ReadAuthorities(files));
  if (!files.certificate_file.empty()) {
    KH_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadPem(files.certificate_file));
    KH_ASSIGN_OR_RETURN(options.pem_private_key, ReadPem(files.key_file));
  }
  return grpc::SslCredentials(options);
}

}  // namespace kraken::rpc
