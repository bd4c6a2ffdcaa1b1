#ifndef KRAKEN_DAEMON_VERSION_H_
#define KRAKEN_DAEMON_VERSION_H_

namespace kraken::daemon {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_VERSION_H_
