// JSON from outside, without surprises: no exceptions, a depth limit, accessors that check types.
#ifndef KRAKEN_BASE_JSON_H_
#define KRAKEN_BASE_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken {

// Deep enough for every document that registries, Harbor and Kraken exchange.
inline constexpr int kDefaultMaxJsonDepth = 32;

// Parses one JSON document. INVALID_ARGUMENT, with line and column, on a syntax error, bytes that
// are no UTF-8, or more than `max_depth` nested arrays and objects. Of equal keys the last one
// holds. Memory is a small multiple of `text`; bounding that is the caller's part.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text,
                                         int max_depth = kDefaultMaxJsonDepth);

// Compact JSON. Strings that are no UTF-8 get U+FFFD for each bad byte (json::dump would throw).
std::string DumpJson(const nlohmann::json& value);

// The member `key` of `object`; null if there is none or `object` is not an object.
const nlohmann::json* FindJson(const nlohmann::json& object, absl::string_view key);

// As FindJson; if no key is equal, one that is equal but for ASCII case, as Go's decoder does.
const nlohmann::json* FindJsonIgnoreCase(const nlohmann::json& object, absl::string_view key);

// The value, if it is not null and has that very type and, for int64, that range.
std::optional<std::string> JsonString(const nlohmann::json* value);
std::optional<int64_t> JsonInt64(const nlohmann::json* value);
std::optional<bool> JsonBool(const nlohmann::json* value);

}  // namespace kraken

#endif  // KRAKEN_BASE_JSON_H_
