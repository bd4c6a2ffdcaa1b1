#ifndef KRAKEN_CONFIG_BANDWIDTH_CONFIG_H_
#define KRAKEN_CONFIG_BANDWIDTH_CONFIG_H_

#include <cstdint>

namespace kraken::config {

class ObjectReader;

// Sections `scheduler.conn.bandwidth` and `backends[].bandwidth`: what a process may send and
// receive. Numbers are bits, as in Kraken. The defaults are those of `scheduler.conn.bandwidth`.
struct BandwidthConfig {
  bool enable = false;
  int64_t egress_bits_per_sec = int64_t{200} * 8 * 1024 * 1024;
  int64_t ingress_bits_per_sec = int64_t{300} * 8 * 1024 * 1024;
  int64_t token_size_bits = 8 * 1024 * 1024;
};
void ReadConfig(ObjectReader& r, BandwidthConfig* c);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_BANDWIDTH_CONFIG_H_
