// For tests: certificate authorities and certificates, made on the spot.
#ifndef KRAKEN_NET_TEST_CERTIFICATES_H_
#define KRAKEN_NET_TEST_CERTIFICATES_H_

#include <memory>
#include <string>
#include <vector>

#include "kraken/net/tls_context.h"

namespace kraken::net {

// A CA with a key of its own. Ends the process if something fails.
class TestCa {
 public:
  struct Request {
    std::string common_name = "test";
    std::vector<std::string> dns_sans;
    std::vector<std::string> ip_sans;
    std::vector<std::string> uri_sans;
    std::string key_passphrase;  // empty: the key is not encrypted
    int64_t valid_seconds = 3600;
  };

  // Writes the CA's certificate to `<dir>/<name>-ca.pem`.
  TestCa(std::string dir, std::string name);
  ~TestCa();

  const std::string& ca_file() const { return ca_file_; }
  // Writes `<dir>/<name>.pem`, `<name>.key` and, for an encrypted key, `<name>.pass`.
  TlsIdentity Issue(const std::string& name, const Request& request);

 private:
  struct Keys;

  const std::string dir_;
  const std::string name_;
  const std::string ca_file_;
  std::unique_ptr<Keys> keys_;
  int64_t next_serial_ = 2;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_TEST_CERTIFICATES_H_
