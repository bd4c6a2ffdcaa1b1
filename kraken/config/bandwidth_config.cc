#include "kraken/config/bandwidth_config.h"

#include "kraken/config/reader.h"

namespace kraken::config {

void ReadConfig(ObjectReader& r, BandwidthConfig* c) {
  r.Optional("enable", &c->enable);
  // Kraken's documentation says `enabled`, its code reads `enable`.
  r.Optional("enabled", &c->enable);
  r.Optional("egress_bits_per_sec", &c->egress_bits_per_sec, {.min = 1, .zero_is_default = true});
  r.Optional("ingress_bits_per_sec", &c->ingress_bits_per_sec, {.min = 1, .zero_is_default = true});
  r.Optional("token_size", &c->token_size_bits, {.min = 1, .zero_is_default = true});
}

}  // namespace kraken::config
