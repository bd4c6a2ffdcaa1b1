#ifndef KRAKEN_DAEMON_ADMIN_GATE_H_
#define KRAKEN_DAEMON_ADMIN_GATE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/config/reader.h"
#include "kraken/net/http_exchange.h"
#include "kraken/telemetry/log_throttle.h"

namespace kraken::daemon {

// Section `admin`: who besides this host and the bearers of a client certificate may look into a
// process and give it orders.
//   admin: {username: ops, password: "${file:/etc/secrets/ops}"}
struct AdminConfig {
  // Both or neither.
  std::string username;
  std::string password;
  // Whoever reaches the process may look; orders still need one of the above.
  bool public_read = false;
};
void ReadConfig(config::ObjectReader& r, AdminConfig* c);

// What a gate knows of who asks.
struct AdminCaller {
  bool has_certificate = false;  // that verified
  // And nobody elsewhere asks through it.
  bool is_on_this_host = false;
  absl::string_view authorization;  // as the field has it; empty: none
};

enum class AdminAccess { kLook, kOrder };

// Fields that a proxy adds: who asks through one is not where the proxy is. In small letters, as
// gRPC has its metadata.
inline constexpr const char* kProxyFields[] = {"forwarded", "x-forwarded-for", "via", "x-real-ip"};

// Stands before endpoints that only operators call. Let in are:
//   - a client with a certificate that verified;
//   - one with the username and password of the configuration, compared in constant time;
//   - one on this host. A proxy's request is not, nor one whose Host names another machine: a page
//     of a stranger in a browser on this host is to reach nothing, whatever its DNS says.
// Everything but GET and HEAD is refused (403) when a browser says that another site's page sent
// it. Everybody else gets 401 if there is a password to ask for, else 403. For gRPC:
// rpc_admin_gate.h. Thread safe.
class AdminGate {
 public:
  static constexpr absl::Duration kLogInterval = absl::Seconds(10);

  explicit AdminGate(AdminConfig config);

  // `handler`, behind the gate. The gate outlives it.
  net::HttpHandler Guard(net::HttpHandler handler);

  // OK, UNAUTHENTICATED, or PERMISSION_DENIED with what is missing.
  absl::Status Check(const net::HttpExchange& exchange) const;
  absl::Status Check(const AdminCaller& caller, AdminAccess access) const;

  // Says from time to time in the log who is refused, and what he has asked for.
  void LogRefusal(absl::string_view ip, absl::string_view request, const absl::Status& why);

 private:
  void Refuse(net::HttpExchange& exchange, const absl::Status& why);

  const std::string authorization_;  // what a request must bring; empty: there is no password
  const bool public_read_;
  telemetry::LogThrottle log_{kLogInterval};
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_ADMIN_GATE_H_
