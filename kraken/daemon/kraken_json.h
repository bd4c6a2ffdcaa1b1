// How processes of Kraken's version 1 write things in JSON.
#ifndef KRAKEN_DAEMON_KRAKEN_JSON_H_
#define KRAKEN_DAEMON_KRAKEN_JSON_H_

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace kraken::daemon {

// A peer id or an info hash: a list of twenty numbers, "[219,119,…]".
std::string ToKrakenJson(const std::array<uint8_t, 20>& id);
// INVALID_ARGUMENT for anything else; also for null, a value that is missing.
absl::StatusOr<std::array<uint8_t, 20>> ParseKrakenId(const nlohmann::json* value);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_KRAKEN_JSON_H_
