#include "kraken/daemon/kraken_json.h"

#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/json.h"

namespace kraken::daemon {

std::string ToKrakenJson(const std::array<uint8_t, 20>& id) {
  return absl::StrCat("[", absl::StrJoin(id, ","), "]");
}

absl::StatusOr<std::array<uint8_t, 20>> ParseKrakenId(const nlohmann::json* value) {
  std::array<uint8_t, 20> id{};
  if (value == nullptr || !value->is_array() || value->size() != id.size()) {
    return absl::InvalidArgumentError("an id is a list of 20 numbers");
  }
  for (size_t i = 0; i < id.size(); ++i) {
    const std::optional<int64_t> byte = JsonInt64(&(*value)[i]);
    if (!byte.has_value() || *byte < 0 || *byte > std::numeric_limits<uint8_t>::max()) {
      return absl::InvalidArgumentError("an id's numbers are bytes");
    }
    id[i] = static_cast<uint8_t>(*byte);
  }
  return id;
}

}  // namespace kraken::daemon
