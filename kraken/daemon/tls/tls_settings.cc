#include "kraken/daemon/tls/tls_settings.h"

#include <string>
#include <utility>
#include <vector>

#include "kraken/base/status_macros.h"
#include "kraken/daemon/start_error.h"

namespace kraken::daemon {
namespace {

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
  authorities.reserve(tls.cas.size());
  for (const config::FilePath& file : tls.cas) authorities.push_back(file.path);
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
  KH_ASSIGN_OR_RETURN(settings.rpc,
                      rpc::Certificates::Load({.authority_files = authorities,
                                               .certificate_file = tls.server.cert.path,
                                               .key_file = tls.server.key.path,
                                               .server_name = tls.name}));
  KH_ASSIGN_OR_RETURN(settings.signer,
                      PieceListSignerFiles::Load(tls.server.key.path, tls.server.cert.path));
  KH_ASSIGN_OR_RETURN(settings.verifier, PieceListVerifierFiles::Load(authorities, tls.name));
  return settings;
}

void AddMetrics(const TlsSettings& settings, telemetry::Metrics& metrics) {
  const auto gauge = [&metrics](const char* end) {
    return &metrics.AddGauge("kraken_tls_certificate_not_after_timestamp_seconds",
                             "When the certificate ends that new connections are shown.",
                             {{"end", end}});
  };
  metrics.AddCollector([server = settings.http_server, client = settings.client,
                        of_server = gauge("server"), of_client = gauge("client")] {
    of_server->Set(static_cast<double>(server->certificate_not_after()));
    of_client->Set(static_cast<double>(client->certificate_not_after()));
  });
}

}  // namespace

absl::StatusOr<TlsSettings> MakeTlsSettings(const config::TlsConfig& tls,
                                            telemetry::Metrics* metrics) {
  if (tls.server.disabled && tls.client.disabled) return TlsSettings();
  absl::StatusOr<TlsSettings> settings = Make(tls);
  if (!settings.ok()) return WithExitCode(settings.status(), config::kExitBadConfig);
  AddMetrics(*settings, *metrics);
  return settings;
}

}  // namespace kraken::daemon
