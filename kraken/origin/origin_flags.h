#ifndef KRAKEN_ORIGIN_ORIGIN_FLAGS_H_
#define KRAKEN_ORIGIN_ORIGIN_FLAGS_H_

#include <string>

#include "kraken/config/flags.h"

namespace kraken::origin {

// Kraken's command line of an origin, and where gRPC listens.
struct OriginFlags {
  std::string peer_ip;
  int peer_port = 15001;
  std::string blobserver_hostname;
  int blobserver_port = 15002;
  int grpc_port = 0;
  std::string zone;
};
void AddFlags(config::FlagSet& set, OriginFlags* flags);

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_FLAGS_H_
