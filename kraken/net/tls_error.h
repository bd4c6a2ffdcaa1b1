#ifndef KRAKEN_NET_TLS_ERROR_H_
#define KRAKEN_NET_TLS_ERROR_H_

#include <string>

namespace kraken::net {

// Takes everything from BoringSSL's error queue of this thread: "CERTIFICATE_VERIFY_FAILED; …".
std::string TakeTlsErrors();

}  // namespace kraken::net

#endif  // KRAKEN_NET_TLS_ERROR_H_
