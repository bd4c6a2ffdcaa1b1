#ifndef KRAKEN_RPC_TLS_FILES_H_
#define KRAKEN_RPC_TLS_FILES_H_

#include <string>
#include <vector>

namespace kraken::rpc {

// PEM files for mutual TLS. All empty: plaintext.
struct TlsFiles {
  std::vector<std::string> authority_files;  // whom the other side is checked against
  std::string certificate_file;              // our chain, leaf first
  std::string key_file;
  // The name that servers' certificates must bear; empty: the host that was dialled.
  std::string server_name;

  bool enabled() const { return !certificate_file.empty() || !authority_files.empty(); }
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_TLS_FILES_H_
