#ifndef KRAKEN_NET_INHERITED_SOCKETS_H_
#define KRAKEN_NET_INHERITED_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/net/listen_socket.h"

namespace kraken::net {

// Listening sockets that the service manager has opened and passes on: systemd's socket activation,
// as sd_listen_fds(3) describes it. Descriptors from 3 on are sockets if LISTEN_PID is this
// process; LISTEN_FDS says how many, LISTEN_FDNAMES what each is called.
class InheritedSockets {
 public:
  static constexpr int kFirstDescriptor = 3;
  // So many sockets nobody passes on purpose.
  static constexpr int kMaxSockets = 64;

  // None.
  InheritedSockets() = default;

  // Takes what is there, and takes the variables out of the environment. Call it once, in main(),
  // before there are threads and before a descriptor is opened. FAILED_PRECONDITION: a variable
  // makes no sense, or a descriptor is no listening stream socket.
  static absl::StatusOr<InheritedSockets> FromEnvironment();

  // Gives up the sockets of that name and, with `or_unnamed`, those that nobody has named: systemd
  // calls them by their unit, "kraken-agent.socket", or "unknown".
  std::vector<ListenSocket> Take(absl::string_view name, bool or_unnamed);
  // FAILED_PRECONDITION if some were not taken: nobody would ever answer there.
  absl::Status CheckAllTaken() const;

  bool empty() const { return sockets_.empty(); }

 private:
  struct Named {
    std::string name;  // "" if nobody named it
    ListenSocket socket;
  };

  std::vector<Named> sockets_;
  std::vector<std::string> asked_for_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_INHERITED_SOCKETS_H_
