#include "kraken/daemon/tls_settings.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/daemon/start_error.h"

namespace kraken::daemon {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

absl::Status CheckComplete(const config::TlsConfig& tls) {
  if (tls.server.disabled != tls.client.disabled) {
    return absl::FailedPreconditionError(
        "tls: server and client must both be on, or both say `disabled: true`; one process speaks "
        "to the others of its cluster in one way only");
  }
  KH_RETURN_IF_ERROR(config::CheckServerTls(tls));
  if (tls.cas.empty()) {
    return absl::FailedPreconditionError(
        "tls.cas: name the certificate authorities of the cluster, which every process's "
        "certificate is checked against");
  }
  return absl::OkStatus();
}

absl::StatusOr<TlsSettings> Make(const config::TlsConfig& tls) {
  KH_RETURN_IF_ERROR(CheckComplete(tls));
  std::vector<std::string> authorities;
  std::string authorities_pem;
  for (const config::FilePath& file : tls.cas) {
    authorities.push_back(file.path);
    KH_ASSIGN_OR_RETURN(std::string pem, ReadFile(file.path));
    absl::StrAppend(&authorities_pem, pem, "\n");
  }
  // A cluster with one certificate per process need not name it twice.
  const config::TlsEndConfig& client_end = tls.client.cert.path.empty() ? tls.server : tls.client;
  const net::TlsIdentity server = {.certificate_file = tls.server.cert.path,
                                   .key_file = tls.server.key.path,
                                   .key_passphrase_file = tls.server.passphrase.path};
  const net::TlsIdentity client = {.certificate_file = client_end.cert.path,
                                   .key_file = client_end.key.path,
                                   .key_passphrase_file = client_end.passphrase.path};

  TlsSettings settings;
  KH_ASSIGN_OR_RETURN(settings.http_server,
                      net::TlsContext::CreateServer({.identity = server,
                                                     .client_ca_files = authorities,
                                                     .client_auth = net::ClientAuth::kOptional}));
  KH_ASSIGN_OR_RETURN(settings.peer_server,
                      net::TlsContext::CreateServer({.identity = server,
                                                     .client_ca_files = authorities,
                                                     .client_auth = net::ClientAuth::kRequired}));
  KH_ASSIGN_OR_RETURN(settings.client,
                      net::TlsContext::CreateClient(
                          {.ca_files = authorities, .identity = client, .server_name = tls.name}));
  settings.rpc = {.authority_files = authorities,
                  .certificate_file = tls.server.cert.path,
                  .key_file = tls.server.key.path,
                  .server_name = tls.name};
  KH_ASSIGN_OR_RETURN(const std::string key, ReadFile(tls.server.key.path));
  KH_ASSIGN_OR_RETURN(const std::string chain, ReadFile(tls.server.cert.path));
  KH_ASSIGN_OR_RETURN(settings.signer, swarm::PieceListSigner::Create(key, chain));
  KH_ASSIGN_OR_RETURN(settings.verifier,
                      swarm::PieceListVerifier::Create(authorities_pem, tls.name));
  return settings;
}

}  // namespace

absl::StatusOr<TlsSettings> MakeTlsSettings(const config::TlsConfig& tls) {
  if (tls.server.disabled && tls.client.disabled) return TlsSettings();
  absl::StatusOr<TlsSettings> settings = Make(tls);
  if (!settings.ok()) return WithExitCode(settings.status(), config::kExitBadConfig);
  return settings;
}

}  // namespace kraken::daemon
