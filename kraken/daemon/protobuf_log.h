#ifndef KRAKEN_DAEMON_PROTOBUF_LOG_H_
#define KRAKEN_DAEMON_PROTOBUF_LOG_H_

namespace kraken::daemon {

// From now on protobuf writes nothing to stderr, where it knows neither our format nor a limit: of
// a message that it can't parse, whoever received that says more, and a peer that sends garbage
// must not fill the log. What is fatal is still written before the process ends.
void SilenceProtobuf();

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_PROTOBUF_LOG_H_
