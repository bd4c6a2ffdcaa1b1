#ifndef KRAKEN_BASE_PEER_ID_H_
#define KRAKEN_BASE_PEER_ID_H_

#include "absl/strings/string_view.h"
#include "kraken/base/random.h"
#include "kraken/base/twenty_bytes.h"

namespace kraken {

// Names one peer of the swarm, as Kraken does. Default-constructed: all zeros, which is no peer.
class PeerId : public TwentyBytes<PeerId> {
 public:
  static constexpr char kTypeName[] = "peer id";

  PeerId() = default;

  // A random id (Kraken's `peer_id_factory: random`). With the system's generator, or with `bits`
  // in deterministic code.
  static PeerId Random();
  static PeerId Random(BitGen& bits);

  // SHA-1 of "ip:port" (Kraken's `addr_hash`): the same after a restart. An IPv6 address is
  // bracketed first.
  static PeerId FromAddress(absl::string_view ip, int port);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_PEER_ID_H_
