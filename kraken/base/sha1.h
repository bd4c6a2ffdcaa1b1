// SHA-1, for Kraken's peer ids and info hashes only: nothing is trusted because of it.
#ifndef KRAKEN_BASE_SHA1_H_
#define KRAKEN_BASE_SHA1_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace kraken {

std::array<uint8_t, 20> Sha1(absl::string_view bytes);

}  // namespace kraken

#endif  // KRAKEN_BASE_SHA1_H_
