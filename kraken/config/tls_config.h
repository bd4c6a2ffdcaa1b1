#ifndef KRAKEN_CONFIG_TLS_CONFIG_H_
#define KRAKEN_CONFIG_TLS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kraken::config {

class ObjectReader;

// A file that a section names: {path: …}.
struct FilePath {
  std::string path;  // Empty: none.
};
void ReadConfig(ObjectReader& r, FilePath* c);

// One end's certificate.
struct TlsEndConfig {
  bool disabled = false;
  FilePath cert;        // PEM
  FilePath key;         // PEM
  FilePath passphrase;  // Of an encrypted key; its file is trimmed.
};
void ReadConfig(ObjectReader& r, TlsEndConfig* c);

// Section `tls` of every component, and of `security` in the registry backends. TLS is on unless
// `disabled` says otherwise, as in Kraken: plaintext is a decision, not an omission.
struct TlsConfig {
  // The server name that every peer's certificate is checked for; empty: the host dialled.
  std::string name;
  // Added to the system's certificate authorities.
  std::vector<FilePath> cas;
  TlsEndConfig server;
  TlsEndConfig client;
};
void ReadConfig(ObjectReader& r, TlsConfig* c);

// FAILED_PRECONDITION unless `tls`, read from section `section`, is enough for a process that
// listens: a server's certificate and key, or `server.disabled: true`.
absl::Status CheckServerTls(const TlsConfig& tls, absl::string_view section = "tls");

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_TLS_CONFIG_H_
